//! What this machine can do at most: the arithmetic that no ledger of signed entries gets around.

use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use rayon::prelude::*;
use tidings_ledger::verify::{Signed, verify_batch};

/// How long each limit is measured.
const SPAN: Duration = Duration::from_millis(600);

/// Signatures checked together, as the ledger does it, and by how many authors.
const BATCH: usize = 512;
const AUTHORS: usize = 64;

/// About an entry's signed part.
const MESSAGE: usize = 250;

/// Rates a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) cores: usize,
    pub(super) sign_one: f64,
    pub(super) sign_all: f64,
    pub(super) verify_one: f64,
    pub(super) verify_all: f64,
}

impl Limits {
    /// Measures for some seconds.
    pub(super) fn measure() -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let key = SigningKey::from_bytes(&[7; 32]);
        let sign = |rounds: usize| {
            (0..rounds).for_each(|round| {
                std::hint::black_box(key.sign(&message(round)));
            })
        };
        let sign_one = rate(|| {
            sign(256);
            256
        });
        let sign_all = rate(|| {
            (0..cores * 8).into_par_iter().for_each(|_| sign(64));
            cores * 8 * 64
        });
        let keys: Vec<SigningKey> = (0..AUTHORS).map(|n| SigningKey::from_bytes(&[n as u8; 32])).collect();
        let messages: Vec<Vec<u8>> = (0..BATCH * 8).map(message).collect();
        let signatures: Vec<([u8; 32], [u8; 64])> = messages
            .iter()
            .enumerate()
            .map(|(at, message)| {
                let key = &keys[at % AUTHORS];
                (key.verifying_key().to_bytes(), key.sign(message).to_bytes())
            })
            .collect();
        let signed = |range: std::ops::Range<usize>| -> Vec<Signed<'_>> {
            range
                .map(|at| Signed { key: signatures[at].0, signature: signatures[at].1, message: &messages[at] })
                .collect()
        };
        let batch = signed(0..BATCH);
        let all = signed(0..BATCH * 8);
        let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let verify_one = one_core.map_or(0.0, |pool| {
            pool.install(|| {
                rate(|| {
                    std::hint::black_box(verify_batch(&batch));
                    BATCH
                })
            })
        });
        let verify_all = rate(|| {
            std::hint::black_box(verify_batch(&all));
            BATCH * 8
        });
        Limits { cores, sign_one, sign_all, verify_one, verify_all }
    }
}

fn message(number: usize) -> Vec<u8> {
    let mut message = vec![0x5a; MESSAGE];
    message[..8].copy_from_slice(&(number as u64).to_be_bytes());
    message
}

/// Rounds a second, the best of three thirds: what the machine can do, not what others left of it.
fn rate(mut round: impl FnMut() -> usize) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < SPAN / 3 {
            count += round();
        }
        best = best.max(count as f64 / begun.elapsed().as_secs_f64());
    }
    best
}
