//! Entries: signed files that stand for themselves.
//!
//! An entry is a header, signed by its author as a COSE object (RFC 9052), and a body, which the header names by hash.
//! Its file is the CBOR array `[header, body]`; the file's block is what peers exchange and what `ipfs get` brings back.
//! An [`Entry`] in hand is always one whose signature was checked or made here: there is no other way to get one than
//! [`admit`](crate::admission::admit) and signing.

mod draft;
mod envelope;
mod file;
mod header;
mod id;
mod payload;

pub use draft::{Draft, DraftError};
pub use header::{BodyInfo, Header, Link, limits};
pub use id::{EntryId, EntryIdError};

pub(crate) use draft::{Place, sign};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use file::rewrite;
pub(crate) use file::{Candidate, decode};

use bytes::Bytes;
use cid::Cid;

use crate::author::Author;
use crate::cbor::CborError;
use crate::content::{raw_cid, sha256};
use crate::time::Time;
use crate::topic::TopicId;

/// A verified entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    header: Header,
    header_bytes: Bytes,
    body: Option<Bytes>,
}

impl Entry {
    fn new(header: Header, header_bytes: Bytes, body: Option<Bytes>) -> Self {
        Entry { id: EntryId::from_bytes(sha256(&header_bytes)), header, header_bytes, body }
    }

    /// The one door from bytes to an entry: only admission calls it, after the signature was found good.
    pub(crate) fn from_verified(candidate: Candidate) -> Self {
        let Candidate { id, header, header_bytes, body, .. } = candidate;
        Entry { id, header, header_bytes, body }
    }

    /// Its name: the hash of the header.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// What it says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header as it was signed and as it is hashed: a tagged `COSE_Sign1`.
    pub fn header_bytes(&self) -> &Bytes {
        &self.header_bytes
    }

    /// Who signed it.
    pub fn author(&self) -> Author {
        self.header.author
    }

    /// Which topic it is in.
    pub fn topic(&self) -> TopicId {
        self.header.topic
    }

    /// When its author says that it was written.
    pub fn time(&self) -> Time {
        self.header.time
    }

    /// What it is, in the application's words.
    pub fn kind(&self) -> &str {
        &self.header.kind
    }

    /// The body, or `None` if it was redacted.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// The body as text, if it is there and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.body.as_ref().and_then(|body| std::str::from_utf8(body).ok())
    }

    /// Whether the body is gone.
    pub fn is_redacted(&self) -> bool {
        self.body.is_none()
    }

    /// The entry's file: what is stored, sent and hashed into the folder. O(length).
    pub fn to_file(&self) -> Vec<u8> {
        file::encode(&self.header_bytes, self.body.as_deref())
    }

    /// The CID of the entry's file. O(length).
    pub fn file_cid(&self) -> Cid {
        raw_cid(&self.to_file())
    }

    /// The same entry without its body.
    pub fn redacted(&self) -> Entry {
        Entry { body: None, ..self.clone() }
    }
}

/// Reads back a file that was stored after admission; its signature was checked then.
pub(crate) fn read_stored(file: &Bytes) -> Option<Entry> {
    file::decode(file).ok().map(Entry::from_verified)
}

/// Why bytes are not an entry file. Always the fault of whoever made them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Longer than the format allows.
    #[error("{len} bytes where at most {limit} are allowed")]
    TooLarge {
        /// The length found.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Not the CBOR that was expected, or not its one encoding.
    #[error("not an entry file: {0}")]
    Cbor(#[from] CborError),
    /// Made by a later version of the format.
    #[error("the entry has version {0}, this program reads version 1")]
    Version(u64),
    /// A rule of the format is broken.
    #[error("not a valid entry: {0}")]
    Rule(&'static str),
    /// The body is not the one that the header names.
    #[error("the body does not match its hash and length in the header")]
    Body,
}
