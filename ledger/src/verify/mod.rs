//! Signatures: one rule for what is valid, checked alone or in batches, on all cores.
//!
//! Two peers must never disagree about an entry. RFC 8032 leaves room to disagree (points of small order, points with
//! two encodings, with or without the cofactor), and implementations use that room, some of them even between their
//! own single and batch checks. The rule here is [ZIP-215]: keys and `R` may be any encoding of a point on the curve,
//! `s` must be below the group's order, and `[8][s]B = [8]R + [8][k]A`. A batch multiplies the same equation by random
//! factors and adds, so it accepts exactly what each single check accepts.
//!
//! `ed25519-zebra` rather than `ed25519-consensus`: the same rule by the same authors, but on the curve library that
//! `ed25519-dalek` already brings (which uses vector instructions), instead of a second, older one.
//!
//! [ZIP-215]: https://zips.z.cash/zip-0215

mod batch;
mod fiat_shamir;
mod parallel;

pub use parallel::verify_batch;

use ed25519_zebra::{Signature, VerificationKey, VerificationKeyBytes};

/// A message with the signature that it claims to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The author's public key.
    pub key: [u8; 32],
    /// The signature, `R` before `s`.
    pub signature: [u8; 64],
    /// What was signed.
    pub message: &'a [u8],
}

/// Whether one signature is valid. For more than one, [`verify_batch`] does the same in less time.
pub fn verify_one(signed: &Signed<'_>) -> bool {
    let Ok(key) = VerificationKey::try_from(VerificationKeyBytes::from(signed.key)) else {
        return false;
    };
    key.verify(&Signature::from(signed.signature), signed.message).is_ok()
}
