//! The suite over a real transport, in real time.
//!
//! [`Live`] makes a [`Network`] of anything that is a [`Mesh`]: a few methods that start, stop and connect transports. What
//! the scenarios ask beyond that is done around the transport, not by it. A [`Gate`] loses what a partition separates and
//! counts what is fetched; a [`PacedClock`] lets the ledger's time pass faster than the machine's, so that a minute of
//! announcing again takes seconds, and lets it be wrong.

mod clock;
mod gate;

pub use clock::PacedClock;
pub use gate::{Gate, Walls};

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::store::{MemoryStore, Store};
use tidings_ledger::transport::{Blocks, Broadcast, Channel, Demerit, Peer, Transport};
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, Library, Options, TopicName};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::network::{Kind, Network, Node, Skill};
use crate::simulated::Shelf;

/// Seconds of the ledger's time in one of the machine's. Faster, and fetches that are merely slow would seem to fail.
const PACE: u32 = 5;
/// How long healing may take, in the ledger's time: five minutes of the machine's, for a busy one.
const PATIENCE: Duration = Duration::from_secs(300 * PACE as u64);
/// How often a condition is looked at, in the machine's time.
const LOOK: Duration = Duration::from_millis(10);

/// What the suite asks of a transport: to be started, stopped and connected. Its methods are called within a tokio runtime
/// and may block; they panic if something goes wrong.
pub trait Mesh {
    /// Starts the transport of a node, which serves these blocks. A node that was stopped may be started again; it then has
    /// the name that it had.
    fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<dyn Transport>;

    /// Ends the transport of a node.
    fn stop(&mut self, node: Node);

    /// The name under which others see the node.
    fn name(&self, node: Node) -> Peer;

    /// Connects two nodes that run, and returns when both can talk.
    fn connect(&mut self, a: Node, b: Node);

    /// What it can do, with a [`Gate`] around it, beside the usual. A transport whose software cannot be made to misbehave
    /// leaves [`Skill::Stranger`] out.
    fn skills(&self) -> &[Skill] {
        &[Skill::Partition, Skill::Stranger, Skill::Counters, Skill::Clock]
    }

    /// A stranger was given blocks to serve: for a transport whose software does not ask for them when it needs them.
    fn given(&mut self, node: Node, blocks: &[(Cid, Bytes)]) {
        let _ = (node, blocks);
    }

    /// The node's ledger was opened over its transport, for a transport that wants to know.
    fn opened(&mut self, node: Node, ledger: &Ledger) {
        let _ = (node, ledger);
    }
}

/// Nodes over a [`Mesh`].
pub struct Live<M> {
    mesh: M,
    walls: Arc<Walls>,
    nodes: Vec<LiveNode>,
    links: Vec<(Node, Node)>,
}

struct LiveNode {
    store: Arc<dyn Store>,
    options: Options,
    clock: Arc<PacedClock>,
    gate: Arc<Gate>,
    /// A stranger has none.
    running: Option<(Ledger, JoinHandle<()>)>,
    shelf: Arc<Shelf>,
}

impl<M: Mesh> Live<M> {
    /// No nodes as yet.
    pub fn new(mesh: M) -> Self {
        Live { mesh, walls: Arc::default(), nodes: Vec::new(), links: Vec::new() }
    }

    /// Starts what a node consists of; a stranger has no ledger.
    fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<Gate> {
        let transport = within(|| self.mesh.start(node, blocks));
        Arc::new(Gate::new(transport, self.mesh.name(node), self.walls.clone(), PACE))
    }

    /// Opens the ledger of a node.
    fn run(&mut self, number: Node) {
        let node = &mut self.nodes[number];
        let (store, gate) = (node.store.clone(), node.gate.clone());
        let opened = Ledger::open(store, gate, node.clock.clone(), node.options.clone());
        let (ledger, driver) = opened.expect("the store opens");
        within(|| self.mesh.opened(number, &ledger));
        node.running = Some((ledger, runtime().spawn(driver.run())));
    }

    fn pairs(&self, here: &[Node], there: &[Node]) -> Vec<(Peer, Peer)> {
        let all = here.iter().flat_map(|a| there.iter().map(|b| (self.mesh.name(*a), self.mesh.name(*b))));
        all.collect()
    }
}

