//! Ordered scans over one column family.

use std::ops::{Bound, ControlFlow};

use rocksdb::{ColumnFamily, DB, ReadOptions};

use super::failure::from_rocks;
use crate::store::{Direction, KeyRange, StoreError};

/// Visits the pairs of the range. The iterator sees the state at its making; keys and values are lent, not copied.
pub(super) fn scan(
    db: &DB,
    family: &ColumnFamily,
    range: KeyRange<'_>,
    direction: Direction,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let lower = lower_bound(range.from);
    let upper = upper_bound(range.to);
    if upper.as_ref().is_some_and(|upper| upper <= lower.as_ref().unwrap_or(&Vec::new())) {
        return Ok(());
    }
    let mut options = ReadOptions::default();
    if let Some(lower) = lower {
        options.set_iterate_lower_bound(lower);
    }
    if let Some(upper) = upper {
        options.set_iterate_upper_bound(upper);
    }
    let mut pairs = db.raw_iterator_cf_opt(family, options);
    match direction {
        Direction::Forward => pairs.seek_to_first(),
        Direction::Backward => pairs.seek_to_last(),
    }
    while let Some((key, value)) = pairs.item() {
        if visit(key, value).is_break() {
            return Ok(());
        }
        match direction {
            Direction::Forward => pairs.next(),
            Direction::Backward => pairs.prev(),
        }
    }
    // An iterator that met damage ends like one that met the end.
    pairs.status().map_err(from_rocks)
}

/// RocksDB's lower bounds are inclusive.
fn lower_bound(from: Bound<&[u8]>) -> Option<Vec<u8>> {
    match from {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(key.to_vec()),
        Bound::Excluded(key) => Some(successor(key)),
    }
}

/// RocksDB's upper bounds are exclusive.
fn upper_bound(to: Bound<&[u8]>) -> Option<Vec<u8>> {
    match to {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(successor(key)),
        Bound::Excluded(key) => Some(key.to_vec()),
    }
}

/// The first key after this one.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}
