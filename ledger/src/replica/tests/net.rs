//! The little network: replicas that hand each other everything at once, or nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;

use super::super::*;
use crate::admission::{Submission, admit};
use crate::announcement::Announcement;
use crate::author::AuthorKey;
use crate::content::RAW;
use crate::entry::{Draft, Entry};
use crate::handle::Library;
use crate::store::MemoryStore;
use crate::transport::{Blocks, Channel, Demerit, MessageId, Peer};

/// One node of the little network.
pub(super) struct Node {
    pub(super) store: Arc<MemoryStore>,
    pub(super) replica: Replica,
    pub(super) joined: BTreeSet<Channel>,
    pub(super) notices: Vec<Notice>,
    pub(super) demerits: Vec<(Peer, Demerit)>,
    pub(super) blocks_fetched: u64,
    pub(super) rounds: u64,
}

pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) now: Time,
    /// Nodes that hear nothing and fetch nothing.
    pub(super) down: BTreeSet<usize>,
    /// Pairs that neither hear nor serve each other.
    pub(super) apart: BTreeSet<(usize, usize)>,
    /// CIDs that nobody serves.
    pub(super) withheld: BTreeSet<Cid>,
    /// CIDs that are neither served nor reported as missing, for as long as a transport's patience lasts.
    pub(super) pending: BTreeSet<Cid>,
}

pub(super) fn options(seed: u64) -> Options {
    Options { seed, ..Options::default() }
}

pub(super) fn room() -> TopicName {
    TopicName::parse("room:lobby").unwrap()
}

pub(super) fn key(n: u8) -> AuthorKey {
    AuthorKey::from_seed(&[n; 32])
}

impl Net {
    pub(super) fn new(options: impl IntoIterator<Item = Options>) -> Self {
        let mut net = Net {
            nodes: Vec::new(),
            now: Time::from_millis(1_800_000_000_000),
            down: BTreeSet::new(),
            apart: BTreeSet::new(),
            withheld: BTreeSet::new(),
            pending: BTreeSet::new(),
        };
        for options in options {
            let store = Arc::new(MemoryStore::new());
            let replica = Replica::open(store.clone(), options).unwrap();
            net.nodes.push(Node {
                store,
                replica,
                joined: BTreeSet::new(),
                notices: Vec::new(),
                demerits: Vec::new(),
                blocks_fetched: 0,
                rounds: 0,
            });
            let at = net.nodes.len() - 1;
            net.input(at, Input::Start);
        }
        net
    }

    pub(super) fn followers(count: u64) -> Self {
        let mut net = Net::new((0..count).map(options));
        for at in 0..net.nodes.len() {
            net.input(at, Input::Follow(room()));
        }
        net
    }

    /// Hands an input in, and everything that follows from it at this moment.
    pub(super) fn input(&mut self, at: usize, input: Input) {
        let _answers = self.ask(at, input);
    }

    /// The same, with the answers that are in the effects.
    pub(super) fn ask(&mut self, at: usize, input: Input) -> Effects {
        let node = &mut self.nodes[at];
        let mut effects = node.replica.handle(self.now, input).unwrap();
        node.store.commit(std::mem::take(&mut effects.commit)).unwrap();
        node.notices.append(&mut effects.notices);
        node.demerits.append(&mut effects.demerits);
        for channel in std::mem::take(&mut effects.join) {
            self.nodes[at].joined.insert(channel);
            for other in self.others(at) {
                self.input(other, Input::Subscribed { channel });
            }
        }
        for (channel, message) in effects.publish.clone() {
            for other in self.others(at) {
                if self.nodes[other].joined.contains(&channel) {
                    self.hear(other, at, channel, &message);
                }
            }
        }
        for request in std::mem::take(&mut effects.fetch) {
            self.nodes[at].rounds += 1;
            let cids = request.cids.into_iter().filter(|cid| !self.pending.contains(cid)).collect();
            let arrivals = self.fetch(at, cids);
            self.input(at, Input::Fetched(arrivals));
        }
        effects
    }

    pub(super) fn others(&self, at: usize) -> Vec<usize> {
        if self.down.contains(&at) {
            return Vec::new();
        }
        let near = |other: &usize| !self.apart.contains(&(at.min(*other), at.max(*other)));
        (0..self.nodes.len()).filter(|other| *other != at && !self.down.contains(other)).filter(near).collect()
    }

