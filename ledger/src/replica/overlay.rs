//! The store as it will be once the step under way is committed.
//!
//! A step may settle one tree twice: when entries come in by a pull that then ends, and for the catalog whenever a topic
//! does. The second time has to see what the first one wrote, though it is not committed yet.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeBounds};
use std::sync::Arc;

use crate::store::{Batch, Change, Direction, KeyRange, Store, StoreError, Table};

/// A store, and changes that are in front of it. Read-only.
pub(super) struct Overlay {
    store: Arc<dyn Store>,
    changes: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Overlay {
    /// O(changes).
    pub(super) fn new(store: Arc<dyn Store>, batch: &Batch) -> Self {
        let mut changes: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>> = BTreeMap::new();
        for change in batch.changes() {
            let (table, key, value) = match change {
                Change::Put(table, key, value) => (table, key, Some(value.clone())),
                Change::Delete(table, key) => (table, key, None),
            };
            changes.entry(*table).or_default().insert(key.clone(), value);
        }
        Overlay { store, changes }
    }
}

impl Store for Overlay {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(&table).and_then(|changes| changes.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(table, key),
        }
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let in_range = |key: &[u8]| RangeBounds::<[u8]>::contains(&(range.from, range.to), key);
        let changes = self.changes.get(&table).into_iter().flatten();
        let mut changes: Vec<(&Vec<u8>, &Option<Vec<u8>>)> = changes.filter(|(key, _)| in_range(key)).collect();
        // Taken from the end, so the next one stands last.
        if direction == Direction::Forward {
            changes.reverse();
        }
        let is_before = |a: &[u8], b: &[u8]| if direction == Direction::Forward { a < b } else { a > b };
        let mut is_over = false;
        self.store.scan(table, range, direction, &mut |key, value| {
            while let Some((changed, put)) = changes.pop_if(|(changed, _)| is_before(changed, key)) {
                if put.as_ref().is_some_and(|put| visit(changed, put).is_break()) {
                    is_over = true;
                    return ControlFlow::Break(());
                }
            }
            let flow = match changes.pop_if(|(changed, _)| changed[..] == *key) {
                Some((_, Some(put))) => visit(key, put),
                Some((_, None)) => ControlFlow::Continue(()),
                None => visit(key, value),
            };
            is_over = flow.is_break();
            flow
        })?;
        while let (false, Some((changed, put))) = (is_over, changes.pop()) {
            is_over = put.as_ref().is_some_and(|put| visit(changed, put).is_break());
        }
        Ok(())
    }

    fn commit(&self, _: Batch) -> Result<(), StoreError> {
        Err(StoreError::Io("a view of the store takes no commits".to_owned()))
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.store.size()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use proptest::prelude::*;

    use super::*;
    use crate::store::MemoryStore;

    fn batch(changes: &[(u8, Option<u8>)]) -> Batch {
        let mut batch = Batch::new();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(Table::Index, [*key], [*value]),
                None => batch.delete(Table::Index, [*key]),
            }
        }
        batch
    }

    fn read(store: &dyn Store, from: u8, to: u8, direction: Direction, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut pairs = Vec::new();
        let (from, to) = ([from], [to]);
        let range = KeyRange { from: Bound::Included(&from), to: Bound::Excluded(&to) };
        let read = store.scan(Table::Index, range, direction, &mut |key, value| {
            pairs.push((key.to_vec(), value.to_vec()));
            if pairs.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.expect("memory reads");
        pairs
    }

    proptest! {
        #[test]
        fn the_view_before_a_commit_is_the_store_after_it(
            first in prop::collection::vec((0..20u8, any::<Option<u8>>()), 0..30),
            second in prop::collection::vec((0..20u8, any::<Option<u8>>()), 0..30),
            from in 0..20u8, to in 0..20u8, backward: bool, limit in 1..25usize,
        ) {
            let store = Arc::new(MemoryStore::new());
            store.commit(batch(&first)).expect("memory takes it");
            let view = Overlay::new(store.clone(), &batch(&second));
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            let seen = read(&view, from, to, direction, limit);
            let gets: Vec<_> = (0..20u8).map(|key| view.get(Table::Index, &[key])).collect();
            store.commit(batch(&second)).expect("memory takes it");
            prop_assert_eq!(seen, read(&*store, from, to, direction, limit));
            prop_assert_eq!(gets, (0..20u8).map(|key| store.get(Table::Index, &[key])).collect::<Vec<_>>());
        }
    }
}
