//! The envelope of a header: a tagged `COSE_Sign1` (RFC 9052 §4.2) of one fixed shape.
//!
//! Algorithm, content type and order of the protected header never vary, so sealing is writing a constant with a key in
//! it and opening is comparing with that constant. Tests hold both against an independent COSE library.

use crate::author::Author;
use crate::cbor::{CborError, Reader, Writer};

/// What the payload is: the protected content type (label 3).
#[cfg(test)]
const CONTENT_TYPE: &str = "application/tidings";

/// Tag 18 (`COSE_Sign1`) and an array of four.
const OPENING: [u8; 2] = [0xd2, 0x84];

/// An empty map: nothing is unprotected.
const UNPROTECTED: [u8; 1] = [0xa0];

/// The protected header up to the key: `{1: -8 (EdDSA), 3: CONTENT_TYPE, 4: h'32 bytes'}`.
const PROTECTED: [u8; 28] = *b"\xa3\x01\x27\x03\x73application/tidings\x04\x58\x20\0";
const PROTECTED_HEAD: usize = 27;

/// Length of a whole protected header.
const PROTECTED_LEN: usize = PROTECTED_HEAD + 32;

/// A header's bytes taken apart. Nothing is checked but the shape.
pub(super) struct Envelope<'a> {
    pub(super) author: Author,
    pub(super) payload: &'a [u8],
    pub(super) signature: [u8; 64],
}

/// Takes an envelope off the reader.
pub(super) fn open<'a>(reader: &mut Reader<'a>) -> Result<Envelope<'a>, CborError> {
    reader.literal(&OPENING)?;
    let protected = reader.bytes()?;
    let key = protected.strip_prefix(&PROTECTED[..PROTECTED_HEAD]).ok_or(CborError::Unexpected)?;
    let author = Author::from_bytes(key.try_into().map_err(|_| CborError::Unexpected)?);
    reader.literal(&UNPROTECTED)?;
    let payload = reader.bytes()?;
    let signature = reader.bytes()?.try_into().map_err(|_| CborError::Unexpected)?;
    Ok(Envelope { author, payload, signature })
}

/// Puts an envelope together.
pub(super) fn seal(author: &Author, payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 160);
    out.extend_from_slice(&OPENING);
    Writer::new(&mut out).bytes(&protected(author));
    out.extend_from_slice(&UNPROTECTED);
    Writer::new(&mut out).bytes(payload).bytes(signature);
    out
}

/// The bytes that are signed: the `Sig_structure` of RFC 9052 §4.4, without external data.
pub(super) fn signed_bytes(author: &Author, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 96);
    Writer::new(&mut out).array(4).text("Signature1").bytes(&protected(author)).bytes(&[]).bytes(payload);
    out
}

fn protected(author: &Author) -> [u8; PROTECTED_LEN] {
    let mut out = [0; PROTECTED_LEN];
    out[..PROTECTED_HEAD].copy_from_slice(&PROTECTED[..PROTECTED_HEAD]);
    out[PROTECTED_HEAD..].copy_from_slice(author.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::AuthorKey;
    use coset::{CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana};

    fn independent(key: &AuthorKey, payload: &[u8]) -> CoseSign1 {
        let protected = HeaderBuilder::new()
            .algorithm(iana::Algorithm::EdDSA)
            .content_type(CONTENT_TYPE.to_owned())
            .key_id(key.author().as_bytes().to_vec())
            .build();
        CoseSign1Builder::new()
            .protected(protected)
            .payload(payload.to_vec())
            .create_signature(b"", |bytes| key.sign(bytes).to_vec())
            .build()
    }

    #[test]
    fn an_envelope_is_what_an_independent_cose_library_writes() {
        let key = AuthorKey::from_seed(&[3; 32]);
        for len in [0, 1, 23, 24, 255, 256, 7000] {
            let payload = vec![0x55; len];
            let signature = key.sign(&signed_bytes(&key.author(), &payload));
            let sealed = seal(&key.author(), &payload, &signature);
            assert_eq!(sealed, independent(&key, &payload).to_tagged_vec().unwrap());
            let mut reader = Reader::new(&sealed);
            let opened = open(&mut reader).unwrap();
            assert_eq!((opened.author, opened.payload, opened.signature), (key.author(), &payload[..], signature));
        }
    }

    #[test]
    fn an_envelope_with_anything_unprotected_is_refused() {
        let key = AuthorKey::from_seed(&[3; 32]);
        let mut cose = independent(&key, b"payload");
        cose.unprotected.key_id = b"x".to_vec();
        assert!(open(&mut Reader::new(&cose.clone().to_tagged_vec().unwrap())).is_err());
        assert!(open(&mut Reader::new(&cose.to_vec().unwrap())).is_err(), "and without a tag");
    }
}
