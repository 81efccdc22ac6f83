//! Who has what: the oracle. It is fed by what writers were told is durable, and never by what a node says of itself.

use std::collections::BTreeMap;

use tidings_ledger::EntryId;

use super::histogram::Histogram;

/// A post, as it was acknowledged.
pub(crate) struct Post {
    pub(crate) id: EntryId,
    pub(crate) at: u64,
    /// Since when others can have it: from the moment on at which it was written, or at which its writer, who was offline
    /// then, was back.
    out_since: Option<u64>,
    pub(crate) node: usize,
    pub(crate) topic: usize,
    /// Written before the run began: it is no news.
    pub(crate) is_history: bool,
    phase: usize,
    /// Nodes that have it.
    pub(crate) held_by: u32,
}

/// A node's standing.
#[derive(Default, Clone)]
struct Standing {
    /// One bit for each post.
    has: Vec<u64>,
    /// Posts of its topics that it lacks and could have.
    lacks: u32,
    /// What it wrote while it was not there.
    unsent: Vec<usize>,
    /// Since when it has been there and connected.
    there_since: Option<u64>,
    /// Since when it has been catching up.
    catching_up: Option<u64>,
}

impl Standing {
    fn holds(&self, post: usize) -> bool {
        self.has.get(post / 64).is_some_and(|bits| bits >> (post % 64) & 1 == 1)
    }
}

/// All posts, and who has which.
pub(crate) struct Tally {
    pub(crate) posts: Vec<Post>,
    index: BTreeMap<EntryId, usize>,
    nodes: Vec<Standing>,
    /// Who follows each topic.
    followers: Vec<Vec<usize>>,
    /// How long news took, for each phase in which they were written.
    pub(crate) news: Vec<Histogram>,
    /// How long catching up took, for each phase in which it ended.
    pub(crate) catching_up: Vec<Histogram>,
    /// Copies that those who are there lack.
    lacking: u64,
    /// Entries seen that nobody of the scenario wrote.
    pub(crate) foreign: u64,
    phase: usize,
}

impl Tally {
    pub(crate) fn new(nodes: usize, followers: Vec<Vec<usize>>, phases: usize) -> Self {
        Tally {
            posts: Vec::new(),
            index: BTreeMap::new(),
            nodes: vec![Standing::default(); nodes],
            followers,
            news: vec![Histogram::default(); phases],
            catching_up: vec![Histogram::default(); phases],
            lacking: 0,
            foreign: 0,
            phase: 0,
        }
    }

    pub(crate) fn enter(&mut self, phase: usize) {
        self.phase = phase;
    }

    /// A node wrote, and was told that it is durable.
    pub(crate) fn wrote(&mut self, id: EntryId, node: usize, topic: usize, at: u64, is_history: bool) {
        let number = self.posts.len();
        self.index.insert(id, number);
        let phase = self.phase;
        self.posts.push(Post { id, at, out_since: None, node, topic, is_history, phase, held_by: 0 });
        if self.nodes[node].there_since.is_some() || is_history {
            self.goes_out(number, at);
        } else {
            self.nodes[node].unsent.push(number);
        }
    }

    /// Others can have a post from now on.
    fn goes_out(&mut self, number: usize, now: u64) {
        let post = &mut self.posts[number];
        post.out_since = Some(now);
        for follower in &self.followers[post.topic] {
            let standing = &mut self.nodes[*follower];
            if !standing.holds(number) {
                standing.lacks += 1;
                self.lacking += u64::from(standing.there_since.is_some());
            }
        }
    }

    /// A node has an entry; says which post that is, if it is the first time.
    pub(crate) fn has(&mut self, node: usize, id: &EntryId, now: u64) -> Option<usize> {
        let Some(at) = self.index.get(id).copied() else {
            self.foreign += 1;
            return None;
        };
        let (post, standing) = (&mut self.posts[at], &mut self.nodes[node]);
        if standing.holds(at) {
            return None;
        }
        if standing.has.len() <= at / 64 {
            standing.has.resize(at / 64 + 1, 0);
        }
        standing.has[at / 64] |= 1 << (at % 64);
        post.held_by += 1;
        // A writer that does not follow what it writes to lacks nothing of it.
        let Some(out_since) = post.out_since.filter(|_| self.followers[post.topic].binary_search(&node).is_ok()) else {
            return Some(at);
        };
        standing.lacks -= 1;
        if let Some(since) = standing.there_since {
            self.lacking -= 1;
            if !post.is_history && out_since >= since && post.node != node {
                self.news[post.phase].add(now - out_since);
            }
        }
        if standing.lacks == 0
            && let Some(since) = standing.catching_up.take()
        {
            self.catching_up[self.phase].add(now - since);
        }
        Some(at)
    }

