//! One batch on one core, and the search for what is bad in it.

use ed25519_zebra::batch::Verifier;
use ed25519_zebra::{Signature, VerificationKeyBytes};

use super::fiat_shamir::Factors;
use super::{Signed, verify_one};

/// Below this many signatures a batch is hardly cheaper than single checks, and splitting further costs more than it
/// saves.
const SMALLEST: usize = 16;

/// What a check cost, in signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Signatures that went through batch equations, counted once per equation.
    pub(super) batched: usize,
    /// Signatures checked alone.
    pub(super) single: usize,
}

/// Checks each signature; `valid[i]` says whether `batch[i]` is good.
///
/// One bad signature spoils its whole batch's equation, and must not make the batch expensive, or a peer could spend
/// our time at will. The batch is halved until the bad one is alone; but once the halves have cost as many signatures
/// as the batch has, what is left is checked singly. So a batch of `n` never costs more than `2n` batched and `n`
/// single checks. As a batched check costs about half of a single one or less (measured: 0.2 with one author to 0.45 with as many
/// authors as signatures), that is at most twice the price of checking everything singly, whatever the peer sends.
pub(super) fn check(batch: &[Signed<'_>], valid: &mut [bool]) -> Cost {
    let mut search = Search { cost: Cost::default(), budget: batch.len() };
    if batch.len() < SMALLEST {
        search.singly(batch, valid);
    } else if search.equation_holds(batch) {
        valid.fill(true);
    } else {
        search.halve(batch, valid);
    }
    search.cost
}

struct Search {
    cost: Cost,
    /// Signatures that may still go through equations after the first.
    budget: usize,
}

impl Search {
    /// Finds the bad ones of a batch that is known to hold at least one.
    fn halve(&mut self, batch: &[Signed<'_>], valid: &mut [bool]) {
        if batch.len() < 2 * SMALLEST || self.budget < batch.len() / 2 {
            return self.singly(batch, valid);
        }
        let (left, right) = batch.split_at(batch.len() / 2);
        let (left_valid, right_valid) = valid.split_at_mut(left.len());
        self.budget -= left.len();
        if self.equation_holds(left) {
            // Then the bad one is on the right: no equation is needed to know.
            left_valid.fill(true);
            return self.halve(right, right_valid);
        }
        // The right first, while there is budget to find it good as a whole.
        let right_is_good = self.budget >= right.len() && {
            self.budget -= right.len();
            self.equation_holds(right)
        };
        self.halve(left, left_valid);
        if right_is_good {
            right_valid.fill(true);
        } else {
            self.halve(right, right_valid);
        }
    }

    fn singly(&mut self, batch: &[Signed<'_>], valid: &mut [bool]) {
        self.cost.single += batch.len();
        for (signed, valid) in batch.iter().zip(valid) {
            *valid = verify_one(signed);
        }
    }

    fn equation_holds(&mut self, batch: &[Signed<'_>]) -> bool {
        self.cost.batched += batch.len();
        let mut verifier = Verifier::new();
        for signed in batch {
            let key = VerificationKeyBytes::from(signed.key);
            verifier.queue((key, Signature::from(signed.signature), signed.message));
        }
        verifier.verify(Factors::of(batch)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    const MESSAGE: &[u8] = b"tidings";

    fn signed(n: usize) -> Vec<Signed<'static>> {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signature = key.sign(MESSAGE).to_bytes();
        vec![Signed { key: key.verifying_key().to_bytes(), signature, message: MESSAGE }; n]
    }

    fn cost_with_bad(n: usize, bad: impl Fn(usize) -> bool) -> Cost {
        let mut batch = signed(n);
        for (at, signed) in batch.iter_mut().enumerate().filter(|(at, _)| bad(*at)) {
            signed.signature[at % 32] ^= 1;
        }
        let mut valid = vec![false; n];
        let cost = check(&batch, &mut valid);
        for (at, valid) in valid.iter().enumerate() {
            assert_eq!(*valid, !bad(at), "signature {at} of {n}");
        }
        cost
    }

    #[test]
    fn a_good_batch_costs_one_equation() {
        assert_eq!(cost_with_bad(512, |_| false), Cost { batched: 512, single: 0 });
    }

    #[test]
    fn one_bad_signature_a_batch_does_not_cost_more_than_checking_singly() {
        for at in [0, 1, 100, 255, 256, 400, 511] {
            let cost = cost_with_bad(512, |i| i == at);
            assert!(cost.batched <= 1024 && cost.single <= 256, "bad one at {at}: {cost:?}");
        }
    }

    #[test]
    fn bad_signatures_everywhere_cost_no_more_than_twice_singles() {
        for step in [1, 2, 3, 16, 17, 31, 64, 200] {
            for n in [1, 2, 15, 16, 17, 31, 32, 33, 500, 512] {
                let cost = cost_with_bad(n, |i| i % step == 0);
                assert!(cost.batched <= 2 * n && cost.single <= n, "every {step}th of {n}: {cost:?}");
            }
        }
    }
}
