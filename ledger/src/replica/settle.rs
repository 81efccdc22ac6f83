//! Settling: folding what arrived into the folders, and the folders into the catalog.
//!
//! An entry is durable when it is appended; its folder follows at the latest one settle gap later, in one batch with all
//! of its nodes (design invariant 4). Until then a note keeps what is pending, so that a crash loses nothing.

use std::time::Duration;

use super::Replica;
use super::effects::Notice;
use super::insert::{Filed, known_by_name, ranked};
use super::overlay::Overlay;
use super::step::Step;
use super::timers::Timer;
use super::topics::CATALOG;
use crate::content::digest_of;
use crate::folder::{self, Dead, TreeId, Updated, damaged};
use crate::marks::mark;
use crate::records::{self, Location, Locations, Number, notes};
use crate::store::{Direction, Store, StoreError, Table};
use crate::time::Time;
use crate::topic::TopicId;

impl Replica {
    /// Brings the topic's tree up to date.
    pub(super) fn settle(&mut self, step: &mut Step<'_>, number: Number) -> Result<(), StoreError> {
        self.timers.clear(Timer::Settle(number));
        let Some(topic) = self.topics.get_mut(number) else { return Ok(()) };
        if topic.pending.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut topic.pending);
        let old = std::mem::take(&mut topic.record.tree);
        // The second time in one step, the tree is what the first time made of it, which is not committed yet.
        let overlay;
        let store: &dyn Store = if step.settled.insert(number) {
            step.store
        } else {
            overlay = Overlay::new(self.store.clone(), &step.effects.commit);
            &overlay
        };
        let rank_of = |key: &str| rank_by_name(store, number, key);
        let Updated { tree, dead, added } =
            folder::update(store, TreeId(number), &old, changes, &rank_of, &mut step.effects.commit)?;
        for note in topic.notes.drain(..) {
            step.effects.commit.delete(Table::Notes, notes::pending(number, note));
        }
        step.arrived.remove(&number);
        topic.record.tree = tree;
        let more = std::mem::take(&mut topic.pending_entries);
        topic.record.entries += more;
        topic.settled = Some(step.now);
        topic.last_nodes = added.len() as u32;
        topic.last_entries = more;
        let (id, root, entries) = (topic.record.id, topic.record.tree.root, topic.record.entries);
        if let (Some(cid), true) = (root, root != old.root) {
            if number == CATALOG {
                step.effects.notices.push(Notice::Catalog { cid, entries });
            } else {
                step.effects.notices.push(Notice::Folder { topic: id, cid, entries });
                let is_urgent = std::mem::take(&mut topic.lists_what_is_gone);
                self.list_topic(step, number, more);
                if is_urgent {
                    self.timers.set(Timer::Settle(CATALOG), step.now);
                }
            }
        }
        step.nodes.extend(added);
        self.bury(step, number, &dead);
        self.unsaved.insert(number);
        if self.local_news.remove(&number) {
            self.timers.by(Timer::Announce(number), step.now);
            self.catalog_news.insert(number);
        }
        Ok(())
    }

    /// How long to let arrivals gather before the next settling: longer when the last one was a large one. While entries
    /// come one at a time there is nothing to gather, and nobody should wait; but the clock has to move on, or each entry
    /// of a burst would be settled by itself.
    pub(super) fn settle_gap(&self, number: Number) -> Duration {
        /// Nodes that one settle gap is worth.
        const NODES_PER_GAP: u32 = 16;
        const LONGEST: Duration = Duration::from_millis(500);
        const TICK: Duration = Duration::from_millis(1);
        let Some(topic) = self.topics.get(number) else { return self.options.settle };
        if topic.last_entries <= 1 {
            return self.options.settle.min(TICK);
        }
        (self.options.settle * (1 + topic.last_nodes / NODES_PER_GAP)).min(LONGEST)
    }

    /// Takes the dead nodes' names down, to be swept later.
    fn bury(&mut self, step: &mut Step<'_>, number: Number, dead: &[Dead]) {
        for dead in dead {
            step.effects.commit.put(Table::Notes, notes::dead(self.serial), notes::dead_value(number, dead));
            self.serial += 1;
            self.dead += 1;
        }
    }

    /// Deletes the nodes that died longest ago, beyond those that are kept for peers still fetching an older root.
    pub(super) fn sweep(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        /// More than die in a usual step, so that the sweep keeps up; not so many that a step takes long.
        const AT_ONCE: usize = 64;
        if self.dead < self.options.limits.dead_nodes + AT_ONCE as u64 {
            return Ok(());
        }
        // Beginning where the last sweep ended spares the scan the tombstones of what it deleted.
        let oldest = records::collect(
            step.store,
            Table::Notes,
            &notes::dead(self.swept),
            notes::DEAD_END,
            Direction::Forward,
            AT_ONCE,
        )?;
        for (key, value) in oldest {
            self.dead = self.dead.saturating_sub(1);
            self.swept = serial_of(&key).map_or(self.swept, |serial| serial + 1);
            step.effects.commit.delete(Table::Notes, key);
            let Some((number, dead)) = notes::read_dead(&value) else { continue };
            let reborn = digest_of(&dead.cid).is_some_and(|digest| step.nodes.contains(&digest));
            if !reborn && !folder::is_back(step.store, TreeId(number), &dead)? {
                step.effects.commit.delete(Table::Nodes, dead.cid.hash().digest());
            }
        }
        Ok(())
    }

    /// Writes what has to outlive this step: notes of what is still pending, and the records of changed topics.
    pub(super) fn save(&mut self, step: &mut Step<'_>) {
        if step.is_bulk {
            self.breadth = step.arrived.len();
        }
        for (number, note) in std::mem::take(&mut step.arrived) {
            let Some(topic) = self.topics.get_mut(number) else { continue };
            step.effects.commit.put(Table::Notes, notes::pending(number, self.serial), note);
            topic.notes.push(self.serial);
            self.serial += 1;
        }
        for number in std::mem::take(&mut self.unsaved) {
            let Some(topic) = self.topics.get(number) else { continue };
            step.effects.commit.put(Table::Topics, records::topics::by_id(&topic.record.id), number.to_be_bytes());
            step.effects.commit.put(Table::Topics, records::topics::record(number), topic.record.value());
        }
    }

    /// Finds again what was pending when the last run ended. O(pending).
    pub(super) fn recover(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let dead = (notes::DEAD, notes::DEAD_END);
        let last = records::collect(store, Table::Notes, dead.0, dead.1, Direction::Backward, 1)?;
        self.raise_serial(last.first().map(|(key, _)| &key[..]));
        store.scan(Table::Notes, records::range(dead.0, dead.1), Direction::Forward, &mut |_, _| {
            self.dead += 1;
            std::ops::ControlFlow::Continue(())
        })?;
        let pending = (notes::PENDING, notes::PENDING_END);
        for (key, value) in records::collect(store, Table::Notes, pending.0, pending.1, Direction::Forward, usize::MAX)?
        {
            self.raise_serial(Some(&key));
            let number = key.get(1..5).and_then(|number| number.try_into().ok()).map(Number::from_be_bytes);
            let number = number.ok_or_else(|| damaged("a note of pending entries"))?;
            if number == CATALOG {
                self.recover_listings(&value);
            } else {
                for record in value.as_chunks::<40>().0 {
                    self.recover_one(store, number, record)?;
                }
            }
            if let (Some(topic), Some(serial)) = (self.topics.get_mut(number), serial_of(&key)) {
                topic.notes.push(serial);
                self.timers.by(Timer::Settle(number), Time::default());
            }
        }
        Ok(())
    }

    fn recover_one(&mut self, store: &dyn Store, number: Number, record: &[u8; 40]) -> Result<(), StoreError> {
        let [time, id @ ..] = record.as_chunks::<8>().0 else { return Ok(()) };
        let id = crate::entry::EntryId::from_bytes(id.concat().try_into().map_err(|_| damaged("a note"))?);
        let location = Location { number, time: Time::from_millis(u64::from_be_bytes(*time)), id };
        let locations = Locations::load(store, &Locations::key(&id))?;
        let namesakes: Vec<Location> = locations.namesakes(number, location.time).collect();
        // Names among namesakes depend on all of them, so all are listed again: the same rows as before, or the right ones.
        mark!("what was pending is found again");
        for (at, namesake) in namesakes.iter().enumerate() {
            let entry = records::load_entry(store, namesake)?;
            let name = if at == 0 { folder::short } else { folder::long };
            let ranked = ranked(name(namesake.time, &namesake.id), &entry, &Filed::of(&entry));
            let listed = folder::lists(store, TreeId(number), &ranked.item.key)?;
            let Some(topic) = self.topics.get_mut(number) else { continue };
            let news = topic.pending.insert(ranked.item.key.clone(), Some(ranked)).is_none() && !listed;
            topic.pending_entries += u64::from(news);
            topic.record.newest = topic.record.newest.max(location.time);
            if topic.record.name.is_none() {
                topic.record.name.clone_from(&entry.header().topic_name);
            }
        }
        Ok(())
    }

    fn raise_serial(&mut self, key: Option<&[u8]>) {
        if let Some(serial) = key.and_then(serial_of) {
            self.serial = self.serial.max(serial + 1);
        }
    }
}

/// The serial that ends the key of a note.
fn serial_of(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|serial| u64::from_be_bytes(*serial))
}

/// How many levels the item of this name closes.
fn rank_by_name(store: &dyn Store, number: Number, key: &str) -> Result<u8, StoreError> {
    if number == CATALOG {
        let id: TopicId = key.parse().map_err(|_| damaged("a name in the catalog"))?;
        return Ok(folder::rank(id.as_bytes()));
    }
    let location = known_by_name(store, number, key)?.ok_or_else(|| damaged("a folder lists an unknown entry"))?;
    Ok(folder::rank(location.id.as_bytes()))
}
