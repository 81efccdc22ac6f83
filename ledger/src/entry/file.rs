//! The file of an entry: the CBOR array `[header, body]`, body `null` once it was redacted.

use bytes::Bytes;

use super::envelope;
use super::header::{Header, limits};
use super::payload::{self, PayloadError};
use super::{EntryId, Malformed};
use crate::cbor::{NULL, Reader, Writer};
use crate::content::sha256;

/// An array of two.
const OPENING: [u8; 1] = [0x82];

/// An entry file that is well formed, whose signature nobody has checked yet.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) id: EntryId,
    pub(crate) header: Header,
    pub(crate) header_bytes: Bytes,
    pub(crate) body: Option<Bytes>,
    pub(crate) signature: [u8; 64],
    pub(crate) signed: Vec<u8>,
}

/// Reads a file: everything that can be checked without arithmetic on curves. O(length).
pub(crate) fn decode(file: &Bytes) -> Result<Candidate, Malformed> {
    if file.len() > limits::FILE {
        return Err(Malformed::TooLarge { len: file.len(), limit: limits::FILE });
    }
    let mut reader = Reader::new(file);
    reader.literal(&OPENING)?;
    let envelope = envelope::open(&mut reader)?;
    let header_len = file.len() - OPENING.len() - reader.rest().len();
    if header_len > limits::HEADER {
        return Err(Malformed::TooLarge { len: header_len, limit: limits::HEADER });
    }
    let header_bytes = file.slice(OPENING.len()..OPENING.len() + header_len);
    let header = payload::decode(envelope.author, envelope.payload).map_err(|error| match error {
        PayloadError::Cbor(error) => Malformed::Cbor(error),
        PayloadError::Version(version) => Malformed::Version(version),
        PayloadError::Rule(rule) => Malformed::Rule(rule),
    })?;
    let body = if reader.null() { None } else { Some(file.slice_ref(reader.bytes()?)) };
    reader.finish()?;
    if body.as_ref().is_some_and(|body| body.len() as u64 != header.body.len || sha256(body) != header.body.hash) {
        return Err(Malformed::Body);
    }
    Ok(Candidate {
        id: EntryId::from_bytes(sha256(&header_bytes)),
        signed: envelope::signed_bytes(&envelope.author, envelope.payload),
        signature: envelope.signature,
        header,
        header_bytes,
        body,
    })
}

/// Writes a file from what was read of it, so that it can be seen whether reading lost anything.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn rewrite(read: &Candidate) -> Vec<u8> {
    let header = envelope::seal(&read.header.author, &payload::encode(&read.header), &read.signature);
    encode(&header, read.body.as_deref())
}

/// Writes a file.
pub(crate) fn encode(header_bytes: &[u8], body: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(header_bytes.len() + body.map_or(0, <[u8]>::len) + 8);
    out.extend_from_slice(&OPENING);
    out.extend_from_slice(header_bytes);
    match body {
        Some(body) => {
            Writer::new(&mut out).bytes(body);
        }
        None => out.push(NULL),
    }
    out
}
