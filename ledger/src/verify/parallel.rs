//! Many signatures: batches of a fixed size, spread over the cores.

use super::Signed;
use super::batch::check;

/// Signatures in a batch. Measured, the price of one falls until here and then no more, and a batch of this size is
/// small enough (a few milliseconds) to spread evenly over cores.
const BATCH: usize = 512;

/// Checks each signature; the result at `i` says whether `signed[i]` is valid, exactly as
/// [`verify_one`](super::verify_one) would.
///
/// With the feature `parallel` the work is spread over rayon's threads. Bad signatures are found by halving, at a price
/// that is bounded by twice that of single checks whatever their number.
///
/// Cost: O(signatures and bytes of messages).
pub fn verify_batch(signed: &[Signed<'_>]) -> Vec<bool> {
    let mut valid = vec![false; signed.len()];
    check_all(signed, &mut valid);
    valid
}

#[cfg(feature = "parallel")]
fn check_all(signed: &[Signed<'_>], valid: &mut [bool]) {
    use rayon::prelude::*;

    let size = batch_size(signed.len(), rayon::current_num_threads());
    signed.par_chunks(size).zip(valid.par_chunks_mut(size)).for_each(|(batch, valid)| {
        check(batch, valid);
    });
}

#[cfg(not(feature = "parallel"))]
fn check_all(signed: &[Signed<'_>], valid: &mut [bool]) {
    let size = batch_size(signed.len(), 1);
    for (batch, valid) in signed.chunks(size).zip(valid.chunks_mut(size)) {
        check(batch, valid);
    }
}

/// Equal shares for every thread, as large as they may be. Below the least size a batch of its own does not pay.
fn batch_size(len: usize, threads: usize) -> usize {
    const LEAST: usize = 64;
    let rounds = len.div_ceil(BATCH * threads.max(1)).max(1);
    len.div_ceil(rounds * threads.max(1)).clamp(LEAST, BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_batch_is_larger_than_the_limit_or_uselessly_small() {
        for threads in [0, 1, 2, 3, 64] {
            for len in [0, 1, 63, 64, 65, 512, 513, 1024, 1025, 100_000] {
                let size = batch_size(len, threads);
                assert!((64..=BATCH).contains(&size), "{len} signatures on {threads} threads: {size}");
            }
        }
    }

    #[test]
    fn a_few_more_than_a_batch_do_not_leave_cores_idle() {
        assert_eq!(batch_size(600, 2), 300);
        assert_eq!(batch_size(1024, 2), 512);
        assert_eq!(batch_size(1026, 2), 257);
    }
}
