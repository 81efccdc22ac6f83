//! Tables, batches and ranges: the vocabulary of the [`Store`](super::Store) trait.

use std::ops::Bound;

/// A table (in RocksDB: a column family).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// Format version, counters, small settings.
    Meta,
    /// Topic number → its record, and topic id → number.
    Topics,
    /// Entry files in the folder's order: (topic number, time, id) → file.
    Entries,
    /// Where entries are: beginning of an id → (topic number, time, rest of the id) of each that begins so.
    Ids,
    /// Where a file's block is: SHA-256 of the file → its key in the entries.
    Files,
    /// Chains: (topic number, author, seq) → ids.
    Chains,
    /// Tree nodes by CID.
    Nodes,
    /// What each live tree node covers: (tree, level, first key) → summary.
    Index,
    /// Work not yet folded into a tree, redactions, reference counts, nodes no longer live.
    Notes,
    /// Blocks of attached files by CID.
    Blocks,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 10] = [
        Table::Meta,
        Table::Topics,
        Table::Entries,
        Table::Ids,
        Table::Files,
        Table::Chains,
        Table::Nodes,
        Table::Index,
        Table::Notes,
        Table::Blocks,
    ];

    /// The table's name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Topics => "topics",
            Table::Entries => "entries",
            Table::Ids => "ids",
            Table::Files => "files",
            Table::Chains => "chains",
            Table::Nodes => "nodes",
            Table::Index => "index",
            Table::Notes => "notes",
            Table::Blocks => "blocks",
        }
    }
}

/// A range of keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyRange<'a> {
    /// Where it begins.
    pub from: Bound<&'a [u8]>,
    /// Where it ends.
    pub to: Bound<&'a [u8]>,
}

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the largest key down.
    Backward,
}

/// Writes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    changes: Vec<Change>,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Key gets value.
    Put(Table, Vec<u8>, Vec<u8>),
    /// Key is gone.
    Delete(Table, Vec<u8>),
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a put. A later change of the same key wins.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push(Change::Put(table, key.into(), value.into()));
    }

    /// Adds a delete. A later change of the same key wins.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.changes.push(Change::Delete(table, key.into()));
    }

    /// Moves the other batch's changes behind this one's.
    pub fn append(&mut self, mut other: Batch) {
        self.changes.append(&mut other.changes);
    }

    /// The changes in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes in order, by value.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
