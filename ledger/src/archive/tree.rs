//! Going through a folder: node by node, each before what is in it.

use std::path::PathBuf;

use bytes::Bytes;
use cid::Cid;

use super::error::ArchiveError;
use crate::folder::{self, Item, Kind, MAX_DEPTH, Node};
use crate::transport::Blocks;

/// Something in a folder. `path` leads from the root to it, in the way that `ipfs get` lays files out.
pub(super) enum Visit<'a> {
    /// A node: a directory.
    Node { path: &'a str, cid: Cid, bytes: &'a Bytes },
    /// An entry, in the directory at this path.
    Entry { path: &'a str, item: Item },
}

/// Visits all of a topic's folder, or of a catalog and all folders in it. Holds the nodes on the way down, no more.
pub(super) fn visit(
    blocks: &dyn Blocks,
    kind: Kind,
    root: Cid,
    visitor: &mut dyn FnMut(Visit<'_>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut due = vec![Due { kind, cid: root, path: String::new(), depth: 0 }];
    while let Some(Due { kind, cid, path, depth }) = due.pop() {
        if depth > MAX_DEPTH {
            return Err(ArchiveError::TooDeep(PathBuf::from(path)));
        }
        let bytes = get(blocks, &cid)?;
        visitor(Visit::Node { path: &path, cid, bytes: &bytes })?;
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        match folder::decode(kind, &bytes).map_err(|error| ArchiveError::Node { cid, error })? {
            Node::Inner(children) => due.extend(children.into_iter().rev().map(|child| {
                let path = below(&folder::node_name(&child.first));
                Due { kind, cid: child.cid, path, depth: depth + 1 }
            })),
            Node::Leaf(items) if kind == Kind::Catalog => due.extend(items.into_iter().rev().map(|item| Due {
                kind: Kind::Topic,
                cid: item.cid,
                path: below(&item.key),
                depth: 0,
            })),
            Node::Leaf(items) => {
                items.into_iter().try_for_each(|item| visitor(Visit::Entry { path: &path, item }))?;
            }
        }
    }
    Ok(())
}

struct Due {
    kind: Kind,
    cid: Cid,
    path: String,
    depth: usize,
}

/// A block that must be there.
pub(super) fn get(blocks: &dyn Blocks, cid: &Cid) -> Result<Bytes, ArchiveError> {
    blocks.get(cid)?.ok_or(ArchiveError::Gone(*cid))
}
