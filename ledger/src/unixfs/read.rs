//! Reading a file, or a range of one, without doing I/O.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use cid::Cid;

use super::error::UnixfsError;
use super::node::{self, Node};

/// The deepest file that is read. With the usual 174 links a node, five levels hold any file there is.
const MAX_DEPTH: usize = 32;

/// How many blocks are wanted ahead of the one that is due: 16 MiB of the usual chunks at most.
pub const WINDOW: usize = 16;

/// Reads a range of a file: says which blocks it wants, is given them, yields bytes in order.
#[derive(Debug)]
pub struct FileReader {
    from: u64,
    to: u64,
    size: Option<u64>,
    due: VecDeque<Due>,
    held: BTreeMap<Cid, Bytes>,
}

/// A part that is still to be read.
#[derive(Debug)]
struct Due {
    cid: Cid,
    /// What the node above says of its length; nothing is above the root.
    claimed: Option<u64>,
    /// Where in the file it begins.
    at: u64,
    depth: usize,
}

/// What a [`FileReader`] has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The next bytes; never empty.
    Data(Bytes),
    /// It cannot go on without the first block that it [wants](FileReader::wants).
    Need,
    /// All of the range was read.
    Done,
}

impl FileReader {
    /// Reads `len` bytes (to the end for `None`) from the byte `from` on. What lies behind the end is not there.
    pub fn new(root: Cid, from: u64, len: Option<u64>) -> Self {
        let to = len.map_or(u64::MAX, |len| from.saturating_add(len));
        let due = VecDeque::from([Due { cid: root, claimed: None, at: 0, depth: 0 }]);
        FileReader { from, to, size: None, due, held: BTreeMap::new() }
    }

    /// Fails at the root if the file has another length than this: what an entry's link says, for example.
    pub fn expecting(mut self, size: u64) -> Self {
        if let Some(root) = self.due.front_mut().filter(|_| self.size.is_none()) {
            root.claimed = Some(size);
        }
        self
    }

    /// The file's length, once the root was read.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The blocks that come next, the most urgent first; at most [`WINDOW`], none that is held already.
    pub fn wants(&self) -> Vec<Cid> {
        let mut wanted = Vec::new();
        for due in self.due.iter().take(WINDOW) {
            if node::inlined(&due.cid).is_none() && !self.held.contains_key(&due.cid) && !wanted.contains(&due.cid) {
                wanted.push(due.cid);
            }
        }
        wanted
    }

    /// Takes a block, which must hash to the CID. One that is not wanted is dropped.
    pub fn supply(&mut self, cid: Cid, bytes: Bytes) {
        if self.due.iter().take(WINDOW).any(|due| due.cid == cid) {
            self.held.insert(cid, bytes);
        }
    }

    /// Goes on as far as it can. After an error there is nothing more to read.
    #[expect(clippy::should_implement_trait, reason = "a turn is not an item: `Need` comes again and again")]
    pub fn next(&mut self) -> Result<Turn, UnixfsError> {
        while let Some(due) = self.due.front() {
            let Some(bytes) = node::inlined(&due.cid).or_else(|| self.held.get(&due.cid).cloned()) else {
                return Ok(Turn::Need);
            };
            let Some(due) = self.due.pop_front() else { break };
            let read = self.read(&due, &bytes);
            // What moved out of the window when parts came in before it is asked for again later: blocks are held by the
            // dozen, not by the depth of the graph.
            let near: Vec<Cid> = self.due.iter().take(WINDOW).map(|due| due.cid).collect();
            self.held.retain(|cid, _| near.contains(cid));
            match read {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Turn::Data(data)),
                Err(error) => {
                    self.due.clear();
                    self.held.clear();
                    return Err(error);
                }
            }
        }
        Ok(Turn::Done)
    }

    /// Returns a part's own bytes and puts what is below it at the head of the queue.
    fn read(&mut self, due: &Due, bytes: &Bytes) -> Result<Bytes, UnixfsError> {
        let file = match node::decode(&due.cid, bytes).map_err(|error| UnixfsError::Node { cid: due.cid, error })? {
            Node::File(file) => file,
            _ => return Err(UnixfsError::NotFile(due.cid)),
        };
        if let Some(claimed) = due.claimed.filter(|claimed| *claimed != file.size) {
            return Err(UnixfsError::Size { cid: due.cid, claimed, found: file.size });
        }
        self.size.get_or_insert(file.size);
        if !file.parts.is_empty() && due.depth + 1 >= MAX_DEPTH {
            return Err(UnixfsError::TooDeep(MAX_DEPTH));
        }
        let mut end = due.at.saturating_add(file.size);
        for part in file.parts.into_iter().rev() {
            let at = end - part.len;
            // A part that claims to be empty holds nothing, and to look would be work without end.
            if part.len > 0 && at < self.to && end > self.from {
                self.due.push_front(Due { cid: part.cid, claimed: Some(part.len), at, depth: due.depth + 1 });
            }
            end = at;
        }
        Ok(self.overlap(due.at, &file.inline))
    }

    /// The bytes of `data`, which begins at `at`, that are in the range.
    fn overlap(&self, at: u64, data: &Bytes) -> Bytes {
        let len = data.len() as u64;
        let from = self.from.saturating_sub(at).min(len);
        let to = self.to.saturating_sub(at).min(len).max(from);
        data.slice(from as usize..to as usize)
    }
}
