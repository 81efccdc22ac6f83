//! A disk that fails when it is told to: full, broken, torn off in the middle of a batch, without power, rotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use parking_lot::Mutex;
use tidings_ledger::store::{Batch, Change, Direction, KeyRange, MemoryStore, Store, StoreError, Table};

/// What goes wrong with a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// The disk is full: nothing of the batch is written.
    Full,
    /// An input/output error: nothing of the batch is written.
    Io,
    /// The process ends right before the batch is written: it and all later ones fail.
    CrashBefore,
    /// The process ends right after the batch was written: whoever committed is not told, and all later ones fail.
    CrashAfter,
    /// The power goes in the middle of the batch. The next process finds a torn record at the end of the log and, as
    /// RocksDB does, drops it by its checksum: together with what was not synced before it.
    Torn,
}

/// A store that lets things go wrong, in front of one that works.
///
/// It promises what a disk promises, no more: a batch is written as a whole or not at all, but what was not synced is
/// gone when the power goes. How often it syncs is [`Disk::syncing_every`]; the default is every commit.
pub struct Disk {
    inner: Arc<dyn Store>,
    sync_every: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: u64,
    fault: Option<(u64, DiskFault)>,
    is_full: bool,
    is_dead: bool,
    /// The power went in the midst of a batch.
    is_torn: bool,
    has_failed: bool,
    /// How to undo what was committed since the last sync, the latest last.
    unsynced: VecDeque<Batch>,
    /// What cannot be read any more.
    rotten: BTreeSet<(Table, Vec<u8>)>,
    /// Reads that met something rotten.
    rot_met: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// An empty disk in memory.
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    /// A disk that keeps what it holds in this store.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Disk { inner: store, sync_every: 1, state: Mutex::default() }
    }

    /// Syncs every so many commits only, so that fewer survive a loss of power.
    pub fn syncing_every(self, commits: u64) -> Self {
        Disk { sync_every: commits.max(1), ..self }
    }

    /// Lets the commit of this number (counted from 0 since the disk was opened) go wrong.
    pub fn fail_at(&self, commit: u64, fault: DiskFault) {
        self.state.lock().fault = Some((commit, fault));
    }

    /// Refuses all commits as a full disk does, from now on or no longer.
    pub fn set_full(&self, is_full: bool) {
        self.state.lock().is_full = is_full;
    }

    /// Lets some of the values rot, every one with this chance: reading them is an error from now on, as in a store with
    /// checksums. Says how many.
    pub fn rot(&self, part: f64, rng: &mut fastrand::Rng) -> Result<usize, StoreError> {
        let mut rotten = BTreeSet::new();
        for table in Table::ALL {
            self.inner.scan(table, EVERYTHING, Direction::Forward, &mut |key, _| {
                if rng.f64() < part {
                    rotten.insert((table, key.to_vec()));
                }
                ControlFlow::Continue(())
            })?;
        }
        let count = rotten.len();
        self.state.lock().rotten.extend(rotten);
        Ok(count)
    }

    /// Commits so far, those that failed included.
    pub fn commits(&self) -> u64 {
        self.state.lock().commits
    }

    /// Commits that a loss of power would undo.
    pub fn unsynced(&self) -> usize {
        self.state.lock().unsynced.len()
    }

    /// Whether the chosen fault has come.
    pub fn has_failed(&self) -> bool {
        self.state.lock().has_failed
    }

    /// Whether a crash has come.
    pub fn is_dead(&self) -> bool {
        self.state.lock().is_dead
    }

    /// Whether the power went in the midst of a batch.
    pub fn is_torn(&self) -> bool {
        self.state.lock().is_torn
    }

    /// How often a read met something rotten.
    pub fn rot_met(&self) -> u64 {
        self.state.lock().rot_met
    }

    /// The disk as the next process finds it: what was committed, and what is rotten; without faults to come. If the power
    /// went, that is [`Disk::after_power_loss`] with nothing kept.
    pub fn reopened(&self) -> Result<Arc<Disk>, StoreError> {
        if self.is_torn() { self.after_power_loss(0) } else { Ok(self.peek()) }
    }

    /// What is on the disk now, as somebody reads it who takes it out of a machine that crashed.
    pub fn peek(&self) -> Arc<Disk> {
        let state = self.state.lock();
        let next = State { rotten: state.rotten.clone(), unsynced: state.unsynced.clone(), ..State::default() };
        Arc::new(Disk { inner: self.inner.clone(), sync_every: self.sync_every, state: Mutex::new(next) })
    }

    /// The disk as it is found after a loss of power: of what was not synced, the first `kept` commits are there and the
    /// others are gone.
    pub fn after_power_loss(&self, kept: usize) -> Result<Arc<Disk>, StoreError> {
        let mut state = self.state.lock();
        while state.unsynced.len() > kept {
            if let Some(undo) = state.unsynced.pop_back() {
                self.inner.commit(undo)?;
            }
        }
        let next = State { rotten: state.rotten.clone(), ..State::default() };
        Ok(Arc::new(Disk { inner: self.inner.clone(), sync_every: self.sync_every, state: Mutex::new(next) }))
    }

    /// Another disk with the same on it, as after restoring a backup.
    pub fn copied(&self) -> Result<Disk, StoreError> {
        let other = MemoryStore::new();
        copy(&*self.inner, &other)?;
        Ok(Disk { sync_every: self.sync_every, ..Disk::over(Arc::new(other)) })
    }

    /// What undoes the batch.
    fn undo(&self, batch: &Batch) -> Result<Batch, StoreError> {
        let mut before: BTreeMap<(Table, &[u8]), Option<Vec<u8>>> = BTreeMap::new();
        for change in batch.changes() {
            let (Change::Put(table, key, _) | Change::Delete(table, key)) = change;
            if !before.contains_key(&(*table, &key[..])) {
                before.insert((*table, key), self.inner.get(*table, key)?);
            }
        }
        let mut undo = Batch::new();
        for ((table, key), value) in before {
            match value {
                Some(value) => undo.put(table, key, value),
                None => undo.delete(table, key),
            }
        }
        Ok(undo)
    }

    fn write(&self, state: &mut State, batch: Batch) -> Result<(), StoreError> {
        if self.sync_every > 1 {
            let undo = self.undo(&batch)?;
            state.unsynced.push_back(undo);
        }
        for change in batch.changes() {
            // What is written anew is good again.
            let (Change::Put(table, key, _) | Change::Delete(table, key)) = change;
            if !state.rotten.is_empty() {
                state.rotten.remove(&(*table, key.to_vec()));
            }
        }
        self.inner.commit(batch)?;
        if state.commits.is_multiple_of(self.sync_every) {
            state.unsynced.clear();
        }
        Ok(())
    }
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut state = self.state.lock();
        if state.is_dead {
            return Err(dead());
        }
        if !state.rotten.is_empty() && state.rotten.contains(&(table, key.to_vec())) {
            state.rot_met += 1;
            return Err(rotten());
        }
        self.inner.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let bad: BTreeSet<(Table, Vec<u8>)> = {
            let state = self.state.lock();
            if state.is_dead {
                return Err(dead());
            }
            state.rotten.clone()
        };
        if bad.is_empty() {
            return self.inner.scan(table, range, direction, visit);
        }
        let mut has_met = false;
        self.inner.scan(table, range, direction, &mut |key, value| {
            has_met = bad.contains(&(table, key.to_vec()));
            if has_met { ControlFlow::Break(()) } else { visit(key, value) }
        })?;
        if has_met {
            self.state.lock().rot_met += 1;
            return Err(rotten());
        }
        Ok(())
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.is_dead {
            return Err(dead());
        }
        let number = state.commits;
        state.commits += 1;
        if state.is_full {
            state.has_failed = true;
            return Err(full());
        }
        let fault = state.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        state.has_failed |= fault.is_some();
        match fault {
            None => self.write(&mut state, batch),
            Some(DiskFault::Full) => Err(full()),
            Some(DiskFault::Io) => Err(StoreError::Io("a simulated disk".to_owned())),
            Some(DiskFault::CrashBefore) => {
                state.is_dead = true;
                Err(dead())
            }
            Some(DiskFault::CrashAfter) => {
                state.is_dead = true;
                self.write(&mut state, batch)?;
                Err(dead())
            }
            Some(DiskFault::Torn) => {
                state.is_dead = true;
                state.is_torn = true;
                Err(dead())
            }
        }
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.inner.size()
    }
}