    /// A node is there from now on.
    pub(crate) fn comes(&mut self, node: usize, now: u64) {
        let standing = &mut self.nodes[node];
        if standing.there_since.is_none() {
            standing.there_since = Some(now);
            standing.catching_up = (standing.lacks > 0).then_some(now);
            self.lacking += u64::from(standing.lacks);
            for number in std::mem::take(&mut standing.unsent) {
                self.goes_out(number, now);
            }
        }
    }

    /// A node is no longer there.
    pub(crate) fn goes(&mut self, node: usize) {
        let standing = &mut self.nodes[node];
        if standing.there_since.take().is_some() {
            standing.catching_up = None;
            self.lacking -= u64::from(standing.lacks);
        }
    }

    /// A node that is not there lost everything that it had.
    pub(crate) fn forgets(&mut self, node: usize) {
        let has = std::mem::take(&mut self.nodes[node].has);
        for (at, post) in self.posts.iter_mut().enumerate() {
            if has.get(at / 64).is_some_and(|bits| bits >> (at % 64) & 1 == 1) {
                post.held_by -= 1;
                if post.out_since.is_some() && self.followers[post.topic].binary_search(&node).is_ok() {
                    self.nodes[node].lacks += 1;
                }
            }
        }
    }

    /// Copies that those who are there lack.
    pub(crate) fn lacking(&self) -> u64 {
        self.lacking
    }

    /// Copies that those who are there should have.
    pub(crate) fn wanted(&self) -> u64 {
        let mut per_topic = vec![0; self.followers.len()];
        self.posts.iter().filter(|post| post.out_since.is_some()).for_each(|post| per_topic[post.topic] += 1);
        let there = |topic: usize| self.followers[topic].iter().filter(|node| self.is_there(**node)).count() as u64;
        per_topic.iter().enumerate().map(|(topic, posts)| posts * there(topic)).sum()
    }

    pub(crate) fn lacks(&self, node: usize) -> u32 {
        self.nodes[node].lacks
    }

    pub(crate) fn is_there(&self, node: usize) -> bool {
        self.nodes[node].there_since.is_some()
    }

    pub(crate) fn holds(&self, node: usize, post: usize) -> bool {
        self.nodes[node].holds(post)
    }

    pub(crate) fn followers(&self, topic: usize) -> &[usize] {
        &self.followers[topic]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(of: u8) -> EntryId {
        EntryId::from_bytes([of; 32])
    }

    #[test]
    fn news_and_catching_up_are_told_apart() {
        let mut tally = Tally::new(3, vec![vec![0, 1, 2]], 1);
        tally.comes(0, 0);
        tally.comes(1, 0);
        tally.wrote(id(1), 0, 0, 100, false);
        assert_eq!(tally.lacking(), 2);
        assert_eq!(tally.has(0, &id(1), 100), Some(0));
        assert_eq!(tally.has(1, &id(1), 150), Some(0));
        assert_eq!(tally.has(1, &id(1), 160), None);
        assert_eq!((tally.lacking(), tally.news[0].longest()), (0, Some(50)));
        tally.comes(2, 1000);
        assert_eq!(tally.lacking(), 1);
        tally.has(2, &id(1), 1700);
        assert_eq!((tally.news[0].count(), tally.catching_up[0].longest()), (1, Some(700)));
        tally.goes(2);
        tally.forgets(2);
        assert_eq!((tally.lacks(2), tally.lacking(), tally.posts[0].held_by), (1, 0, 2));
        tally.has(1, &id(9), 2000);
        assert_eq!(tally.foreign, 1);
    }

    #[test]
    fn what_somebody_writes_offline_is_lacking_only_from_when_the_writer_is_back() {
        let mut tally = Tally::new(2, vec![vec![0, 1]], 1);
        tally.comes(0, 0);
        tally.wrote(id(1), 1, 0, 100, false);
        tally.has(1, &id(1), 100);
        assert_eq!((tally.lacking(), tally.wanted()), (0, 0));
        tally.comes(1, 5000);
        assert_eq!((tally.lacking(), tally.wanted()), (1, 2));
        tally.has(0, &id(1), 5040);
        assert_eq!((tally.lacking(), tally.news[0].longest(), tally.lacks(1)), (0, Some(40), 0));
    }
}
