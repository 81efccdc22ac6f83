//! What many stores of one process hold in common, kept once.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use parking_lot::Mutex;

/// Values from this length on are shared, in bytes; a shorter one takes less room than its place in the pool.
const WORTH_SHARING: usize = 96;

/// A value, which may be in other stores, too.
pub(super) type Value = Arc<[u8]>;

/// Values that [stores in memory](super::MemoryStore::sharing) hold in common.
///
/// Replicas of the same topics hold the same entries and directories. A simulation of many holds each of them once.
/// A value is hashed when it is written and when it is deleted: O(its length).
#[derive(Debug, Clone, Default)]
pub struct Pool {
    // Only asked for this or that value, never gone through; its order decides nothing.
    values: Arc<Mutex<HashSet<Value, BuildHasherDefault<DefaultHasher>>>>,
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values are in it.
    pub fn len(&self) -> usize {
        self.values.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value as the others have it.
    pub(super) fn share(&self, value: Vec<u8>) -> Value {
        if value.len() < WORTH_SHARING {
            return value.into();
        }
        let mut values = self.values.lock();
        if let Some(known) = values.get(&value[..]) {
            return known.clone();
        }
        let value = Value::from(value);
        values.insert(value.clone());
        value
    }

    /// One store needs the value no longer.
    pub(super) fn release(&self, value: Value) {
        if value.len() < WORTH_SHARING {
            return;
        }
        let mut values = self.values.lock();
        // The pool has one, and this is one: nobody else does, and nobody can take one while this is locked.
        if Arc::strong_count(&value) == 2 {
            values.remove(&value);
        }
        // While it is locked: else two that give back at once would each count the other.
        drop(value);
    }
}
