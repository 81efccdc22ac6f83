//! When a replica wants to be woken, and for what.

use std::collections::{BTreeMap, BTreeSet};

use super::topics::CATALOG;
use crate::records::Number;
use crate::time::Time;
use crate::topic::TopicId;

/// What a timer is for. At one moment they fire in this order, so a folder is settled before it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Entries kept aside may come in.
    Deferred,
    /// Fold what is pending into the tree of this topic.
    Settle(Number),
    /// Announce the root of this topic.
    Announce(Number),
    /// Announce the root of this topic if it changed since, for those who began to listen meanwhile.
    FollowUp(Number),
    /// Announce the root of this topic again.
    Reannounce(Number),
    /// Pull this topic.
    Pull(TopicId),
}

impl Timer {
    /// Whether it makes the catalog's root go out.
    pub(super) fn speaks_of_the_catalog(&self) -> bool {
        matches!(self, Timer::Announce(CATALOG) | Timer::FollowUp(CATALOG) | Timer::Reannounce(CATALOG))
    }
}

/// At most one moment for each timer, in order of time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Time, Timer)>,
    at: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets the timer, instead of when it was set before.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        self.clear(timer);
        self.queue.insert((at, timer));
        self.at.insert(timer, at);
    }

    /// Sets the timer unless it fires by then anyway.
    pub(super) fn by(&mut self, timer: Timer, at: Time) {
        if self.at.get(&timer).is_none_or(|set| *set > at) {
            self.set(timer, at);
        }
    }

    /// Unsets the timer; says whether it was set.
    pub(super) fn clear(&mut self, timer: Timer) -> bool {
        let Some(at) = self.at.remove(&timer) else { return false };
        self.queue.remove(&(at, timer))
    }

    /// Takes the next timer that is due.
    pub(super) fn due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }
}
