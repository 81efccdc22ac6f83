//! The scenarios, each one failure that must not happen.

mod content;
mod converging;
mod healing;
mod hostile;
mod scale;

use std::time::Duration;

use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, TopicName};

use crate::network::{Kind, Network, Node, Skill};
use crate::oracle::Oracle;

/// One scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// What is at stake.
    pub name: &'static str,
    /// What the network must be able to do beside the usual.
    pub needs: &'static [Skill],
    /// Runs it on an empty network; panics if it fails.
    pub run: fn(&mut dyn Network),
}

impl Scenario {
    /// Whether the network can do what it needs.
    pub fn fits(&self, network: &dyn Network) -> bool {
        self.needs.iter().all(|skill| network.skills().contains(skill))
    }
}

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    [converging::ALL, healing::ALL, content::ALL, hostile::ALL, scale::ALL].concat()
}

/// The network with an oracle beside it.
struct Stage<'a> {
    net: &'a mut dyn Network,
    oracle: Oracle,
}

impl<'a> Stage<'a> {
    fn new(net: &'a mut dyn Network) -> Self {
        Stage { net, oracle: Oracle::default() }
    }

    /// Adds so many nodes, each connected with each, that follow the topic.
    fn followers(&mut self, count: usize, topic: &TopicName) -> Vec<Node> {
        let nodes: Vec<Node> = (0..count).map(|_| self.net.add(Kind::Follower)).collect();
        for (at, a) in nodes.iter().enumerate() {
            for b in &nodes[..at] {
                self.net.connect(*b, *a);
            }
            self.follow(*a, topic);
        }
        self.net.run_for(Duration::from_millis(500));
        nodes
    }

    fn follow(&mut self, node: Node, topic: &TopicName) {
        self.net.ledger(node).topic(topic).follow().expect("the store takes it");
    }

    fn append(&mut self, node: Node, topic: &TopicName, key: &AuthorKey, draft: Draft) -> Entry {
        let entry = self.net.append(node, topic, key, draft);
        self.oracle.wrote(topic, &entry);
        entry
    }

    fn post(&mut self, node: Node, topic: &TopicName, author: u8, text: &str) -> Entry {
        self.append(node, topic, &key(author), Draft::new("post", text))
    }

    fn posts(&mut self, node: Node, topic: &TopicName, author: u8, count: usize) {
        for at in 0..count {
            self.post(node, topic, author, &format!("Post {at} of author {author}, with a few words in it."));
        }
    }

    fn ledgers(&self, nodes: &[Node]) -> Vec<Ledger> {
        nodes.iter().map(|node| self.net.ledger(*node)).collect()
    }

    /// Waits until all nodes hold the topic as the oracle knows it, and checks it in depth.
    fn converge(&mut self, nodes: &[Node], topic: &TopicName) {
        let ledgers = self.ledgers(nodes);
        let (patience, folder) = (self.net.patience(), self.oracle.folder(topic));
        let reached =
            self.net.run_until(patience, &mut || ledgers.iter().all(|ledger| info(ledger, topic).cid == folder));
        if !reached {
            let counts: Vec<u64> = ledgers.iter().map(|ledger| info(ledger, topic).entries).collect();
            panic!("no agreement within {patience:?}: {counts:?} of {} entries", self.oracle.count(topic));
        }
        self.oracle.check(&ledgers, topic);
    }

    /// Waits until all nodes hold everything that was written, and checks it.
    fn converge_all(&mut self, nodes: &[Node]) {
        let ledgers = self.ledgers(nodes);
        let (patience, catalog) = (self.net.patience(), self.oracle.catalog());
        let catalog_of = |ledger: &Ledger| ledger.catalog().expect("the store reads").cid;
        let reached = self.net.run_until(patience, &mut || ledgers.iter().all(|ledger| catalog_of(ledger) == catalog));
        let counts: Vec<u64> = ledgers.iter().map(|ledger| ledger.catalog().expect("the store reads").topics).collect();
        assert!(reached, "no agreement within {patience:?}: {counts:?} of {} topics", self.oracle.topics());
    }
}

fn info(ledger: &Ledger, topic: &TopicName) -> tidings_ledger::handle::TopicInfo {
    ledger.topic(topic).info().expect("the store reads")
}

fn room(name: &str) -> TopicName {
    TopicName::parse(&format!("room:{name}")).expect("a good name")
}

fn key(author: u8) -> AuthorKey {
    AuthorKey::from_seed(&[author; 32])
}