impl<M: Mesh> Network for Live<M> {
    fn skills(&self) -> &[Skill] {
        self.mesh.skills()
    }

    fn add(&mut self, kind: Kind) -> Node {
        let node = self.nodes.len();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let shelf = Arc::new(Shelf::default());
        let blocks: Arc<dyn Blocks> = match kind {
            Kind::Stranger => shelf.clone(),
            _ => Arc::new(Library::new(store.clone())),
        };
        let gate = self.start(node, blocks);
        let options = Options { mirror: kind == Kind::Mirror, seed: node as u64, ..Options::default() };
        let clock = PacedClock::new(PACE);
        self.nodes.push(LiveNode { store, options, clock, gate, running: None, shelf });
        if kind != Kind::Stranger {
            self.run(node);
        }
        node
    }

    fn connect(&mut self, a: Node, b: Node) {
        self.walls.open(&self.pairs(&[a], &[b]));
        within(|| self.mesh.connect(a, b));
        self.links.push((a, b));
    }

    fn disconnect(&mut self, a: Node, b: Node) {
        // A transport need not know how: both are told, and hear no more of each other.
        self.walls.close(self.pairs(&[a], &[b]));
        self.links.retain(|link| *link != (a, b) && *link != (b, a));
        self.nodes[a].gate.lose(self.mesh.name(b));
        self.nodes[b].gate.lose(self.mesh.name(a));
    }

    fn restart(&mut self, node: Node) {
        let Some((_, driver)) = self.nodes[node].running.take() else { return };
        driver.abort();
        within(|| self.mesh.stop(node));
        let blocks = Arc::new(Library::new(self.nodes[node].store.clone()));
        self.nodes[node].gate = self.start(node, blocks);
        self.run(node);
        for (a, b) in self.links.clone().into_iter().filter(|(a, b)| *a == node || *b == node) {
            within(|| self.mesh.connect(a, b));
        }
    }

    fn ledger(&self, node: Node) -> Ledger {
        self.nodes[node].running.as_ref().expect("it has a ledger").0.clone()
    }

    fn append(&mut self, node: Node, topic: &TopicName, key: &AuthorKey, draft: Draft) -> Entry {
        let topic = self.ledger(node).topic(topic);
        runtime().block_on(topic.append(key, draft)).expect("a good draft is appended")
    }

    fn run_for(&mut self, span: Duration) {
        std::thread::sleep(span / PACE);
    }

    fn run_until(&mut self, bound: Duration, done: &mut dyn FnMut() -> bool) -> bool {
        let begun = Instant::now();
        while !done() {
            if begun.elapsed() > bound / PACE {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn partition(&mut self, here: &[Node], there: &[Node]) {
        self.walls.close(self.pairs(here, there));
    }

    fn heal(&mut self) {
        self.walls.open_all();
    }

    fn publish(&mut self, stranger: Node, channel: Channel, message: Bytes) {
        self.nodes[stranger].gate.publish(channel, message).expect("it fits");
    }

    fn give(&mut self, stranger: Node, blocks: Vec<(Cid, Bytes)>) {
        within(|| self.mesh.given(stranger, &blocks));
        for (cid, block) in blocks {
            self.nodes[stranger].shelf.put(&cid, block);
        }
    }

    fn demerits(&self, node: Node) -> Vec<(Peer, Demerit)> {
        self.nodes[node].gate.demerits()
    }

    fn wanted(&self, node: Node) -> u64 {
        self.nodes[node].gate.wanted()
    }

    fn set_skew(&mut self, node: Node, millis: i64) {
        self.nodes[node].clock.set_skew(millis);
    }
}

impl<M> Drop for Live<M> {
    fn drop(&mut self) {
        for (ledger, driver) in self.nodes.iter_mut().filter_map(|node| node.running.take()) {
            ledger.close();
            driver.abort();
        }
    }
}

/// The runtime of all live networks of a test program.
fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    &RUNTIME
}

/// Runs what needs a runtime around it, and may block.
fn within<T>(work: impl FnOnce() -> T) -> T {
    let _entered = runtime().enter();
    work()
}

/// Waits for a future inside a [`Mesh`]'s methods, which are no async functions.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}
