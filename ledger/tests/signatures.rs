//! Signatures on which implementations disagree: what is valid here, and that a batch never changes it.
//!
//! The cases are made, not copied: all pairs of the encodings of the curve's points of small order (the 196 signatures
//! by which ZIP-215 is told from other rules), and one signature for each of the twelve conditions in "Taming the many
//! EdDSAs" (Chalkias, Garillot, Nikolaenko; SSR 2020).

#[path = "support/depth.rs"]
mod depth;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use data_encoding::HEXLOWER;
use depth::cases;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use sha2::{Digest, Sha512};
use tidings_ledger::verify::{Signed, verify_batch, verify_one};

/// A signature, what it shows, and whether it is valid.
struct Case {
    name: String,
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
    valid: bool,
}

impl Case {
    fn new(name: impl Into<String>, key: [u8; 32], r: [u8; 32], s: [u8; 32], message: &[u8], valid: bool) -> Self {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        Case { name: name.into(), key, signature, message: message.to_vec(), valid }
    }

    fn signed(&self) -> Signed<'_> {
        Signed { key: self.key, signature: self.signature, message: &self.message }
    }
}

#[test]
fn single_and_batch_follow_the_rule_on_every_edge_case() {
    let cases: Vec<Case> = small_order_cases().into_iter().chain(taming_cases()).chain(rfc8032_cases()).collect();
    assert_eq!(cases.len(), 196 + 12 + 2);
    let good = good_signature();
    for case in &cases {
        let signed = case.signed();
        assert_eq!(by_the_equation(&signed), case.valid, "the test's own arithmetic: {}", case.name);
        assert_eq!(verify_one(&signed), case.valid, "alone: {}", case.name);
        // A batch of one, of a few (checked singly), of an equation, and of more than one equation.
        for company in [0, 3, 100, 700] {
            let mut batch = vec![good.signed(); company + 1];
            let at = company / 3;
            batch[at] = signed;
            let found = verify_batch(&batch);
            assert_eq!(found[at], case.valid, "among {company} good ones: {}", case.name);
            assert!(found.iter().enumerate().all(|(i, valid)| *valid || i == at), "company of {}", case.name);
        }
    }
    let all: Vec<Signed<'_>> = cases.iter().map(Case::signed).collect();
    let expected: Vec<bool> = cases.iter().map(|case| case.valid).collect();
    assert_eq!(verify_batch(&all), expected, "all in one batch");
}

/// `ed25519-dalek` holds the keys: what it signs must be valid, and its looser and stricter checks must not be used.
#[test]
fn the_cases_tell_the_rule_from_others() {
    let disagree = taming_cases()
        .iter()
        .chain(&small_order_cases())
        .filter(|case| {
            let signature = ed25519_dalek::Signature::from_bytes(&case.signature);
            ed25519_dalek::VerifyingKey::from_bytes(&case.key)
                .is_ok_and(|key| key.verify_strict(&case.message, &signature).is_ok())
                != case.valid
        })
        .count();
    assert!(disagree > 190, "only {disagree} cases show a difference");
}

#[test]
fn an_empty_batch_is_no_panic() {
    assert!(verify_batch(&[]).is_empty());
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_damaged_signature_is_found_wherever_it_is(
        len in 1usize..700, damage in proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..4, 0usize..256), 0..12)
    ) {
        let messages: Vec<Vec<u8>> = (0..len).map(|at| format!("message {at}").into_bytes()).collect();
        let keys: Vec<SigningKey> = (1..=5).map(|seed| SigningKey::from_bytes(&[seed; 32])).collect();
        let mut batch: Vec<Signed<'_>> = messages
            .iter()
            .enumerate()
            .map(|(at, message)| {
                let key = &keys[at % keys.len()];
                Signed { key: key.verifying_key().to_bytes(), signature: key.sign(message).to_bytes(), message }
            })
            .collect();
        for (index, part, bit) in damage {
            let signed = &mut batch[index.index(len)];
            match part {
                0 => signed.key[bit / 8] ^= 1 << (bit % 8),
                1 => signed.signature[bit / 8] ^= 1 << (bit % 8),
                2 => signed.signature[32 + bit / 8] ^= 1 << (bit % 8),
                _ => signed.message = b"another message",
            }
        }
        let expected: Vec<bool> = batch.iter().map(by_the_equation).collect();
        prop_assert_eq!(batch.iter().map(verify_one).collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(verify_batch(&batch), expected);
    }
}

