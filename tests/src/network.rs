//! What a scenario asks of a transport and its harness.

use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::transport::{Channel, Demerit, Peer};
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, TopicName};

/// A node of a network, by the order in which it was added.
pub type Node = usize;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Holds the topics that it follows.
    Follower,
    /// Holds every topic.
    Mirror,
    /// Has no ledger; a scenario speaks for it.
    Stranger,
}

/// What not every transport's harness can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skill {
    /// Let everything between two groups get lost, unnoticed by them.
    Partition,
    /// Speak for a peer that has no ledger.
    Stranger,
    /// Count blocks and demerits.
    Counters,
    /// Set a node's clock.
    Clock,
    /// Let minutes pass in no time.
    VirtualTime,
}

/// Nodes that run ledgers over one transport.
pub trait Network {
    /// What it can do beside the usual.
    fn skills(&self) -> &[Skill];

    /// Adds a node and starts it.
    fn add(&mut self, kind: Kind) -> Node;

    /// Connects two nodes.
    fn connect(&mut self, a: Node, b: Node);

    /// Ends a connection; both notice.
    fn disconnect(&mut self, a: Node, b: Node);

    /// Stops a node without a farewell and starts it again on what it had stored. Handles of its ledger are dead.
    fn restart(&mut self, node: Node);

    /// The node's ledger.
    fn ledger(&self, node: Node) -> Ledger;

    /// Appends through the node's ledger and waits for the answer.
    fn append(&mut self, node: Node, topic: &TopicName, key: &AuthorKey, draft: Draft) -> Entry;

    /// Lets time pass.
    fn run_for(&mut self, span: Duration);

    /// Lets time pass until the condition holds, at most this long; says whether it did.
    fn run_until(&mut self, bound: Duration, done: &mut dyn FnMut() -> bool) -> bool;

    /// How long healing may take: a few periods of re-announcing.
    fn patience(&self) -> Duration;

    /// [`Skill::Partition`]: everything between the groups is lost from now on.
    fn partition(&mut self, here: &[Node], there: &[Node]);

    /// [`Skill::Partition`]: ends all partitions.
    fn heal(&mut self);

    /// [`Skill::Stranger`]: publishes for a stranger.
    fn publish(&mut self, stranger: Node, channel: Channel, message: Bytes);

    /// [`Skill::Stranger`]: gives a stranger blocks to serve.
    fn give(&mut self, stranger: Node, blocks: Vec<(Cid, Bytes)>);

    /// [`Skill::Counters`]: what the node held against others.
    fn demerits(&self, node: Node) -> Vec<(Peer, Demerit)>;

    /// [`Skill::Counters`]: how many blocks the node asked for so far.
    fn wanted(&self, node: Node) -> u64;

    /// [`Skill::Clock`]: how far the node's clock is off, in milliseconds.
    fn set_skew(&mut self, node: Node, millis: i64);
}
