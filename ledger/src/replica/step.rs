//! One step of a replica: what it is going to write, and what that makes true before it is written.
//!
//! A step commits once, at its end. Until then the store shows the state before it, so what the step itself added is
//! looked up here first.

use std::collections::{BTreeMap, BTreeSet};

use super::effects::Effects;
use crate::author::Author;
use crate::entry::{Entry, EntryId};
use crate::records::{Location, Locations, Number, chains, notes};
use crate::store::{Store, StoreError, Table};
use crate::time::Time;

/// A step under way.
pub(super) struct Step<'a> {
    pub(super) now: Time,
    pub(super) store: &'a dyn Store,
    pub(super) effects: Effects,
    /// Many entries at once: what they change may gather for a while.
    pub(super) is_bulk: bool,
    /// Trees that were brought up to date in this step.
    pub(super) settled: BTreeSet<Number>,
    locations: BTreeMap<[u8; 10], Locations>,
    entries: BTreeMap<EntryId, Entry>,
    redactions: BTreeSet<(Number, EntryId, Author)>,
    chains: BTreeMap<(Number, Author, u64), Vec<EntryId>>,
    /// What each topic got in this step, in the form of the note that keeps it over a crash.
    pub(super) arrived: BTreeMap<Number, Vec<u8>>,
    /// Tree nodes written in this step, by digest.
    pub(super) nodes: BTreeSet<[u8; 32]>,
}

impl<'a> Step<'a> {
    pub(super) fn new(now: Time, store: &'a dyn Store) -> Self {
        Step {
            now,
            store,
            effects: Effects::default(),
            is_bulk: false,
            settled: BTreeSet::new(),
            locations: BTreeMap::new(),
            entries: BTreeMap::new(),
            redactions: BTreeSet::new(),
            chains: BTreeMap::new(),
            arrived: BTreeMap::new(),
            nodes: BTreeSet::new(),
        }
    }

    /// Where entries with the beginning of this id are.
    pub(super) fn locations(&self, id: &EntryId) -> Result<Locations, StoreError> {
        let key = Locations::key(id);
        match self.locations.get(&key) {
            Some(found) => Ok(found.clone()),
            None => Locations::load(self.store, &key),
        }
    }

    /// Notes where an entry is.
    pub(super) fn set_locations(&mut self, id: &EntryId, locations: Locations) {
        let key = Locations::key(id);
        self.effects.commit.put(Table::Ids, key, locations.value());
        self.locations.insert(key, locations);
    }

    /// The entry at this place.
    pub(super) fn entry(&self, location: &Location) -> Result<Entry, StoreError> {
        match self.entries.get(&location.id) {
            Some(entry) => Ok(entry.clone()),
            None => crate::records::load_entry(self.store, location),
        }
    }

    /// Remembers an entry that this step writes.
    pub(super) fn set_entry(&mut self, entry: Entry) {
        self.entries.insert(entry.id(), entry);
    }

    /// Whether the author asked to redact the entry.
    pub(super) fn is_redacted(&self, number: Number, id: &EntryId, author: &Author) -> Result<bool, StoreError> {
        if self.redactions.contains(&(number, *id, *author)) {
            return Ok(true);
        }
        Ok(self.store.get(Table::Notes, &notes::redaction(number, id, author))?.is_some())
    }

    /// Notes that the author asks to redact the entry; says whether that is news.
    pub(super) fn redact(&mut self, number: Number, id: &EntryId, author: &Author) -> Result<bool, StoreError> {
        if self.is_redacted(number, id, author)? {
            return Ok(false);
        }
        self.effects.commit.put(Table::Notes, notes::redaction(number, id, author), []);
        self.redactions.insert((number, *id, *author));
        Ok(true)
    }

    /// Puts an entry into its author's chain; gives all that claim the same place, in the order of ids.
    ///
    /// A fresh entry stands behind the head, where nothing can be.
    pub(super) fn chain(&mut self, number: Number, entry: &Entry, fresh: bool) -> Result<Vec<EntryId>, StoreError> {
        let slot = (number, entry.author(), entry.header().seq);
        let key = chains::key(number, &slot.1, slot.2);
        let mut ids = match self.chains.get(&slot) {
            Some(ids) => ids.clone(),
            None if fresh => Vec::new(),
            None => chains::ids(&self.store.get(Table::Chains, &key)?.unwrap_or_default()),
        };
        if let Err(at) = ids.binary_search(&entry.id()) {
            ids.insert(at, entry.id());
        }
        self.effects.commit.put(Table::Chains, key, chains::value(&ids));
        self.chains.insert(slot, ids.clone());
        Ok(ids)
    }
}
