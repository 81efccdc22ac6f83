//! Making a file: chunks, and a balanced tree above them.

use std::io::{self, Read};

use bytes::Bytes;
use cid::Cid;
use ipld_dagpb::{PbLink, PbNode};

use super::message;
use crate::content::{node_cid, raw_cid};

/// Bytes of a chunk (profile `unixfs-v1-2025`).
pub const CHUNK: usize = 1024 * 1024;

/// Links of a node at most (profile `unixfs-v1-2025`).
pub const LINKS: usize = 1024;

/// A file that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Its root.
    pub cid: Cid,
    /// Its length in bytes.
    pub size: u64,
}

/// Why a file was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError<E> {
    /// It could not be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Its blocks could not be kept.
    #[error("the file's blocks cannot be kept: {0}")]
    Sink(E),
}

/// Reads to the end, hands every block to `sink` (parts before what links to them) and returns the root.
///
/// Holds one chunk and at most 1024 links a level in memory, whatever the length.
pub fn add<E>(reader: impl Read, sink: impl FnMut(Cid, Bytes) -> Result<(), E>) -> Result<Added, AddError<E>> {
    add_with(Layout { chunk: CHUNK, links: LINKS }, reader, sink)
}

/// How a file is cut. The tests need small ones; whoever reads does not care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) chunk: usize,
    pub(crate) links: usize,
}

/// [`add`] with another layout.
pub(crate) fn add_with<E>(
    layout: Layout,
    mut reader: impl Read,
    mut sink: impl FnMut(Cid, Bytes) -> Result<(), E>,
) -> Result<Added, AddError<E>> {
    let mut tree = Tree { links: layout.links, levels: Vec::new() };
    let mut size = 0;
    loop {
        let chunk = read_chunk(&mut reader, layout.chunk)?;
        let is_last = chunk.len() < layout.chunk;
        if !chunk.is_empty() || size == 0 {
            size += chunk.len() as u64;
            let len = chunk.len() as u64;
            let cid = raw_cid(&chunk);
            sink(cid, chunk).map_err(AddError::Sink)?;
            tree.push(0, Part { cid, len, total: len }, &mut sink).map_err(AddError::Sink)?;
        }
        if is_last {
            let cid = tree.finish(&mut sink).map_err(AddError::Sink)?;
            return Ok(Added { cid, size });
        }
    }
}

fn read_chunk(reader: &mut impl Read, len: usize) -> io::Result<Bytes> {
    let mut chunk = Vec::new();
    reader.by_ref().take(len as u64).read_to_end(&mut chunk)?;
    Ok(Bytes::from(chunk))
}

/// A subtree that is done.
struct Part {
    cid: Cid,
    /// Bytes of the file below.
    len: u64,
    /// Bytes of the blocks below: what a link states as its size.
    total: u64,
}

/// The right edge of the tree: on each level, what has no node above it yet.
struct Tree {
    links: usize,
    levels: Vec<Vec<Part>>,
}

impl Tree {
    fn push<E>(
        &mut self,
        level: usize,
        part: Part,
        sink: &mut impl FnMut(Cid, Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        // A full node is closed only when one more part comes, so that a full root gets nothing above it.
        if self.levels[level].len() == self.links {
            let above = close(&mut self.levels[level], sink)?;
            self.push(level + 1, above, sink)?;
        }
        self.levels[level].push(part);
        Ok(())
    }

    /// Closes level after level; what is alone at the top is the root.
    fn finish<E>(mut self, sink: &mut impl FnMut(Cid, Bytes) -> Result<(), E>) -> Result<Cid, E> {
        for level in 0.. {
            if level + 1 == self.levels.len()
                && let [root] = &self.levels[level][..]
            {
                return Ok(root.cid);
            }
            let above = close(&mut self.levels[level], sink)?;
            self.push(level + 1, above, sink)?;
        }
        unreachable!("each level is smaller than the one below it")
    }
}

fn close<E>(parts: &mut Vec<Part>, sink: &mut impl FnMut(Cid, Bytes) -> Result<(), E>) -> Result<Part, E> {
    let sizes: Vec<u64> = parts.iter().map(|part| part.len).collect();
    let (len, below) = parts.iter().fold((0, 0), |(len, below), part| (len + part.len, below + part.total));
    let links = parts.drain(..).map(|part| PbLink { cid: part.cid, name: Some(String::new()), size: Some(part.total) });
    let node = PbNode { links: links.collect(), data: Some(Bytes::from(message::encode_file(&sizes))) };
    let bytes = Bytes::from(node.into_bytes());
    let cid = node_cid(&bytes);
    let total = below + bytes.len() as u64;
    sink(cid, bytes)?;
    Ok(Part { cid, len, total })
}
