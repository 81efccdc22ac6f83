//! What can be wrong with a UnixFS graph.

use cid::Cid;

use super::source::BlockError;

/// Why a block is not a UnixFS node. Always the fault of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The CID names a codec that holds no files.
    #[error("the codec 0x{0:x} holds no files; only raw and dag-pb do")]
    Codec(u64),
    /// Longer than any block that is moved between peers.
    #[error("a block of {0} bytes, more than the 2 MiB that peers exchange")]
    TooLarge(usize),
    /// Not a dag-pb node.
    #[error("not a dag-pb node")]
    NotDagPb,
    /// Not a UnixFS message, or one against the rules.
    #[error("not UnixFS: {0}")]
    Malformed(&'static str),
    /// A kind of node that is not known.
    #[error("UnixFS type {0} is not known")]
    Type(u64),
}

/// Why a file or directory cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnixfsError {
    /// A block could not be had.
    #[error("block {cid} is not there: {error}")]
    Block {
        /// Which.
        cid: Cid,
        /// Why not.
        error: Box<BlockError>,
    },
    /// A block is not what it should be.
    #[error("block {cid}: {error}")]
    Node {
        /// Which.
        cid: Cid,
        /// What is wrong with it.
        error: NodeError,
    },
    /// A part of a file has another length than the node above it says.
    #[error("block {cid} stands for {found} bytes where {claimed} were claimed")]
    Size {
        /// Which.
        cid: Cid,
        /// What the node above said.
        claimed: u64,
        /// What it is.
        found: u64,
    },
    /// More levels than any honest file or directory has.
    #[error("the graph is deeper than {0} levels")]
    TooDeep(usize),
    /// A file was wanted.
    #[error("{0} is not a file")]
    NotFile(Cid),
    /// A directory was wanted.
    #[error("{0} is not a directory")]
    NotDirectory(Cid),
    /// A directory has no such name in it.
    #[error("there is no {name:?} in the directory {cid}")]
    NoSuchName {
        /// The directory.
        cid: Cid,
        /// The name looked for.
        name: String,
    },
    /// The path is longer than any that is followed.
    #[error("the path has more than {0} names in it")]
    PathTooLong(usize),
}