/// ZIP-215, written down once more.
fn by_the_equation(signed: &Signed<'_>) -> bool {
    let (r, s) = signed.signature.split_at(32);
    let (r, s): ([u8; 32], [u8; 32]) = (r.try_into().unwrap(), s.try_into().unwrap());
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
    let Some(a_point) = CompressedEdwardsY(signed.key).decompress() else { return false };
    let Some(r_point) = CompressedEdwardsY(r).decompress() else { return false };
    let k = challenge(&r, &signed.key, signed.message);
    (B * s - r_point - a_point * k).mul_by_cofactor().is_identity()
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash: [u8; 64] = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize().into();
    Scalar::from_bytes_mod_order_wide(&hash)
}

/// The eight points of small order in their canonical encodings, then the six other encodings that some of them have.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let canonical = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes());
    canonical.chain(non_canonical_small_order()).collect()
}

/// `y` of 1 and −1 with the sign of an `x` that is zero; `y` of 0 and 1 written as `p` and `p + 1`, with either sign.
fn non_canonical_small_order() -> [[u8; 32]; 6] {
    let near_p = |lowest: u8, highest: u8| {
        let mut bytes = [0xff; 32];
        bytes[0] = lowest;
        bytes[31] = highest;
        bytes
    };
    let mut one = [0; 32];
    one[0] = 1;
    one[31] = 0x80;
    [one, near_p(0xec, 0xff), near_p(0xed, 0x7f), near_p(0xed, 0xff), near_p(0xee, 0x7f), near_p(0xee, 0xff)]
}

/// Every pair of small-order key and `R` with `s = 0`: both sides of the equation vanish once multiplied by eight.
fn small_order_cases() -> Vec<Case> {
    let encodings = small_order_encodings();
    assert_eq!(encodings.len(), 14);
    let mut cases = Vec::new();
    for key in &encodings {
        for r in &encodings {
            let name = format!("small order, key {} R {}", HEXLOWER.encode(key), HEXLOWER.encode(r));
            cases.push(Case::new(name, *key, *r, [0; 32], b"Zcash", true));
        }
    }
    cases
}

/// A key or an `R`: a multiple of the base point plus a point of small order.
#[derive(Clone, Copy)]
struct Mixed {
    scalar: Scalar,
    torsion: EdwardsPoint,
}

impl Mixed {
    fn large(seed: u64) -> Self {
        Mixed { scalar: Scalar::from(seed) * Scalar::from(0x9e37_79b9_7f4a_7c15_u64), torsion: EIGHT_TORSION[1] }
    }

    fn small() -> Self {
        Mixed { scalar: Scalar::ZERO, torsion: EIGHT_TORSION[1] }
    }

    fn point(&self) -> EdwardsPoint {
        B * self.scalar + self.torsion
    }

    fn bytes(&self) -> [u8; 32] {
        self.point().compress().to_bytes()
    }
}

/// Signs such that `wanted(k)` holds for the challenge, by trying messages.
fn ground(key: Mixed, r: Mixed, wanted: impl Fn(&Scalar) -> bool) -> ([u8; 32], Vec<u8>) {
    for counter in 0..10_000u32 {
        let message = format!("try {counter}").into_bytes();
        let k = challenge(&r.bytes(), &key.bytes(), &message);
        if wanted(&k) {
            return ((r.scalar + k * key.scalar).to_bytes(), message);
        }
    }
    panic!("no message of 10,000 makes such a challenge");
}

