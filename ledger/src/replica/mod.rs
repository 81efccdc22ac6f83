//! The replica: a state machine that keeps one node's ledger the same as everybody else's.
//!
//! It does no I/O of its own (design invariant 9). Time, bytes and verified entries are handed to [`Replica::handle`];
//! what is to be done comes out as [`Effects`]. There is one rule for whoever runs it:
//!
//! **Commit first; only when that has succeeded, all other effects; then the next input. If the commit fails, throw the
//! replica away and open it again from the store.**
//!
//! How peers converge, in short: whoever has news *announces* the new root of the topic's folder, with the entries inline
//! when they fit. Whoever hears it takes the entries in, computes the folder, and compares roots. Equal: done. Different:
//! it *pulls*, that is, walks the announced tree and fetches what it lacks. A root that is behind one's own is answered
//! with one's own. Everything that may be lost on the way is made good by announcing again, about once a minute.

mod announce;
mod append;
mod catalog;
mod counters;
mod deferred;
mod effects;
mod goals;
mod hearing;
mod insert;
mod known;
mod options;
mod overlay;
mod pull;
mod pulling;
mod settle;
mod step;
mod timers;
mod topics;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use effects::{Append, AppendError, Arrival, Arrived, Effects, FetchRequest, Fork, Input, Notice};
pub use options::{Limits, NETWORK, Options};

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use cid::Cid;

use crate::author::Author;
use crate::entry::EntryId;
use crate::records::Number;
use crate::store::{Store, StoreError};
use crate::time::Time;
use crate::topic::{TopicId, TopicName};

use deferred::Deferred;
use goals::{Goals, Remembered};
use insert::Origin;
use known::Known;
use pull::Pull;
use step::Step;
use timers::{Timer, Timers};
use topics::{CATALOG, Topics};

/// Chain heads that are kept in memory. One is 80 bytes; a miss costs one look-up.
const HEADS: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// Roots that are made known to strangers: the catalog's, and those of the topics that changed last.
const PROVIDED: usize = 256;

/// One node's ledger, as a state machine.
pub struct Replica {
    store: Arc<dyn Store>,
    options: Options,
    rng: fastrand::Rng,
    catalog_id: TopicId,
    topics: Topics,
    timers: Timers,
    /// Topics whose records changed in this step.
    unsaved: BTreeSet<Number>,
    /// Topics with entries written here that were not announced yet.
    local_news: BTreeSet<Number>,
    /// Those of them whose announcements go to the mirrors, too.
    catalog_news: BTreeSet<Number>,
    /// What others listen to and this mirror has nothing of, as yet.
    listened: BTreeSet<TopicId>,
    heads: lru::LruCache<(Number, Author), (u64, EntryId)>,
    deferred: Deferred,
    goals: Goals,
    pulls: BTreeMap<TopicId, Pull>,
    /// Pulls that may have something to ask for.
    stirred: BTreeSet<TopicId>,
    /// What is asked for, by whose pull.
    wanted: BTreeMap<Cid, TopicId>,
    remembered: Remembered,
    known: Known,
    /// Topics that the last bulk went to.
    breadth: usize,
    /// The next serial of a note.
    serial: u64,
    /// Dead tree nodes that are still stored.
    dead: u64,
    /// Where the next sweep begins.
    swept: u64,
    /// Channels joined.
    joined: usize,
    /// Bytes in the store, as far as is known without asking.
    stored_bytes: u64,
    /// Roots that changed since they were last made known, the latest last.
    changed: Vec<Cid>,
    counters: Counters,
}

impl Replica {
    /// Opens the replica whose state is in the store. O(topics + what a crash left pending).
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Self, StoreError> {
        let catalog_id = TopicId::catalog(&options.network);
        let topics = Topics::load(&*store, catalog_id)?;
        let mut replica = Replica {
            rng: fastrand::Rng::with_seed(options.seed),
            catalog_id,
            topics,
            timers: Timers::default(),
            unsaved: BTreeSet::new(),
            local_news: BTreeSet::new(),
            catalog_news: BTreeSet::new(),
            listened: BTreeSet::new(),
            heads: lru::LruCache::sparse(HEADS),
            deferred: Deferred::default(),
            goals: Goals::new(catalog_id),
            pulls: BTreeMap::new(),
            stirred: BTreeSet::new(),
            wanted: BTreeMap::new(),
            remembered: Remembered::new(options.limits.remembered),
            known: Known::default(),
            breadth: 0,
            serial: 0,
            dead: 0,
            swept: 0,
            joined: 0,
            stored_bytes: store.size()?,
            changed: Vec::new(),
            counters: Counters::default(),
            options,
            store,
        };
        let store = replica.store.clone();
        replica.recover(&*store)?;
        Ok(replica)
    }

    /// Takes an input; says what is to be done.
    ///
    /// Costs O(entries · log n) for entries, O(topics that are due) otherwise. An error is the store's; after one, the
    /// replica must be opened again.
    pub fn handle(&mut self, now: Time, input: Input) -> Result<Effects, StoreError> {
        let store = self.store.clone();
        let mut step = Step::new(now, &*store);
        self.take(&mut step, input)?;
        self.run_timers(&mut step)?;
        self.advance(&mut step)?;
        // A pull that ended may have something to announce at once.
        self.run_timers(&mut step)?;
        self.sweep(&mut step)?;
        self.save(&mut step);
        self.provide(&mut step);
        step.effects.fetch = announce::merge(std::mem::take(&mut step.effects.fetch));
        Ok(step.effects)
    }

