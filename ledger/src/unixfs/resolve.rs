//! Following a path from a root, without doing I/O.

use bytes::Bytes;
use cid::Cid;

use super::error::UnixfsError;
use super::murmur::murmur3;
use super::node::{self, Link, Node, Shard, SlotValue};

/// Names in a path at most.
const MAX_NAMES: usize = 256;

/// Follows a path: wants one block after the other.
#[derive(Debug)]
pub struct Resolver {
    at: Cid,
    /// Names still to be followed, the next one last.
    names: Vec<String>,
    /// While inside a sharded directory: the directory, and how many bits of the name's hash are used up.
    shard: Option<(Cid, u32)>,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its CID.
    pub cid: Cid,
    /// What it is.
    pub kind: Kind,
    /// Its block.
    pub block: Bytes,
}

/// What can stand at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A file of this length.
    File {
        /// Its length in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Symlink(String),
}

impl Resolver {
    /// Follows `path` (names between `/`, empty ones ignored) from the root.
    pub fn new(root: Cid, path: &str) -> Result<Self, UnixfsError> {
        let mut names: Vec<String> = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.len() > MAX_NAMES {
            return Err(UnixfsError::PathTooLong(MAX_NAMES));
        }
        names.reverse();
        Ok(Resolver { at: root, names, shard: None })
    }

    /// The block that is wanted.
    pub fn wants(&self) -> Cid {
        self.at
    }

    /// Takes the wanted block and goes one step; returns what was found if that was the last.
    pub fn supply(&mut self, block: Bytes) -> Result<Option<Found>, UnixfsError> {
        let node = node::decode(&self.at, &block).map_err(|error| UnixfsError::Node { cid: self.at, error })?;
        if self.shard.is_some() {
            return self.descend(node).map(|()| None);
        }
        if self.names.is_empty() {
            let kind = match node {
                Node::File(file) => Kind::File { size: file.size },
                Node::Directory(_) | Node::Shard(_) => Kind::Directory,
                Node::Symlink(target) => Kind::Symlink(target),
            };
            return Ok(Some(Found { cid: self.at, kind, block }));
        }
        self.descend(node).map(|()| None)
    }

    /// Looks the next name up in a directory's node.
    fn descend(&mut self, node: Node) -> Result<(), UnixfsError> {
        let (directory, used) = self.shard.take().unwrap_or((self.at, 0));
        let Some(name) = self.names.last() else {
            return Ok(());
        };
        let found = match node {
            Node::Directory(links) if used == 0 => {
                links.into_iter().find(|link| link.name == *name).map(|link| link.cid)
            }
            Node::Shard(shard) => match look_up(shard, name, used) {
                Some((SlotValue::Shard(below), used)) => {
                    self.shard = Some((directory, used));
                    self.at = below;
                    return Ok(());
                }
                Some((SlotValue::Entry(Link { name: there, cid, .. }), _)) if there == *name => Some(cid),
                _ => None,
            },
            _ => return Err(UnixfsError::NotDirectory(self.at)),
        };
        match found {
            Some(cid) => {
                self.at = cid;
                self.names.pop();
                Ok(())
            }
            None => Err(UnixfsError::NoSuchName { cid: directory, name: name.clone() }),
        }
    }

    /// Gets the block if it is written out in its CID, so that nobody need be asked for it.
    pub(super) fn inlined(&self) -> Option<Bytes> {
        node::inlined(&self.at)
    }
}

/// The slot that a name falls into, and the bits of its hash used so far; `None` when they are used up.
fn look_up(shard: Shard, name: &str, used: u32) -> Option<(SlotValue, u32)> {
    let left = 64u32.checked_sub(used + shard.bits)?;
    let index = murmur3(name.as_bytes()) >> left & ((1 << shard.bits) - 1);
    let slot = shard.slots.into_iter().find(|slot| slot.index == index)?;
    Some((slot.value, used + shard.bits))
}
