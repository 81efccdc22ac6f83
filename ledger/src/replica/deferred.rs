//! Entries from the future: kept aside until their time has come.
//!
//! The clock decides only when an entry comes in, never whether (design invariant 3). There is room for a few; what does
//! not fit is counted and comes again with a later announcement.

use std::collections::BTreeMap;

use super::Replica;
use super::insert::Origin;
use super::step::Step;
use super::timers::Timer;
use crate::entry::{Entry, EntryId};
use crate::marks::mark;
use crate::store::StoreError;
use crate::time::Time;

/// Entries by when they may come in.
#[derive(Debug, Default)]
pub(super) struct Deferred(BTreeMap<(Time, EntryId), Entry>);

impl Deferred {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Replica {
    pub(super) fn defer(&mut self, entry: Entry) {
        if self.deferred.len() >= self.options.limits.deferred {
            mark!("an entry of the future finds no room");
            self.counters.deferred_dropped += 1;
            return;
        }
        let due = entry.time() - self.options.future;
        self.deferred.0.insert((due, entry.id()), entry);
        self.timers.by(Timer::Deferred, due);
    }

    pub(super) fn undefer(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        let later = self.deferred.0.split_off(&(step.now, EntryId::from_bytes([0xff; 32])));
        let due = std::mem::replace(&mut self.deferred.0, later);
        if let Some(((at, _), _)) = self.deferred.0.first_key_value() {
            self.timers.by(Timer::Deferred, *at);
        }
        self.insert(step, due.into_values().collect(), Origin::Peer).map(drop)
    }
}
