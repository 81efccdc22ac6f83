//! The name of an entry.

use std::fmt;
use std::str::FromStr;

use cid::Cid;
use data_encoding::BASE32_NOPAD;

use crate::content;

/// Characters of an id's text: `b`, and 36 bytes in base32.
const TEXT_LEN: usize = 59;

/// An entry's id: the SHA-256 of its header bytes. It survives redaction, which changes the file but not the header.
///
/// Shown and parsed as a CID (version 1, raw, base32).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId([u8; 32]);

impl EntryId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        EntryId(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id as a CID: that of the header bytes as a raw block.
    pub fn to_cid(&self) -> Cid {
        content::cid(content::RAW, &self.0)
    }

    /// The id's digits in lower-case base32 (52 characters), as file names begin with them.
    pub fn digits(&self) -> String {
        let mut text = BASE32_NOPAD.encode(&self.0);
        text.make_ascii_lowercase();
        text
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_cid().fmt(f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl FromStr for EntryId {
    type Err = EntryIdError;

    fn from_str(text: &str) -> Result<Self, EntryIdError> {
        // The length first: a CID in base58 takes quadratic time to read.
        if text.len() != TEXT_LEN {
            return Err(EntryIdError);
        }
        let cid = Cid::try_from(text).map_err(|_| EntryIdError)?;
        let id = content::digest_of(&cid).map(EntryId).ok_or(EntryIdError)?;
        // The crate reads CIDs of other kinds and bases too, and does not mind bytes behind them.
        if id.to_string() == text { Ok(id) } else { Err(EntryIdError) }
    }
}

/// The text is not an entry's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry id: expected a CID like bafkrei… (version 1, raw, sha2-256)")]
pub struct EntryIdError;
