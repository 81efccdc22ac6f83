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

/// The same for a root that was merely not to be had: a connection that was bad for an hour may be good again, and to ask
/// once more costs little.
const UNAVAILABLE_AT_LAST: Duration = Duration::from_secs(300);

/// Announcers of one root that are relied on, one after the other, before it is left alone whoever announces it.
const TRIED: usize = 8;

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
#[derive(Debug, Clone, PartialEq, Eq)]
struct Disappointment {
    until: Time,
    patience: Duration,
    /// If what is below the root was merely not to be had: whose word was relied on. Somebody else may have it.
    relied_on: Option<Vec<Peer>>,
}

/// Roots that were pulled and held nothing acceptable, so that peers with different rules do not refetch for ever.
#[derive(Debug)]
pub(super) struct Remembered(lru::LruCache<Cid, Disappointment>);

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered(lru::LruCache::sparse(most.max(1).try_into().unwrap_or(std::num::NonZeroUsize::MIN)))
    }

    /// Whether the root is to be left alone for now, though this peer announces it.
    pub(super) fn avoids(&self, root: &Cid, now: Time, from: Option<&Peer>) -> bool {
        let Some(found) = self.0.peek(root).filter(|found| now < found.until) else { return false };
        match (&found.relied_on, from) {
            (Some(tried), Some(from)) => tried.len() >= TRIED || tried.contains(from),
            _ => true,
        }
    }

    /// The root held nothing for us.
    pub(super) fn disappointed(&mut self, root: Cid, now: Time) {
        self.put(root, now, None);
    }

    /// What is below the root was not to be had, though these peers announced it.
    pub(super) fn withheld(&mut self, root: Cid, now: Time, by: &[Peer]) {
        let mut tried = self.0.get(&root).and_then(|found| found.relied_on.clone()).unwrap_or_default();
        for peer in by {
            if tried.len() < TRIED && !tried.contains(peer) {
                tried.push(peer.clone());
            }
        }
        self.put(root, now, Some(tried));
    }

    fn put(&mut self, root: Cid, now: Time, relied_on: Option<Vec<Peer>>) {
        let most = if relied_on.is_some() { UNAVAILABLE_AT_LAST } else { PATIENCE_AT_LAST };
        let patience = match self.0.get(&root) {
            Some(found) => (found.patience * 2).min(most),
            None => PATIENCE_AT_FIRST,
        };
        self.0.put(root, Disappointment { until: now + patience, patience, relied_on });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::raw_cid;

    const SECOND: Duration = Duration::from_secs(1);

    fn topic(n: u8) -> TopicId {
        TopicId::from_bytes([n; 32])
    }

    #[test]
    fn a_root_that_led_nowhere_is_left_alone_longer_each_time_and_never_for_good() {
        let (root, mut now) = (raw_cid(b"root"), Time::from_millis(1_800_000_000_000));
        let mut remembered = Remembered::new(4);
        for patience in [20, 40, 80] {
            remembered.disappointed(root, now);
            assert!(remembered.avoids(&root, now + (patience - 1) * SECOND, None), "{patience} s");
            now = now + (patience + 1) * SECOND;
            assert!(!remembered.avoids(&root, now, None), "{patience} s");
        }
    }

    #[test]
    fn a_root_that_was_not_to_be_had_is_tried_with_others_who_announce_it() {
        let (root, now) = (raw_cid(b"root"), Time::from_millis(1_800_000_000_000));
        let (liar, honest) = (Peer::new("liar"), Peer::new("honest"));
        let mut remembered = Remembered::new(4);
        remembered.withheld(root, now, std::slice::from_ref(&liar));
        assert!(remembered.avoids(&root, now, Some(&liar)));
        assert!(!remembered.avoids(&root, now, Some(&honest)));
    }

    #[test]
    fn the_newest_root_of_a_topic_is_the_one_to_pull() {
        let now = Time::from_millis(1_800_000_000_000);
        let mut goals = Goals::default();
        goals.add(topic(1), raw_cid(b"old"), None, now);
        goals.add(topic(2), raw_cid(b"other"), None, now);
        goals.add(topic(1), raw_cid(b"new"), None, now + SECOND);
        assert_eq!(goals.len(), 2);
        assert!(goals.take(now - SECOND, |_| true).is_none(), "it is too early for any");
        let first = goals.take(now, |_| true).map(|(found, goal)| (found, goal.root));
        assert_eq!(first, Some((topic(1), raw_cid(b"new"))));
    }
}
