//! A store in memory: for tests, simulations and throw-away replicas.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use parking_lot::RwLock;

use super::{Batch, Change, Direction, KeyRange, Store, StoreError, Table};

/// One ordered map per table behind one lock. Durable for as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: RwLock<BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.read().get(&table).and_then(|map| map.get(key)).cloned())
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if is_empty(&range) {
            return Ok(());
        }
        let tables = self.tables.read();
        let Some(map) = tables.get(&table) else {
            return Ok(());
        };
        let mut pairs = map.range::<[u8], _>((range.from, range.to));
        loop {
            let next = match direction {
                Direction::Forward => pairs.next(),
                Direction::Backward => pairs.next_back(),
            };
            let Some((key, value)) = next else {
                return Ok(());
            };
            if visit(key, value).is_break() {
                return Ok(());
            }
        }
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        for change in batch.into_changes() {
            match change {
                Change::Put(table, key, value) => {
                    tables.entry(table).or_default().insert(key, value);
                }
                Change::Delete(table, key) => {
                    tables.entry(table).or_default().remove(&key);
                }
            }
        }
        Ok(())
    }

    fn size(&self) -> Result<u64, StoreError> {
        let tables = self.tables.read();
        Ok(tables.values().flatten().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
}

/// `BTreeMap::range` panics on a range that ends before it begins; here that is an empty range.
fn is_empty(range: &KeyRange<'_>) -> bool {
    match (range.from, range.to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_is_gone_and_a_scan_goes_either_way() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        (0..5_u8).for_each(|key| batch.put(Table::Meta, [key], [key]));
        batch.delete(Table::Meta, [3]);
        store.commit(batch).expect("memory takes it");
        for (direction, expected) in [(Direction::Forward, [1, 2, 4]), (Direction::Backward, [4, 2, 1])] {
            let mut found = Vec::new();
            let range = KeyRange { from: Bound::Excluded(&[0]), to: Bound::Unbounded };
            let read = store.scan(Table::Meta, range, direction, &mut |key, _| {
                found.push(key[0]);
                ControlFlow::Continue(())
            });
            assert_eq!((read, &found[..]), (Ok(()), &expected[..]));
        }
    }
}
