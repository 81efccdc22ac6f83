//! What can be wrong with a CAR file.

use std::io;

use cid::Cid;

/// Why a CAR file is not read any further. `offset` is where in the file the part in question begins.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarError {
    /// The file could not be read.
    #[error("input/output error at byte {offset}: {error}")]
    Io {
        /// Where.
        offset: u64,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file ends in the middle of something.
    #[error("the file is cut short: what begins at byte {offset} does not end")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// Not a CAR file of version 1.
    #[error("not a CAR file of version 1: {0}")]
    Header(&'static str),
    /// A length is not a number, or too large.
    #[error("the length at byte {offset} is malformed or larger than the {limit} bytes allowed")]
    Length {
        /// Where.
        offset: u64,
        /// What is allowed.
        limit: usize,
    },
    /// A section does not begin with a CID.
    #[error("the block at byte {offset} has no valid CID")]
    Cid {
        /// Where.
        offset: u64,
    },
    /// A block whose hash cannot be checked.
    #[error("the block at byte {offset} ({cid}) has hash function 0x{code:x}; only sha2-256 is read")]
    HashFunction {
        /// Where.
        offset: u64,
        /// Its CID.
        cid: Cid,
        /// The multihash code.
        code: u64,
    },
    /// A block that is not what its CID says.
    #[error("the block at byte {offset} does not hash to its CID {cid}")]
    Hash {
        /// Where.
        offset: u64,
        /// Its CID.
        cid: Cid,
    },
}
