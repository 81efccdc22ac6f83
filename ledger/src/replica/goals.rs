//! What to pull next: the newest root that was heard of each topic, and roots that led nowhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

/// The same for a root that was merely not to be had, and how much longer each time: a neighbour who heard the same
/// announcement may have it seconds later, a connection that was bad for an hour may be good again, and to ask once more
/// costs little.
const UNAVAILABLE_AT_FIRST: Duration = Duration::from_secs(5);
const UNAVAILABLE_AT_LAST: Duration = Duration::from_secs(300);
const UNAVAILABLE_TIMES: u32 = 3;

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
    /// Whether it may hold nothing that is not here.
    is_doubtful: bool,
}

/// Places in the queue that may be empty before they are cleared away.
const SPARE: usize = 64;

/// Catalogs that wait at most.
const CATALOGS: usize = 256;

/// One goal for each topic, and the catalogs of others.
#[derive(Debug)]
pub(super) struct Goals {
    catalog: TopicId,
    /// Catalogs, in the order in which they were first wanted. One does not replace another: each tells of the few topics that
    /// its announcer holds.
    catalogs: VecDeque<Goal>,
    goals: BTreeMap<TopicId, Goal>,
    /// Topics in the order in which they were first wanted.
    queue: VecDeque<TopicId>,
}

impl Goals {
    pub(super) fn new(catalog: TopicId) -> Self {
        Goals { catalog, catalogs: VecDeque::new(), goals: BTreeMap::new(), queue: VecDeque::new() }
    }

    /// Wants this root of this topic; the newest root of a topic replaces the one before, and that of a catalog the one that
    /// the same peer announced before.
    pub(super) fn add(&mut self, topic: TopicId, root: Cid, from: Option<&Peer>, not_before: Time) {
        if topic == self.catalog {
            return self.add_catalog(root, from, not_before);
        }
        match self.goals.get_mut(&topic) {
            Some(goal) => {
                if goal.root != root {
                    goal.root = root;
                    goal.is_doubtful = false;
                    goal.not_before = goal.not_before.min(not_before);
                }
                goal.peers.retain(|peer| Some(peer) != from);
                goal.peers.splice(0..0, from.cloned());
                goal.peers.truncate(PEERS);
            }
            None => {
                self.goals.insert(
                    topic,
                    Goal { root, peers: from.cloned().into_iter().collect(), not_before, is_doubtful: false },
                );
                // Goals that were reached leave their places in the queue behind.
                if self.queue.len() > 2 * self.goals.len() + SPARE {
                    let mut seen = BTreeSet::new();
                    self.queue.retain(|topic| self.goals.contains_key(topic) && seen.insert(*topic));
                }
                if self.queue.back() != Some(&topic) {
                    self.queue.push_back(topic);
                }
            }
        }
    }

    fn add_catalog(&mut self, root: Cid, from: Option<&Peer>, not_before: Time) {
        let is_full = self.catalogs.len() >= CATALOGS;
        let same = |goal: &&mut Goal| goal.root == root || (from.is_some() && goal.peers.first() == from);
        match self.catalogs.iter_mut().find(same) {
            Some(goal) => {
                goal.root = root;
                goal.peers.retain(|peer| Some(peer) != from);
                goal.peers.splice(0..0, from.cloned());
                goal.peers.truncate(PEERS);
            }
            // What finds no room is announced again.
            None if is_full => {}
            None => {
                let peers = from.cloned().into_iter().collect();
                self.catalogs.push_back(Goal { root, peers, not_before, is_doubtful: false });
            }
        }
    }

    /// Somebody has what is here, under this root: whether or not that is the goal, one that was doubtful has become needless.
    pub(super) fn agreed(&mut self, topic: &TopicId, root: &Cid) {
        if *topic == self.catalog {
            self.catalogs.retain(|goal| goal.root != *root);
        } else if self.goals.get(topic).is_some_and(|goal| goal.root == *root || goal.is_doubtful) {
            self.goals.remove(topic);
        }
    }

    /// The goal, if it still is this root, may hold nothing that is not here.
    pub(super) fn doubt(&mut self, topic: &TopicId, root: &Cid) {
        if let Some(goal) = self.goals.get_mut(topic).filter(|goal| goal.root == *root) {
            goal.is_doubtful = true;
        }
    }

