//! The catalog: the tree that lists the folders of all topics. It is brought up to date like a topic's, only later.
//!
//! Nobody waits for the catalog as for a comment, and each of a thousand topics that change in a second would write its path of
//! the tree anew. So changes gather for a while, unless the old folder lists a file that was taken away: nobody could fetch it
//! whole any more. What is pending is noted in the commit that changes the topic's folder, so a
//! crash loses none; and wherever the catalog is spoken of or compared, it is brought up to date first.

use std::time::Duration;

use super::Replica;
use super::step::Step;
use super::timers::Timer;
use super::topics::CATALOG;
use crate::folder::{self, Item, Ranked};
use crate::marks::mark;
use crate::records::{Number, notes};
use crate::store::StoreError;

/// How long changes gather; the first one after a quiet time is not held up.
const CATALOG_GAP: Duration = Duration::from_millis(250);

impl Replica {
    /// A topic's folder changed, and has so many more entries: the catalog is to list it anew.
    pub(super) fn list_topic(&mut self, step: &mut Step<'_>, number: Number, more: u64) {
        self.enlist(number, more);
        step.arrived.entry(CATALOG).or_default().extend_from_slice(&notes::listing(number, more));
    }

    fn enlist(&mut self, number: Number, more: u64) {
        let Some(topic) = self.topics.get(number) else { return };
        let (id, size, newest) = (topic.record.id, topic.record.tree.size, topic.record.newest);
        let Some(cid) = topic.record.tree.root else { return };
        let Some(catalog) = self.topics.get_mut(CATALOG) else { return };
        let item = Item { key: id.to_string(), cid, size, files: Vec::new() };
        catalog.pending.insert(item.key.clone(), Some(Ranked { item, rank: folder::rank(id.as_bytes()) }));
        catalog.pending_entries += more;
        catalog.record.newest = catalog.record.newest.max(newest);
    }

    /// Brings the catalog up to date if its time has come, or sees to it that it will be.
    pub(super) fn settle_catalog_in_time(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        let Some(catalog) = self.topics.get(CATALOG).filter(|catalog| !catalog.pending.is_empty()) else {
            return Ok(());
        };
        match catalog.settled.map(|settled| settled + CATALOG_GAP) {
            Some(at) if at > step.now => self.timers.by(Timer::Settle(CATALOG), at),
            _ => self.settle(step, CATALOG)?,
        }
        Ok(())
    }

    /// What a note says was pending when the last run ended.
    pub(super) fn recover_listings(&mut self, note: &[u8]) {
        for (number, more) in notes::read_listings(note) {
            mark!("a listing that was pending is found again");
            self.enlist(number, more);
        }
    }
}
