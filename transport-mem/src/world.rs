//! The world: peers and connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::admission::AdmissionCache;
use tidings_ledger::store::{MemoryStore, Pool, Store, StoreError};
use tidings_ledger::transport::{Blocks, Demerit, Peer};
use tidings_ledger::{Ledger, Library, Options};

use crate::clock::VirtualClock;
use crate::conduct::Conduct;
use crate::executor::{Executor, TaskId};
use crate::hop::Hop;
use crate::link::Link;
use crate::net::{Limits, Net, PeerState};
use crate::record::{Record, What};
use crate::serving::Serving;
use crate::traffic::Traffic;
use crate::transport::MemTransport;

/// A peer of a [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub usize);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer-{}", self.0)
    }
}

/// How a peer is set up.
#[derive(Clone, Default)]
pub struct Setup {
    /// Its settings. The seed is replaced by one drawn from the world's.
    pub options: Options,
    /// Where it keeps its state, which outlives crashes; [in memory](World::memory) unless told otherwise.
    pub store: Option<Arc<dyn Store>>,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
}

impl Setup {
    /// A peer that holds every topic of the network.
    pub fn mirror() -> Self {
        Setup { options: Options { mirror: true, ..Options::default() }, ..Setup::default() }
    }
}

/// Any number of peers in one process under virtual time. One seed decides everything that happens.
pub struct World {
    pub(crate) net: Arc<Net>,
    pub(crate) executor: Executor,
    pub(crate) nodes: Vec<Node>,
    pub(crate) happened: u64,
    /// What peers hold in common.
    pool: Pool,
    /// What all peers check together, if they do.
    admission: Option<Arc<AdmissionCache>>,
    /// Peers, and lives of theirs, that are to end once so much has happened.
    pub(crate) doomed: BTreeMap<u64, Vec<(PeerId, u32)>>,
}

