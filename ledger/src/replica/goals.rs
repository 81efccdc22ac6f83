//! What to pull next: the newest root that was heard of each topic, and roots that led nowhere.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cid::Cid;

use crate::time::Time;
use crate::topic::TopicId;
use crate::transport::Peer;

/// Announcers that are remembered for one root.
const PEERS: usize = 4;

/// A root that held nothing acceptable is left alone this long, twice as long each time it disappoints again.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(20);
const PATIENCE_AT_LAST: Duration = Duration::from_secs(3600);

/// A root that somebody announced and this replica does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    pub(super) root: Cid,
    /// Who announced it, the latest first.
    pub(super) peers: Vec<Peer>,
    /// Not to be pulled before: the rest of a burst may arrive by itself.
    pub(super) not_before: Time,
}

/// One goal for each topic.
#[derive(Debug, Default)]
pub(super) struct Goals {
    goals: BTreeMap<TopicId, Goal>,
    /// Topics in the order in which they were first wanted.
    queue: VecDeque<TopicId>,
}

impl Goals {
    /// Wants this root of this topic; the newest root of a topic replaces the one before.
    pub(super) fn add(&mut self, topic: TopicId, root: Cid, from: Option<&Peer>, not_before: Time) {
        match self.goals.get_mut(&topic) {
            Some(goal) => {
                if goal.root != root {
                    goal.root = root;
                    goal.not_before = goal.not_before.min(not_before);
                }
                goal.peers.retain(|peer| Some(peer) != from);
                goal.peers.splice(0..0, from.cloned());
                goal.peers.truncate(PEERS);
            }
            None => {
                self.goals.insert(topic, Goal { root, peers: from.cloned().into_iter().collect(), not_before });
                self.queue.push_back(topic);
            }
        }
    }

    /// The root is reached, or no longer of interest.
    pub(super) fn remove(&mut self, topic: &TopicId, root: &Cid) {
        if self.goals.get(topic).is_some_and(|goal| goal.root == *root) {
            self.goals.remove(topic);
        }
    }

    /// Takes the goal that waited longest and may begin now.
    pub(super) fn take(&mut self, now: Time, may_begin: impl Fn(&TopicId) -> bool) -> Option<(TopicId, Goal)> {
        let mut looked_at = 0;
        while looked_at < self.queue.len() {
            let topic = self.queue.pop_front()?;
            match self.goals.get(&topic) {
                None => continue,
                Some(goal) if goal.not_before <= now && may_begin(&topic) => {
                    return self.goals.remove(&topic).map(|goal| (topic, goal));
                }
                Some(_) => {
                    self.queue.push_back(topic);
                    looked_at += 1;
                }
            }
        }
        None
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.goals.len()
    }
}

/// A root that led nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Disappointment {
    until: Time,
    patience: Duration,
}

/// Roots that were pulled and held nothing acceptable, so that peers with different rules do not refetch for ever.
#[derive(Debug)]
pub(super) struct Remembered(lru::LruCache<Cid, Disappointment>);

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered(lru::LruCache::new(most.max(1).try_into().unwrap_or(std::num::NonZeroUsize::MIN)))
    }

    /// Whether the root is to be left alone for now.
    pub(super) fn avoids(&self, root: &Cid, now: Time) -> bool {
        self.0.peek(root).is_some_and(|found| now < found.until)
    }

    /// The root disappointed.
    pub(super) fn disappointed(&mut self, root: Cid, now: Time) {
        let patience = match self.0.get(&root) {
            Some(found) => (found.patience * 2).min(PATIENCE_AT_LAST),
            None => PATIENCE_AT_FIRST,
        };
        self.0.put(root, Disappointment { until: now + patience, patience });
    }
}
