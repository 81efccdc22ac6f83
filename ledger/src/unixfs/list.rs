//! Listing a directory, without doing I/O.

use bytes::Bytes;
use cid::Cid;

use super::error::{NodeError, UnixfsError};
use super::node::{self, Link, Node, SlotValue};

/// The deepest sharded directory: 64 bits of a hash, at least 3 a level.
const MAX_DEPTH: usize = 22;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name. Only honest directories promise that it is no `..` and has no `/` in it.
    pub name: String,
    /// What it leads to.
    pub cid: Cid,
    /// The bytes of all blocks below it, as the directory claims.
    pub size: Option<u64>,
}

/// Lists a directory block by block; a plain one has a single block, a sharded one many.
#[derive(Debug)]
pub struct Lister {
    root: Cid,
    due: Vec<(Cid, usize)>,
}

impl Lister {
    /// Lists this directory.
    pub fn new(root: Cid) -> Self {
        Lister { root, due: vec![(root, 0)] }
    }

    /// The block that is wanted next; `None` when all was listed.
    pub fn wants(&self) -> Option<Cid> {
        self.due.last().map(|(cid, _)| *cid)
    }

    /// Takes the wanted block and returns the names in it. A sharded directory's names come in the order of their hashes.
    pub fn supply(&mut self, block: &Bytes) -> Result<Vec<DirEntry>, UnixfsError> {
        let Some((cid, depth)) = self.due.pop() else {
            return Ok(Vec::new());
        };
        match node::decode(&cid, block).map_err(|error| UnixfsError::Node { cid, error })? {
            Node::Directory(links) if cid == self.root => Ok(links.into_iter().map(entry).collect()),
            Node::Shard(shard) => {
                // An empty shard below the root could be there a million times and yield nothing for the work.
                if shard.slots.is_empty() && depth > 0 {
                    return Err(UnixfsError::Node { cid, error: NodeError::Malformed("an empty shard") });
                }
                if depth >= MAX_DEPTH {
                    return Err(UnixfsError::TooDeep(MAX_DEPTH));
                }
                let mut entries = Vec::new();
                let mut below = Vec::new();
                for slot in shard.slots {
                    match slot.value {
                        SlotValue::Entry(link) => entries.push(entry(link)),
                        SlotValue::Shard(shard) => below.push((shard, depth + 1)),
                    }
                }
                self.due.extend(below.into_iter().rev());
                Ok(entries)
            }
            _ => Err(UnixfsError::NotDirectory(cid)),
        }
    }
}

fn entry(link: Link) -> DirEntry {
    DirEntry { name: link.name, cid: link.cid, size: link.size }
}
