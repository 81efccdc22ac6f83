//! Folders: a topic's entries as a search tree of plain UnixFS directories.
//!
//! The folder is a pure function of the set of entries: the same set has the same CID on every machine, whatever the
//! order in which the entries came (design invariant 1). Entries are sorted by time, so news lands at the right edge, and
//! the tree is cut where the ids of entries say so, as in a Merkle search tree. `ipfs ls`, `ipfs get` and any gateway
//! read it. A node's state is one more such tree, the catalog, which lists the topics' folders.

mod index;
mod name;
mod node;
mod recut;
mod shape;
mod tree;

pub use node::NodeError;

pub(crate) use index::{TreeId, damaged};
pub(crate) use name::{SHORT_NAME, attachment, is_entry, long, node as node_name, parts, short};
pub(crate) use node::{Child, File, Item, Kind, Node, decode};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use node::{encode_inner, encode_leaf};
pub(crate) use shape::{MAX_DEPTH, rank};
pub(crate) use tree::{Changes, Dead, Ranked, Tree, Updated, is_back, lists, update};

#[cfg(test)]
mod tests;