const EVERYTHING: KeyRange<'static> = KeyRange { from: Bound::Unbounded, to: Bound::Unbounded };

/// Writes all that a store holds into another one.
pub(crate) fn copy(store: &dyn Store, to: &dyn Store) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for table in Table::ALL {
        store.scan(table, EVERYTHING, Direction::Forward, &mut |key, value| {
            batch.put(table, key, value);
            ControlFlow::Continue(())
        })?;
    }
    to.commit(batch)
}

fn dead() -> StoreError {
    StoreError::Io("the process has crashed".to_owned())
}

fn full() -> StoreError {
    StoreError::Full("a simulated disk".to_owned())
}

fn rotten() -> StoreError {
    StoreError::Corrupt("a simulated disk, whose checksum does not match".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: u8, value: u8) -> Batch {
        let mut batch = Batch::new();
        batch.put(Table::Meta, [key], [value]);
        batch
    }

    fn read(disk: &Disk, key: u8) -> Option<Vec<u8>> {
        disk.get(Table::Meta, &[key]).expect("it reads")
    }

    #[test]
    fn a_loss_of_power_takes_the_latest_commits_and_no_others() {
        let disk = Disk::new().syncing_every(4);
        for at in 1..=6 {
            disk.commit(put(at % 5, at)).expect("it takes it");
        }
        assert_eq!(disk.unsynced(), 2, "the fourth was synced");
        let disk = disk.after_power_loss(1).expect("it opens");
        assert_eq!(read(&disk, 0), Some(vec![5]));
        assert_eq!(read(&disk, 1), Some(vec![1]), "the sixth is undone: the first shows again");
    }

    #[test]
    fn a_torn_batch_is_found_neither_whole_nor_in_part() {
        let disk = Disk::new();
        disk.commit(put(1, 1)).expect("it takes it");
        disk.fail_at(1, DiskFault::Torn);
        disk.commit(put(1, 2)).expect_err("the power goes");
        disk.get(Table::Meta, &[1]).expect_err("nothing runs any more");
        assert_eq!(read(&disk.reopened().expect("memory undoes"), 1), Some(vec![1]));
    }

    #[test]
    fn what_is_rotten_is_an_error_until_it_is_written_anew() {
        let disk = Disk::new();
        disk.commit(put(1, 1)).expect("it takes it");
        assert_eq!(disk.rot(1.0, &mut fastrand::Rng::with_seed(1)), Ok(1));
        assert!(matches!(disk.get(Table::Meta, &[1]), Err(StoreError::Corrupt(_))));
        assert!(disk.scan(Table::Meta, EVERYTHING, Direction::Forward, &mut |_, _| ControlFlow::Continue(())).is_err());
        assert_eq!(disk.rot_met(), 2);
        disk.commit(put(1, 2)).expect("it takes it");
        assert_eq!(read(&disk, 1), Some(vec![2]));
    }
}