    pub(super) fn hear(&mut self, at: usize, from: usize, channel: Channel, message: &Bytes) {
        let announcement = Announcement::decode(message);
        let files = announcement.as_ref().map(|found| found.inline.clone()).unwrap_or_default();
        let files: Vec<Submission> = files.into_iter().map(|file| Submission { file, topic: None }).collect();
        let entries = admit(&files);
        let (from, message) = (Peer::new(format!("{from}")), MessageId(Bytes::new()));
        self.input(at, Input::Heard { channel, from, message, announcement, entries });
    }

    pub(super) fn fetch(&mut self, at: usize, cids: Vec<Cid>) -> Vec<Arrival> {
        let others = self.others(at);
        let answer = |cid: Cid| {
            let found = others.iter().find_map(|other| {
                let block = Library::new(self.nodes[*other].store.clone()).get(&cid).unwrap();
                block.filter(|_| !self.withheld.contains(&cid)).map(|block| (*other, block))
            });
            let Some((other, block)) = found else { return Arrival { cid, from: None, content: Arrived::Missing } };
            let len = block.len();
            let content = if cid.codec() == RAW {
                let result = admit(&[Submission { file: block, topic: None }]).remove(0);
                Arrived::Entry(result, len)
            } else {
                Arrived::Node(block)
            };
            Arrival { cid, from: Some(Peer::new(format!("{other}"))), content }
        };
        let arrivals: Vec<Arrival> = cids.into_iter().map(answer).collect();
        self.nodes[at].blocks_fetched += arrivals.len() as u64;
        arrivals
    }

    /// What was pending is reported as missing.
    pub(super) fn give_up_waiting(&mut self, at: usize) {
        let missing = |cid| Arrival { cid, from: None, content: Arrived::Missing };
        let arrivals = std::mem::take(&mut self.pending).into_iter().map(missing).collect();
        self.input(at, Input::Fetched(arrivals));
    }

    /// One peer announces this root of the room.
    pub(super) fn announce(&mut self, at: usize, from: usize, folder: Cid) {
        self.announce_of(at, from, room().id(), folder);
    }

    /// One peer announces this root of this topic.
    pub(super) fn announce_of(&mut self, at: usize, from: usize, topic: TopicId, folder: Cid) {
        let announcement = Announcement { topic, folder, count: 1, newest: self.now, inline: Vec::new() };
        let message = Bytes::from(announcement.encode());
        self.hear(at, from, Channel::new(topic), &message);
    }

    /// Lets virtual time pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let next = self.nodes.iter().filter_map(|node| node.replica.next_wake()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for at in 0..self.nodes.len() {
                if self.nodes[at].replica.next_wake().is_some_and(|wake| wake <= self.now) {
                    self.input(at, Input::Wake);
                }
            }
        }
        self.now = end;
    }

    pub(super) fn say(&mut self, at: usize, author: u8, text: &str) -> Entry {
        self.append(at, room(), author, Draft::new("post", text))
    }

    pub(super) fn append(&mut self, at: usize, topic: TopicName, author: u8, draft: Draft) -> Entry {
        let append = Append { topic, key: key(author), draft };
        self.ask(at, Input::Append(vec![append])).appended.remove(0).unwrap()
    }

    pub(super) fn root(&self, at: usize, topic: &TopicName) -> Option<Cid> {
        self.nodes[at].replica.topics.by_id(&topic.id()).and_then(|topic| topic.record.tree.root)
    }

    pub(super) fn entries(&self, at: usize, topic: &TopicName) -> u64 {
        self.nodes[at].replica.topics.by_id(&topic.id()).map_or(0, |topic| topic.record.entries)
    }

    #[track_caller]
    pub(super) fn assert_same(&self, topic: &TopicName, entries: u64) {
        for at in 0..self.nodes.len() {
            assert_eq!(self.entries(at, topic), entries, "entries at node {at}");
            assert_eq!(self.root(at, topic), self.root(0, topic), "folder at node {at}");
        }
    }

    /// Fills one node's room before anybody listens.
    pub(super) fn fill(&mut self, at: usize, count: u64) {
        let appends = (0..count)
            .map(|n| Append {
                topic: room(),
                key: key((n % 7) as u8),
                draft: Draft::new("post", format!("entry {n}")).at(Time::from_millis(1_700_000_000_000 + n * 60_000)),
            })
            .collect();
        self.input(at, Input::Append(appends));
        self.run(Duration::from_secs(1));
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
