//! A store in memory: for tests, simulations and throw-away replicas.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use parking_lot::RwLock;

use super::pool::{Pool, Value};
use super::{Batch, Change, Direction, KeyRange, Store, StoreError, Table};

/// One ordered map per table behind one lock. Durable for as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: RwLock<BTreeMap<Table, BTreeMap<Vec<u8>, Value>>>,
    pool: Option<Pool>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that holds what others of this pool hold, too, in common with them.
    pub fn sharing(pool: &Pool) -> Self {
        MemoryStore { tables: RwLock::default(), pool: Some(pool.clone()) }
    }

    fn take(&self, value: Vec<u8>) -> Value {
        match &self.pool {
            Some(pool) => pool.share(value),
            None => value.into(),
        }
    }

    fn give_back(&self, value: Option<Value>) {
        if let (Some(pool), Some(value)) = (&self.pool, value) {
            pool.release(value);
        }
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        if self.pool.is_some() {
            let tables = std::mem::take(self.tables.get_mut());
            tables.into_values().flat_map(BTreeMap::into_values).for_each(|value| self.give_back(Some(value)));
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.read().get(&table).and_then(|map| map.get(key)).map(|value| value.to_vec()))
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
                    let value = self.take(value);
                    self.give_back(tables.entry(table).or_default().insert(key, value));
                }
                Change::Delete(table, key) => {
                    self.give_back(tables.entry(table).or_default().remove(&key));
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

    fn put(store: &MemoryStore, key: u8, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(Table::Nodes, [key], value);
        store.commit(batch).expect("memory takes it");
    }

    #[test]
    fn what_stores_of_a_pool_hold_in_common_is_there_once_and_goes_with_the_last_of_them() {
        let pool = Pool::new();
        let (first, second) = (MemoryStore::sharing(&pool), MemoryStore::sharing(&pool));
        let long = [7; 500];
        put(&first, 1, &long);
        put(&second, 1, &long);
        put(&second, 2, &long);
        put(&second, 3, b"short");
        assert_eq!(pool.len(), 1);
        put(&second, 1, b"replaced");
        let mut batch = Batch::new();
        batch.delete(Table::Nodes, [2]);
        second.commit(batch).expect("memory takes it");
        assert_eq!(pool.len(), 1, "the first store has it");
        assert_eq!(first.get(Table::Nodes, &[1]), Ok(Some(long.to_vec())));
        drop(first);
        assert!(pool.is_empty());
        assert_eq!(second.get(Table::Nodes, &[1]), Ok(Some(b"replaced".to_vec())));
    }

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
