//! UnixFS: files and directories as IPFS tools make and read them.
//!
//! Written are files only, as the profile `unixfs-v1-2025` (IPIP-499) says, which Kubo and Helia follow today: chunks of
//! 1 MiB as raw leaves, a balanced tree of at most 1024 links a node, CIDv1 with sha2-256; a file of one chunk is that
//! raw block and nothing else. So the same bytes get the same CID here and there.
//!
//! Read is whatever others made as well: dag-pb leaves, CIDv0, data inside nodes, inlined (identity) blocks, directories
//! sharded as HAMTs. [`FileReader`], [`Resolver`] and [`Lister`] do no I/O: they say which blocks they want next and are
//! given them. [`Unixfs`] runs them over a [`Source`]. A malicious graph costs work in proportion to what it yields:
//! depth is bounded, parts that claim to be empty are never fetched, and every size is checked against its claim.

mod add;
mod error;
mod list;
mod message;
mod murmur;
mod node;
mod read;
mod resolve;
mod source;

pub use add::{AddError, Added, CHUNK, LINKS, add};
pub use error::{NodeError, UnixfsError};
pub use list::{DirEntry, Lister};
pub use node::child_cids;
pub use read::{FileReader, Turn, WINDOW};
pub use resolve::{Found, Kind, Resolver};
pub use source::{BlockError, BlockFuture, Held, Source, Unixfs};

#[cfg(test)]
pub(crate) use add::{Layout, add_with};

#[cfg(test)]
mod tests;
