//! Where a replica keeps its state: an ordered key-value store with named tables and atomic batches.
//!
//! The trait is small on purpose. Everything that has meaning (entries, tree nodes, indexes) is laid out in one place
//! above it, so that a store of one's own is a hundred lines: point reads, ordered scans, one atomic commit.

mod error;
mod memory;
mod pool;
#[cfg(feature = "rocksdb")]
mod rocks;
mod tables;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use pool::Pool;
#[cfg(feature = "rocksdb")]
pub use rocks::{Durability, RocksOptions, RocksStore};
pub use tables::{Batch, Change, Direction, KeyRange, Table};

use std::ops::ControlFlow;
use std::sync::Arc;

/// An ordered, atomic, crash-safe key-value store.
///
/// Costs are in the number `n` of keys in a table and the length `k` of a result.
pub trait Store: Send + Sync + 'static {
    /// The value at `key`. O(log n).
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the pairs of `range` in key order (or its reverse) until `visit` breaks. O(log n + k).
    ///
    /// The scan sees either all or nothing of a batch that is committed while it runs.
    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Writes all of the batch or nothing of it; when it returns, the batch survives what the store's durability
    /// promises. O(batch · log n).
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// Bytes on disk (or in memory), approximately. O(1) in the number of keys.
    fn size(&self) -> Result<u64, StoreError>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        (**self).scan(table, range, direction, visit)
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        (**self).commit(batch)
    }

    fn size(&self) -> Result<u64, StoreError> {
        (**self).size()
    }
}