    /// Takes the goal that waited longest and may begin now; catalogs first, for they lead to the others.
    pub(super) fn take(&mut self, now: Time, may_begin: impl Fn(&TopicId) -> bool) -> Option<(TopicId, Goal)> {
        let catalog = self.catalog;
        if may_begin(&catalog)
            && let Some(goal) = self.take_of(&catalog, now)
        {
            return Some((catalog, goal));
        }
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

    /// Takes the goal of this topic if it may begin now.
    pub(super) fn take_of(&mut self, topic: &TopicId, now: Time) -> Option<Goal> {
        let is_due = |goal: &&Goal| goal.not_before <= now;
        if *topic == self.catalog {
            self.catalogs.front().filter(is_due)?;
            return self.catalogs.pop_front();
        }
        self.goals.get(topic).filter(is_due)?;
        self.goals.remove(topic)
    }

    /// When the next catalog may be pulled.
    pub(super) fn next_catalog(&self) -> Option<Time> {
        self.catalogs.front().map(|goal| goal.not_before)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.goals.len() + self.catalogs.len()
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

/// Why a root is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Avoided {
    /// It held nothing for us.
    Empty,
    /// It was not to be had; from then on it may be asked for again.
    Until(Time),
}

/// Roots that were pulled and held nothing acceptable, so that peers with different rules do not refetch for ever.
#[derive(Debug)]
pub(super) struct Remembered(lru::LruCache<Cid, Disappointment>);

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered(lru::LruCache::sparse(most.max(1).try_into().unwrap_or(std::num::NonZeroUsize::MIN)))
    }

    /// Whether the root is to be left alone for now, though this peer announces it.
    pub(super) fn avoids(&self, root: &Cid, now: Time, from: Option<&Peer>) -> Option<Avoided> {
        let found = self.0.peek(root).filter(|found| now < found.until)?;
        match (&found.relied_on, from) {
            (None, _) => Some(Avoided::Empty),
            (Some(tried), Some(from)) if tried.len() < TRIED && !tried.contains(from) => None,
            (Some(_), _) => Some(Avoided::Until(found.until)),
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
        let (first, times, last) = match relied_on {
            Some(_) => (UNAVAILABLE_AT_FIRST, UNAVAILABLE_TIMES, UNAVAILABLE_AT_LAST),
            None => (PATIENCE_AT_FIRST, 2, PATIENCE_AT_LAST),
        };
        let patience = self.0.get(&root).map_or(first, |found| (found.patience * times).clamp(first, last));
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
            assert_eq!(
                remembered.avoids(&root, now + (patience - 1) * SECOND, None),
                Some(Avoided::Empty),
                "{patience} s"
            );
            now = now + (patience + 1) * SECOND;
            assert_eq!(remembered.avoids(&root, now, None), None, "{patience} s");
        }
    }

    #[test]
    fn a_root_that_was_not_to_be_had_is_tried_with_others_who_announce_it() {
        let (root, now) = (raw_cid(b"root"), Time::from_millis(1_800_000_000_000));
        let (liar, honest) = (Peer::new("liar"), Peer::new("honest"));
        let mut remembered = Remembered::new(4);
        remembered.withheld(root, now, std::slice::from_ref(&liar));
        assert_eq!(remembered.avoids(&root, now, Some(&liar)), Some(Avoided::Until(now + 5 * SECOND)));
        assert_eq!(remembered.avoids(&root, now, Some(&honest)), None);
    }

    #[test]
    fn one_writers_catalog_does_not_replace_anothers() {
        let now = Time::from_millis(1_800_000_000_000);
        let (one, two) = (Peer::new("one"), Peer::new("two"));
        let mut goals = Goals::new(topic(0));
        goals.add(topic(0), raw_cid(b"an old one"), Some(&one), now);
        goals.add(topic(0), raw_cid(b"another's"), Some(&two), now);
        goals.add(topic(0), raw_cid(b"a new one"), Some(&one), now);
        let roots = [(); 3].map(|()| goals.take(now, |_| true).map(|(_, goal)| goal.root));
        assert_eq!(roots, [Some(raw_cid(b"a new one")), Some(raw_cid(b"another's")), None]);
    }

    #[test]
    fn the_newest_root_of_a_topic_is_the_one_to_pull() {
        let now = Time::from_millis(1_800_000_000_000);
        let mut goals = Goals::new(topic(0));
        goals.add(topic(1), raw_cid(b"old"), None, now);
        goals.add(topic(2), raw_cid(b"other"), None, now);
        goals.add(topic(1), raw_cid(b"new"), None, now + SECOND);
        assert_eq!(goals.len(), 2);
        assert!(goals.take(now - SECOND, |_| true).is_none(), "it is too early for any");
        let first = goals.take(now, |_| true).map(|(found, goal)| (found, goal.root));
        assert_eq!(first, Some((topic(1), raw_cid(b"new"))));
    }
}