fn taming_cases() -> Vec<Case> {
    let exact = |key: Mixed, r: Mixed| move |k: &Scalar| (r.torsion + key.torsion * k).is_identity();
    let (small, a, r) = (Mixed::small(), Mixed::large(3), Mixed::large(5));
    let mut cases = Vec::new();
    for (name, key, r) in [
        ("0: small key, small R, without cofactor too", small, small),
        ("1: small key, mixed R, without cofactor too", small, r),
        ("2: mixed key, small R, without cofactor too", a, small),
        ("3: mixed key, mixed R, without cofactor too", a, r),
    ] {
        let (s, message) = ground(key, r, exact(key, r));
        cases.push(Case::new(name, key.bytes(), r.bytes(), s, &message, true));
    }

    let (s, message) = ground(a, r, |k| !exact(a, r)(k));
    cases.push(Case::new("4: mixed, only with cofactor", a.bytes(), r.bytes(), s, &message, true));

    let reduced_early = |k: &Scalar| !(a.torsion * (Scalar::from(8u8) * k)).is_identity();
    let (s, message) = ground(a, r, |k| reduced_early(k) && !exact(a, r)(k));
    cases.push(Case::new("5: 8k must not be reduced first", a.bytes(), r.bytes(), s, &message, true));

    let (s, message) = ground(a, r, exact(a, r));
    cases.push(Case::new("6: s above the order", a.bytes(), r.bytes(), plus_order(s, 1), &message, false));
    cases.push(Case::new("7: s far above the order", a.bytes(), r.bytes(), plus_order(s, 9), &message, false));

    let other = non_canonical_small_order()[2];
    let point = CompressedEdwardsY(other).decompress().unwrap();
    let message = b"R in another encoding";
    let reencoded = (challenge(&point.compress().to_bytes(), &a.bytes(), message) * a.scalar).to_bytes();
    let as_sent = (challenge(&other, &a.bytes(), message) * a.scalar).to_bytes();
    cases.push(Case::new("8: other R, challenge over its canonical form", a.bytes(), other, reencoded, message, false));
    cases.push(Case::new("9: other R, challenge over it as sent", a.bytes(), other, as_sent, message, true));

    // A small key adds nothing that the cofactor leaves, so how it went into the challenge does not matter.
    let s = r.scalar.to_bytes();
    let torsion_free = |encoding: &[u8; 32]| {
        (0..1000u32)
            .map(|counter| format!("key in another encoding {counter}").into_bytes())
            .find(|message| (r.torsion + point * challenge(&r.bytes(), encoding, message)).is_identity())
            .unwrap_or_else(|| b"key in another encoding".to_vec())
    };
    let canonical = point.compress().to_bytes();
    cases.push(Case::new("10: other key, canonical form", other, r.bytes(), s, &torsion_free(&canonical), true));
    cases.push(Case::new("11: other key, as sent", other, r.bytes(), s, &torsion_free(&other), true));
    cases
}

/// `s` plus a multiple of the group's order, as an integer of 256 bits.
fn plus_order(s: [u8; 32], times: u8) -> [u8; 32] {
    // The order less one is the scalar −1.
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    let mut sum = s;
    for _ in 0..times {
        let mut carry = 0u16;
        for (byte, add) in sum.iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert_eq!(carry, 0, "the sum does not fit");
    }
    sum
}

/// The first test of RFC 8032 §7.1, as it is and with its `s` moved by one.
fn rfc8032_cases() -> Vec<Case> {
    let hex = |text: &str| -> [u8; 32] { HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap() };
    let key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let r = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155");
    let s = hex("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    let mut moved = s;
    moved[0] ^= 1;
    vec![Case::new("RFC 8032, 1", key, r, s, b"", true), Case::new("RFC 8032, 1, moved", key, r, moved, b"", false)]
}

fn good_signature() -> Case {
    let key = SigningKey::from_bytes(&[42; 32]);
    let signature = key.sign(b"good").to_bytes();
    let (r, s) = signature.split_at(32);
    let (key, r, s) = (key.verifying_key().to_bytes(), r.try_into().unwrap(), s.try_into().unwrap());
    Case::new("good", key, r, s, b"good", true)
}
