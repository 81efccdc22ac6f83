//! The random factors of a batch check, made from the batch itself.
//!
//! # Why not from the operating system
//!
//! The core reads no randomness, so that the same input always takes the same course.
//!
//! # Why this is sound
//!
//! A batch with a bad signature passes only if the factors `z` happen to solve one linear equation over a group of
//! prime order near 2^252, whose coefficients the batch fixes: one chance in 2^128 for factors of 128 bits. What
//! matters is that nobody can choose the batch after knowing the factors. They come from a hash of *everything* in the
//! batch (how many, each key, signature, message and its length), so any change to the batch, even to a part that the
//! equation does not hold, deals new factors; with the hash as a random oracle each batch that an attacker tries costs
//! a hash and wins with probability 2^-128. That is the Fiat-Shamir argument, used in the same way for proofs
//! everywhere. The factors need not be secret: whoever learns them learns them too late.
//!
//! The verifier hands the factors out in the order of its own hash map; which factor goes to which signature does
//! not matter, as all are fixed by the whole batch.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use super::Signed;

const SEED_TAG: &[u8] = b"tidings/verify-seed/1\0";

/// SHA-256 in counter mode over a seed made from a whole batch.
pub(super) struct Factors {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Factors {
    /// The factors of this batch.
    pub(super) fn of(batch: &[Signed<'_>]) -> Self {
        let mut hash = Sha256::new_with_prefix(SEED_TAG);
        hash.update((batch.len() as u64).to_be_bytes());
        for signed in batch {
            hash.update(signed.key);
            hash.update(signed.signature);
            hash.update((signed.message.len() as u64).to_be_bytes());
            hash.update(signed.message);
        }
        Factors { seed: hash.finalize().into(), counter: 0, block: [0; 32], used: 32 }
    }

    fn fill(&mut self, out: &mut [u8]) {
        let mut filled = 0;
        while filled < out.len() {
            if self.used == self.block.len() {
                self.next_block();
            }
            let len = (out.len() - filled).min(self.block.len() - self.used);
            out[filled..filled + len].copy_from_slice(&self.block[self.used..self.used + len]);
            filled += len;
            self.used += len;
        }
    }

    fn next_block(&mut self) {
        self.block = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize().into();
        self.counter += 1;
        self.used = 0;
    }
}

impl TryRng for Factors {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Factors {}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(batch: &[Signed<'_>]) -> u64 {
        Factors::of(batch).try_next_u64().unwrap()
    }

    #[test]
    fn a_change_anywhere_in_the_batch_deals_new_factors() {
        let one = Signed { key: [1; 32], signature: [2; 64], message: b"ab" };
        let two = Signed { key: [3; 32], signature: [4; 64], message: b"c" };
        let batches: Vec<Vec<Signed<'_>>> = vec![
            vec![one, two],
            vec![two, one],
            vec![one],
            vec![one, two, two],
            vec![Signed { key: [9; 32], ..one }, two],
            vec![Signed { signature: [9; 64], ..one }, two],
            vec![Signed { message: b"a", ..one }, Signed { message: b"bc", ..two }],
            vec![one, Signed { message: b"d", ..two }],
        ];
        let mut dealt: Vec<u64> = batches.iter().map(|batch| first(batch)).collect();
        dealt.sort_unstable();
        dealt.dedup();
        assert_eq!(dealt.len(), batches.len());
    }

    #[test]
    fn the_stream_does_not_repeat_across_blocks_or_depend_on_how_it_is_read() {
        let batch = [Signed { key: [1; 32], signature: [2; 64], message: b"m" }];
        let (mut whole, mut parts) = ([0; 100], [0; 100]);
        Factors::of(&batch).fill(&mut whole);
        let mut factors = Factors::of(&batch);
        for part in parts.chunks_mut(7) {
            factors.fill(part);
        }
        assert_eq!(whole, parts);
        assert_ne!(whole[..32], whole[32..64]);
        assert_ne!(whole[32..64], whole[64..96]);
    }
}