pub(crate) struct Node {
    pub(crate) options: Options,
    pub(crate) store: Arc<dyn Store>,
    /// How far its clock was off at first.
    pub(crate) skew: i64,
    pub(crate) transport: Arc<MemTransport>,
    /// What runs while the peer is up; a stranger has no ledger.
    pub(crate) running: Option<(Ledger, TaskId)>,
}

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    /// An empty world with other bounds.
    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        World {
            net: Net::new(seed, limits),
            executor: Executor::default(),
            nodes: Vec::new(),
            happened: 0,
            pool: Pool::new(),
            admission: None,
            doomed: BTreeMap::new(),
        }
    }

    /// Lets the peers that are started from now on check signatures together: each entry once, and not once for every peer.
    /// They decide as before; a large world is several times faster. Up to `most` entries are remembered.
    pub fn share_admission(&mut self, most: usize) {
        self.admission = Some(Arc::new(AdmissionCache::new(most)));
    }

    /// An empty store in memory. What the stores of one world have in common (most of it, if their peers follow the same
    /// topics) is in memory once.
    pub fn memory(&self) -> MemoryStore {
        MemoryStore::sharing(&self.pool)
    }

    /// Adds a peer and starts it.
    pub fn peer(&mut self, mut setup: Setup) -> Result<PeerId, StoreError> {
        setup.options.seed = self.net.lock().rng.u64(..);
        let store = setup.store.take().unwrap_or_else(|| Arc::new(self.memory()));
        let blocks = Arc::new(Library::new(store.clone()));
        let peer = self.add(setup, store, blocks);
        self.start(peer)?;
        Ok(peer)
    }

    /// Adds a peer without a ledger: a test moves its [`transport`](Self::transport) by hand.
    pub fn stranger(&mut self, blocks: Arc<dyn Blocks>) -> PeerId {
        let store = Arc::new(self.memory());
        self.add(Setup::default(), store, blocks)
    }

    fn add(&mut self, setup: Setup, store: Arc<dyn Store>, blocks: Arc<dyn Blocks>) -> PeerId {
        let me = self.nodes.len();
        let name = Peer::new(format!("peer-{me}"));
        {
            let mut net = self.net.lock();
            net.names.insert(name.clone(), me);
            net.peers.push(PeerState::new(name, setup.skew, blocks));
        }
        let transport = Arc::new(MemTransport::new(self.net.clone(), me, 0));
        let Setup { options, skew, .. } = setup;
        self.nodes.push(Node { options, store, skew, transport, running: None });
        PeerId(me)
    }

    pub(crate) fn start(&mut self, PeerId(me): PeerId) -> Result<(), StoreError> {
        let node = &mut self.nodes[me];
        let clock = Arc::new(VirtualClock::new(self.net.clone(), me));
        let (ledger, driver) = Ledger::open(node.store.clone(), node.transport.clone(), clock, node.options.clone())?;
        if let Some(cache) = &self.admission {
            ledger.share_admission(cache.clone());
        }
        let task = self.executor.spawn(Box::pin(driver.in_step().run()));
        node.running = Some((ledger, task));
        Ok(())
    }

    pub(crate) fn net(&self) -> &Arc<Net> {
        &self.net
    }

    /// Connects two peers; both directions behave like this.
    pub fn connect(&mut self, a: PeerId, b: PeerId, link: Link) {
        self.net.lock().connect(a.0, b.0, link);
    }

    /// Connects each with each.
    pub fn connect_all(&mut self, peers: &[PeerId], link: Link) {
        for (at, a) in peers.iter().enumerate() {
            for b in &peers[..at] {
                self.connect(*b, *a, link);
            }
        }
    }

    /// Lets one direction of a connection behave differently from now on.
    pub fn set_link(&mut self, from: PeerId, to: PeerId, link: Link) {
        if let Some(wire) = self.net.lock().peers[from.0].wires.get_mut(&to.0) {
            wire.link = link;
        }
    }

    /// Ends a connection; both notice.
    pub fn disconnect(&mut self, a: PeerId, b: PeerId) {
        let mut net = self.net.lock();
        if net.peers[a.0].wires.remove(&b.0).is_some() {
            net.peers[b.0].wires.remove(&a.0);
            net.note(What::Disconnected(a, b));
            net.part(a.0, b.0);
        }
    }

    /// The peers that this one is connected to and that are up, in their order.
    pub fn neighbours(&self, peer: PeerId) -> Vec<PeerId> {
        self.net.lock().neighbours(peer.0).into_iter().map(PeerId).collect()
    }

    /// How many peers there are, strangers and those that are down included.
    pub fn peers(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the peer runs.
    pub fn is_up(&self, peer: PeerId) -> bool {
        self.nodes[peer.0].running.is_some()
    }

    /// The peer's ledger.
    ///
    /// # Panics
    /// If the peer is a stranger, or down.
    pub fn ledger(&self, peer: PeerId) -> &Ledger {
        match &self.nodes[peer.0].running {
            Some((ledger, _)) => ledger,
            None => panic!("{peer:?} does not run a ledger"),
        }
    }

    /// The peer's transport.
    pub fn transport(&self, peer: PeerId) -> Arc<MemTransport> {
        self.nodes[peer.0].transport.clone()
    }

    /// The name by which the other peers know it.
    pub fn name(&self, peer: PeerId) -> Peer {
        self.net.lock().peers[peer.0].name.clone()
    }

    /// Lets the peer answer requests in its own way; `None` makes it honest again.
    pub fn set_conduct(&mut self, peer: PeerId, conduct: Option<Arc<dyn Conduct>>) {
        self.net.lock().peers[peer.0].conduct = conduct;
    }

    /// Lets the peer serve its blocks slowly, in part, wrongly, or not at all.
    pub fn set_serving(&mut self, peer: PeerId, serving: Serving) {
        self.net.lock().peers[peer.0].serving = serving;
    }

    /// What the peer sent and got so far.
    pub fn traffic(&self, peer: PeerId) -> Traffic {
        self.net.lock().peers[peer.0].traffic
    }

    /// What the peer held against others so far.
    pub fn demerits(&self, peer: PeerId) -> Vec<(Peer, Demerit)> {
        self.net.lock().peers[peer.0].demerits.clone()
    }

    /// The roots that the peer makes known to strangers.
    pub fn provided(&self, peer: PeerId) -> Vec<Cid> {
        self.net.lock().peers[peer.0].provided.clone()
    }

    /// Virtual time since the world began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.net.lock().now)
    }

    /// How much has happened so far.
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// The hash of everything that happened so far: the same for every run of one seed.
    pub fn trace(&self) -> u64 {
        self.net.lock().trace.hash()
    }

    /// Keeps a readable trace from now on.
    pub fn keep_trace(&mut self) {
        self.net.lock().trace.keep();
    }

    /// What happened since the trace was kept.
    pub fn records(&self) -> Vec<Record> {
        self.net.lock().trace.records().to_vec()
    }

    /// The readable trace, if it was kept: one line for each record.
    pub fn trace_lines(&self) -> Vec<String> {
        self.net.lock().trace.records().iter().map(ToString::to_string).collect()
    }

    /// Hands each line of the readable trace on from now on, so that a long run need not hold them all. The sink is called
    /// in the midst of things: it must not ask this world anything.
    pub fn trace_to(&mut self, sink: impl FnMut(&str) + Send + 'static) {
        self.net.lock().trace.hand_to(Box::new(sink));
    }

    /// Shows everything that travels from now on. The watcher is called in the midst of things: it must not ask this world
    /// anything.
    pub fn watch(&mut self, watcher: impl FnMut(&Hop) + Send + 'static) {
        self.net.lock().watcher = Some(Box::new(watcher));
    }

    /// Takes note of something in the trace.
    pub fn note(&mut self, what: &str) {
        self.net.lock().note(What::Noted(what.to_owned()));
    }

    /// Draws from the world's source of chance.
    pub fn random(&mut self) -> u64 {
        self.net.lock().rng.u64(..)
    }
}

/// A peer without blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBlocks;

impl Blocks for NoBlocks {
    fn get(&self, _: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}
