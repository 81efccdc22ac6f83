//! The suite's first network: a simulated world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use parking_lot::Mutex;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::{Blocks, Broadcast, Channel, Demerit, Peer};
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

use crate::network::{Kind, Network, Node, Skill};

/// A world of transport-mem as a [`Network`].
pub struct Simulated {
    /// The world, for whoever wants to do what the trait does not offer.
    pub world: World,
    link: Link,
    strangers: BTreeMap<Node, Arc<Shelf>>,
}

/// The blocks that a stranger was given.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<BTreeMap<Vec<u8>, Bytes>>);

impl Shelf {
    pub(crate) fn put(&self, cid: &Cid, block: Bytes) {
        self.0.lock().insert(cid.to_bytes(), block);
    }
}

impl Blocks for Shelf {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().get(&cid.to_bytes()).cloned())
    }
}

impl Simulated {
    /// A world of this seed whose connections are like this.
    pub fn new(seed: u64, link: Link) -> Self {
        Simulated { world: World::new(seed), link, strangers: BTreeMap::new() }
    }
}

impl Network for Simulated {
    fn skills(&self) -> &[Skill] {
        &[Skill::Partition, Skill::Stranger, Skill::Counters, Skill::Clock, Skill::VirtualTime]
    }

    fn add(&mut self, kind: Kind) -> Node {
        let setup = match kind {
            Kind::Follower => Setup::default(),
            Kind::Mirror => Setup::mirror(),
            Kind::Stranger => {
                let shelf = Arc::new(Shelf::default());
                let PeerId(node) = self.world.stranger(shelf.clone());
                self.strangers.insert(node, shelf);
                return node;
            }
        };
        self.world.peer(setup).expect("an empty store opens").0
    }

    fn connect(&mut self, a: Node, b: Node) {
        self.world.connect(PeerId(a), PeerId(b), self.link);
    }

    fn disconnect(&mut self, a: Node, b: Node) {
        self.world.disconnect(PeerId(a), PeerId(b));
    }

    fn restart(&mut self, node: Node) {
        self.world.crash(PeerId(node));
        self.world.restart(PeerId(node)).expect("the store opens again");
    }

    fn ledger(&self, node: Node) -> Ledger {
        self.world.ledger(PeerId(node)).clone()
    }

    fn append(&mut self, node: Node, topic: &TopicName, key: &AuthorKey, draft: Draft) -> Entry {
        let topic = self.world.ledger(PeerId(node)).topic(topic);
        self.world.wait(topic.append(key, draft)).expect("a good draft is appended")
    }

    fn run_for(&mut self, span: Duration) {
        self.world.run_for(span);
    }

    fn run_until(&mut self, bound: Duration, done: &mut dyn FnMut() -> bool) -> bool {
        self.world.run_until(bound, |_| done()).is_ok()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn partition(&mut self, here: &[Node], there: &[Node]) {
        let peers = |nodes: &[Node]| nodes.iter().copied().map(PeerId).collect::<Vec<_>>();
        self.world.partition(&peers(here), &peers(there));
    }

    fn heal(&mut self) {
        self.world.heal();
    }

    fn publish(&mut self, stranger: Node, channel: Channel, message: Bytes) {
        self.world.transport(PeerId(stranger)).publish(channel, message).expect("it fits");
    }

    fn give(&mut self, stranger: Node, blocks: Vec<(Cid, Bytes)>) {
        let shelf = &self.strangers[&stranger];
        for (cid, block) in blocks {
            shelf.put(&cid, block);
        }
    }

    fn demerits(&self, node: Node) -> Vec<(Peer, Demerit)> {
        self.world.demerits(PeerId(node))
    }

    fn wanted(&self, node: Node) -> u64 {
        self.world.traffic(PeerId(node)).wanted
    }

    fn set_skew(&mut self, node: Node, millis: i64) {
        self.world.set_skew(PeerId(node), millis);
    }
}
