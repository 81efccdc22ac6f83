//! A store that fails and crashes when it is told to.

use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;
use tidings_ledger::store::{Batch, Direction, KeyRange, MemoryStore, Store, StoreError, Table};

/// What goes wrong with a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: nothing of the batch is written.
    Full,
    /// An input/output error: nothing of the batch is written.
    Io,
    /// The process ends right before the batch is written: it and all later ones fail.
    CrashBefore,
    /// The process ends right after the batch was written: whoever committed is not told, and all later ones fail.
    CrashAfter,
}

/// A memory store that counts commits and lets a chosen one go wrong.
#[derive(Default)]
pub struct CrashStore {
    inner: Arc<MemoryStore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: u64,
    fault: Option<(u64, Fault)>,
    is_dead: bool,
    has_failed: bool,
}

impl CrashStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the commit of this number (counted from 0 since the beginning) go wrong.
    pub fn fail_at(&self, commit: u64, fault: Fault) {
        self.state.lock().fault = Some((commit, fault));
    }

    /// Commits so far, those that failed included.
    pub fn commits(&self) -> u64 {
        self.state.lock().commits
    }

    /// Whether the chosen fault has come.
    pub fn has_failed(&self) -> bool {
        self.state.lock().has_failed
    }

    /// Whether a crash has come.
    pub fn is_dead(&self) -> bool {
        self.state.lock().is_dead
    }

    /// The store as the next process finds it: what was committed, without faults to come.
    pub fn reopened(&self) -> Arc<CrashStore> {
        Arc::new(CrashStore { inner: self.inner.clone(), state: Mutex::default() })
    }
}

fn dead() -> StoreError {
    StoreError::Io("the process has crashed".to_owned())
}

impl Store for CrashStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.is_dead() { Err(dead()) } else { self.inner.get(table, key) }
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if self.is_dead() { Err(dead()) } else { self.inner.scan(table, range, direction, visit) }
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.is_dead {
            return Err(dead());
        }
        let number = state.commits;
        state.commits += 1;
        let fault = state.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        state.has_failed |= fault.is_some();
        match fault {
            None => self.inner.commit(batch),
            Some(Fault::Full) => Err(StoreError::Full("a simulated disk".to_owned())),
            Some(Fault::Io) => Err(StoreError::Io("a simulated disk".to_owned())),
            Some(Fault::CrashBefore) => {
                state.is_dead = true;
                Err(dead())
            }
            Some(Fault::CrashAfter) => {
                state.is_dead = true;
                self.inner.commit(batch)?;
                Err(dead())
            }
        }
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.inner.size()
    }
}
