//! The 32 bytes that name a topic.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Keeps a catalog's id apart from every other hash, and names the version of its making.
const CATALOG_TAG: &[u8] = b"tidings/catalog/1\0";

/// A topic's id: the SHA-256 of a domain tag and the topic's canonical name (see [`TopicName`](super::TopicName)).
///
/// Shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId([u8; 32]);

impl TopicId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        TopicId(bytes)
    }

    /// The id under which a network's catalog (its tree of all topics) is announced.
    pub fn catalog(network: &[u8; 32]) -> Self {
        Self::tagged(CATALOG_TAG, network)
    }

    /// The hash of a domain tag and what it is the domain of.
    pub(super) fn tagged(tag: &[u8], content: &[u8]) -> Self {
        TopicId(Sha256::new().chain_update(tag).chain_update(content).finalize().into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<Self, TopicIdError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| TopicIdError)?;
        bytes.try_into().map(TopicId).map_err(|_| TopicIdError)
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a topic id: expected 64 lower-case hex digits")]
pub struct TopicIdError;
