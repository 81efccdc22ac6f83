//! What is kept of a tree beside its blocks: a row for each live node, found by level and first key.

use std::ops::{Bound, ControlFlow};

use cid::Cid;

use super::node::{self, Kind, Node};
use crate::content;
use crate::store::{Direction, KeyRange, Store, StoreError, Table};

/// Which tree: a topic's number, or 0 for the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TreeId(pub(crate) u32);

impl TreeId {
    /// The tree of trees.
    pub(crate) const CATALOG: TreeId = TreeId(0);

    pub(crate) fn kind(self) -> Kind {
        if self == Self::CATALOG { Kind::Catalog } else { Kind::Topic }
    }
}

/// A live node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) first: String,
    pub(crate) cid: Cid,
    pub(crate) size: u64,
    /// The rank of the last id below, which says where the levels above are cut.
    pub(crate) rank: u8,
}

impl Row {
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(41);
        value.extend_from_slice(self.cid.hash().digest());
        value.extend_from_slice(&self.size.to_be_bytes());
        value.push(self.rank);
        value
    }

    fn read(key: &[u8], value: &[u8]) -> Option<Row> {
        let first = std::str::from_utf8(key.get(5..)?).ok()?.to_owned();
        let (digest, rest) = value.split_first_chunk::<32>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let [rank] = *rest else { return None };
        Some(Row { first, cid: content::cid(content::DAG_PB, digest), size: u64::from_be_bytes(*size), rank })
    }
}

/// The rows of one level of one tree.
#[derive(Clone, Copy)]
pub(crate) struct Level<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) tree: TreeId,
    pub(crate) level: u8,
}

impl Level<'_> {
    pub(crate) fn key(&self, first: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(5 + first.len());
        key.extend_from_slice(&self.tree.0.to_be_bytes());
        key.push(self.level);
        key.extend_from_slice(first.as_bytes());
        key
    }

    /// The node that covers the key: the last that begins at or before it, or else the first of the level.
    pub(crate) fn covering(&self, key: &str) -> Result<Option<Row>, StoreError> {
        let (from, to) = (self.key(""), self.key(key));
        let at_or_before = self.one(Bound::Included(&from), Bound::Included(&to), Direction::Backward)?;
        match at_or_before {
            Some(row) => Ok(Some(row)),
            None => self.after(None),
        }
    }

    /// The node behind the one that begins at this key; the first of the level for `None`.
    pub(crate) fn after(&self, first: Option<&str>) -> Result<Option<Row>, StoreError> {
        let from = self.key(first.unwrap_or(""));
        let next_level = Level { level: self.level + 1, ..*self }.key("");
        let from = if first.is_some() { Bound::Excluded(&from[..]) } else { Bound::Included(&from[..]) };
        self.one(from, Bound::Excluded(&next_level), Direction::Forward)
    }

    /// The node that begins at this key.
    pub(crate) fn at(&self, first: &str) -> Result<Option<Row>, StoreError> {
        let key = self.key(first);
        let value = self.store.get(Table::Index, &key)?;
        value.map(|value| Row::read(&key, &value).ok_or_else(|| damaged("a row of the tree index"))).transpose()
    }

    /// Every row of the level.
    pub(crate) fn all(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let mut row = self.after(None)?;
        while let Some(found) = row {
            row = self.after(Some(&found.first))?;
            rows.push(found);
        }
        Ok(rows)
    }

    fn one(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, way: Direction) -> Result<Option<Row>, StoreError> {
        let mut found = None;
        self.store.scan(Table::Index, KeyRange { from, to }, way, &mut |key, value| {
            found = Some(Row::read(key, value).ok_or_else(|| damaged("a row of the tree index")));
            ControlFlow::Break(())
        })?;
        found.transpose()
    }
}

/// Reads a live node of our own.
pub(crate) fn load(store: &dyn Store, kind: Kind, cid: &Cid) -> Result<Node, StoreError> {
    let bytes =
        store.get(Table::Nodes, cid.hash().digest())?.ok_or_else(|| damaged("a node of a folder is missing"))?;
    node::decode_own(kind, bytes).map_err(|_| damaged("a node of a folder does not read back"))
}

/// Our own data does not read back.
pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}