    /// When [`Input::Wake`] is due, if nothing else happens.
    pub fn next_wake(&self) -> Option<Time> {
        self.timers.next()
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Pulls under way, and topics that wait for theirs.
    pub fn pulling(&self) -> (usize, usize) {
        (self.pulls.len(), self.goals.len())
    }

    /// The catalog's root, topics and entries, as far as they are settled.
    pub fn catalog(&self) -> (Option<Cid>, u64, u64) {
        let catalog = self.topics.get(CATALOG);
        let (root, entries) = catalog.map_or((None, 0), |catalog| (catalog.record.tree.root, catalog.record.entries));
        (root, self.topics.len() as u64, entries)
    }

    /// Whether the topic is followed.
    pub fn is_followed(&self, topic: &TopicId) -> bool {
        self.topics.by_id(topic).is_some_and(|topic| topic.record.followed)
    }

    fn take(&mut self, step: &mut Step<'_>, input: Input) -> Result<(), StoreError> {
        match input {
            Input::Start => self.start(step),
            Input::Append(appends) => self.append(step, appends)?,
            Input::Submit(entries) => step.effects.submitted = self.insert(step, entries, Origin::Here)?,
            Input::Follow(name) => self.follow(step, &name),
            Input::Unfollow(topic) => self.unfollow(step, &topic),
            Input::Heard { channel, from, message, announcement, entries } => {
                let verdict = self.heard(step, channel, &from, announcement, entries)?;
                step.effects.verdicts.push((message, verdict));
            }
            Input::Subscribed { channel } => self.welcome(step, channel),
            Input::Missed => self.missed(step.now),
            Input::Fetched(arrivals) => self.fetched(step, arrivals)?,
            Input::Flush => {
                for number in self.topics.unsettled() {
                    self.settle(step, number)?;
                }
                self.settle(step, CATALOG)?;
            }
            Input::Wake => {}
        }
        Ok(())
    }

    fn run_timers(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        let mut others = Vec::new();
        let mut catalog_is_due = false;
        while let Some(timer) = self.timers.due(step.now) {
            match timer {
                Timer::Deferred => self.undefer(step)?,
                Timer::Settle(CATALOG) => catalog_is_due = true,
                Timer::Settle(number) => self.settle(step, number)?,
                _ => others.push(timer),
            }
        }
        while let Some(timer) = self.timers.due(step.now) {
            others.push(timer);
        }
        self.tell_mirrors(step.now, &mut others);
        others.sort_unstable();
        others.dedup();
        // Topics first, so that the catalog is brought up to date once for all of them.
        if catalog_is_due || others.iter().any(Timer::speaks_of_the_catalog) {
            self.settle(step, CATALOG)?;
        } else {
            self.settle_catalog_in_time(step)?;
        }
        for timer in others {
            match timer {
                Timer::Announce(number) | Timer::Reannounce(number) => self.announce(step, number),
                Timer::FollowUp(number) => self.follow_up(step, number),
                // Pulls whose time has come are begun with all others.
                Timer::Pull(_) | Timer::Deferred | Timer::Settle(_) => {}
            }
        }
        Ok(())
    }

    fn start(&mut self, step: &mut Step<'_>) {
        let followed: Vec<Number> =
            self.topics.iter().filter(|topic| topic.record.followed).map(|topic| topic.record.number).collect();
        for number in followed {
            self.join(step, number);
        }
        if self.options.mirror {
            self.join(step, CATALOG);
        }
        self.changed = self.topics.iter().filter_map(|topic| topic.record.tree.root).take(PROVIDED).collect();
    }

    fn follow(&mut self, step: &mut Step<'_>, name: &TopicName) {
        let id = name.id();
        let number = self.topics.number(&id).unwrap_or_else(|| self.topics.create(id));
        if let Some(topic) = self.topics.get_mut(number) {
            topic.record.followed = true;
            topic.record.name = Some(name.to_string());
        }
        self.unsaved.insert(number);
        self.join(step, number);
        // Who listens already heard nothing of what was written here before.
        self.announce_within(step.now, number, announce::WELCOME);
    }

    fn unfollow(&mut self, step: &mut Step<'_>, topic: &TopicId) {
        let Some(number) = self.topics.number(topic) else { return };
        if let Some(topic) = self.topics.get_mut(number) {
            topic.record.followed = false;
        }
        self.unsaved.insert(number);
        self.leave(step, number);
    }

    fn store_is_full(&self) -> bool {
        self.stored_bytes >= self.options.limits.store_bytes
    }

    /// Makes changed roots known to strangers.
    fn provide(&mut self, step: &mut Step<'_>) {
        let before = self.changed.len();
        for notice in &step.effects.notices {
            if let Notice::Folder { cid, .. } | Notice::Catalog { cid, .. } = notice {
                self.changed.push(*cid);
            }
        }
        if self.changed.len() == before {
            return;
        }
        let excess = self.changed.len().saturating_sub(PROVIDED);
        self.changed.drain(..excess);
        step.effects.provide = Some(self.changed.iter().rev().copied().collect());
    }
}
