//! The world: peers, connections, and the passing of time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::store::{MemoryStore, Store, StoreError};
use tidings_ledger::transport::{Blocks, Demerit, Peer};
use tidings_ledger::{Ledger, Library, Options};

use crate::clock::VirtualClock;
use crate::conduct::Conduct;
use crate::executor::{Executor, TaskId};
use crate::hop::Hop;
use crate::link::Link;
use crate::net::{Limits, Net, PeerState, Wire};
use crate::traffic::Traffic;
use crate::transport::MemTransport;

/// A peer of a [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub usize);

/// How a peer is set up.
#[derive(Clone)]
pub struct Setup {
    /// Its settings. The seed is replaced by one drawn from the world's.
    pub options: Options,
    /// Where it keeps its state; it outlives crashes.
    pub store: Arc<dyn Store>,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { options: Options::default(), store: Arc::new(MemoryStore::new()), skew: 0 }
    }
}

impl Setup {
    /// A peer that holds every topic of the network.
    pub fn mirror() -> Self {
        Setup { options: Options { mirror: true, ..Options::default() }, ..Setup::default() }
    }
}

/// Any number of peers in one process under virtual time. One seed decides everything that happens.
pub struct World {
    net: Arc<Net>,
    executor: Executor,
    nodes: Vec<Node>,
    happened: u64,
}

struct Node {
    setup: Setup,
    transport: Arc<MemTransport>,
    /// What runs while the peer is up; a stranger has no ledger.
    running: Option<(Ledger, TaskId)>,
}

/// A condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLate {
    /// How long it was waited for, in virtual time.
    pub waited: Duration,
    /// How much happened meanwhile.
    pub happened: u64,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not so after {:?} of virtual time, in which {} things happened", self.waited, self.happened)
    }
}

impl std::error::Error for TooLate {}

impl World {
    /// The most that may happen while a condition is waited for: beyond that, peers talk in circles.
    const MOST: u64 = 20_000_000;

    /// An empty world.
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    /// An empty world with other bounds.
    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        World { net: Net::new(seed, limits), executor: Executor::default(), nodes: Vec::new(), happened: 0 }
    }

    /// Adds a peer and starts it.
    pub fn peer(&mut self, mut setup: Setup) -> Result<PeerId, StoreError> {
        setup.options.seed = self.net.lock().rng.u64(..);
        let blocks = Arc::new(Library::new(setup.store.clone()));
        let peer = self.add(setup, blocks);
        self.start(peer)?;
        Ok(peer)
    }

    /// Adds a peer without a ledger: a test moves its [`transport`](Self::transport) by hand.
    pub fn stranger(&mut self, blocks: Arc<dyn Blocks>) -> PeerId {
        self.add(Setup::default(), blocks)
    }

    fn add(&mut self, setup: Setup, blocks: Arc<dyn Blocks>) -> PeerId {
        let me = self.nodes.len();
        self.net.lock().peers.push(PeerState {
            name: Peer::new(format!("peer-{me}")),
            life: 0,
            is_up: true,
            skew: setup.skew,
            joined: Default::default(),
            listeners: Default::default(),
            inbox: Default::default(),
            dropped: 0,
            waker: None,
            events_taken: false,
            seen: Default::default(),
            unjudged: Default::default(),
            blocks,
            conduct: None,
            traffic: Traffic::default(),
            demerits: Vec::new(),
            provided: Vec::new(),
        });
        let transport = Arc::new(MemTransport::new(self.net.clone(), me, 0));
        self.nodes.push(Node { setup, transport, running: None });
        PeerId(me)
    }

    fn start(&mut self, PeerId(me): PeerId) -> Result<(), StoreError> {
        let node = &mut self.nodes[me];
        let clock = Arc::new(VirtualClock::new(self.net.clone(), me));
        let setup = &node.setup;
        let (ledger, driver) = Ledger::open(setup.store.clone(), node.transport.clone(), clock, setup.options.clone())?;
        let task = self.executor.spawn(Box::pin(driver.run()));
        node.running = Some((ledger, task));
        Ok(())
    }

    /// Connects two peers; both directions behave like this.
    pub fn connect(&mut self, a: PeerId, b: PeerId, link: Link) {
        let mut net = self.net.lock();
        for ends in [(a.0, b.0), (b.0, a.0)] {
            net.wires.insert(ends, Wire { link, is_cut: false, free_at: 0 });
        }
        if net.is_linked(a.0, b.0) {
            net.introduce(a.0, b.0);
        }
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
        if let Some(wire) = self.net.lock().wires.get_mut(&(from.0, to.0)) {
            wire.link = link;
        }
    }

    /// Ends a connection; both notice.
    pub fn disconnect(&mut self, a: PeerId, b: PeerId) {
        let mut net = self.net.lock();
        if net.wires.remove(&(a.0, b.0)).is_some() {
            net.wires.remove(&(b.0, a.0));
            net.part(a.0, b.0);
        }
    }

    /// Loses everything that one peer sends to another from now on; neither notices. [`World::heal`] ends it.
    pub fn cut_one_way(&mut self, from: PeerId, to: PeerId) {
        if let Some(wire) = self.net.lock().wires.get_mut(&(from.0, to.0)) {
            wire.is_cut = true;
        }
    }

    /// Loses everything between two groups from now on; nobody notices. [`World::heal`] ends it.
    pub fn partition(&mut self, here: &[PeerId], there: &[PeerId]) {
        for a in here {
            for b in there {
                self.cut_one_way(*a, *b);
                self.cut_one_way(*b, *a);
            }
        }
    }

    /// Ends all partitions. Nobody reconnects; only listeners that are not known yet are told.
    pub fn heal(&mut self) {
        let mut net = self.net.lock();
        let cut: Vec<(usize, usize)> =
            net.wires.iter().filter(|(_, wire)| wire.is_cut).map(|(ends, _)| *ends).collect();
        for ends in &cut {
            if let Some(wire) = net.wires.get_mut(ends) {
                wire.is_cut = false;
            }
        }
        for (from, to) in cut {
            if net.is_linked(from, to) {
                net.tell_subscriptions(from, to);
            }
        }
    }

    /// Ends a peer at this very moment, without a farewell. Its store stays as it is.
    pub fn crash(&mut self, peer: PeerId) {
        let node = &mut self.nodes[peer.0];
        let running = node.running.take();
        if let Some((_, task)) = &running {
            self.executor.cancel(*task);
        }
        let mut net = self.net.lock();
        let neighbours = net.neighbours(peer.0);
        let state = &mut net.peers[peer.0];
        state.is_up = false;
        state.life += 1;
        state.joined.clear();
        state.listeners.clear();
        state.inbox.clear();
        state.unjudged.clear();
        state.seen = Default::default();
        state.events_taken = false;
        state.dropped = 0;
        state.waker = None;
        let name = state.name.clone();
        for neighbour in neighbours {
            net.part(peer.0, neighbour);
        }
        let now = net.now;
        net.trace.note(now, format_args!("{name} crashes"));
        drop(net);
        // The ledger goes last, when nothing is locked.
        drop(running);
    }

    /// Starts a crashed peer again on what its store holds; its connections come back.
    pub fn restart(&mut self, peer: PeerId) -> Result<(), StoreError> {
        let store = self.nodes[peer.0].setup.store.clone();
        self.restart_on(peer, store)
    }

    /// Starts a crashed peer again on another store.
    pub fn restart_on(&mut self, peer: PeerId, store: Arc<dyn Store>) -> Result<(), StoreError> {
        let (life, seed) = {
            let mut net = self.net.lock();
            let seed = net.rng.u64(..);
            net.peers[peer.0].is_up = true;
            net.peers[peer.0].blocks = Arc::new(Library::new(store.clone()));
            (net.peers[peer.0].life, seed)
        };
        let node = &mut self.nodes[peer.0];
        node.transport = Arc::new(MemTransport::new(self.net.clone(), peer.0, life));
        node.setup.store = store;
        node.setup.options.seed = seed;
        self.start(peer)?;
        let mut net = self.net.lock();
        let (name, now) = (net.peers[peer.0].name.clone(), net.now);
        net.trace.note(now, format_args!("{name} restarts"));
        for neighbour in net.neighbours(peer.0) {
            net.introduce(peer.0, neighbour);
        }
        Ok(())
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

    /// Sets how far the peer's clock is off, in milliseconds.
    pub fn set_skew(&mut self, peer: PeerId, millis: i64) {
        self.net.lock().peers[peer.0].skew = millis;
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
        self.net.lock().trace.keep_lines();
    }

    /// The readable trace, if it was kept.
    pub fn trace_lines(&self) -> Vec<String> {
        self.net.lock().trace.lines().to_vec()
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
        let mut net = self.net.lock();
        let now = net.now;
        net.trace.note(now, format_args!("{what}"));
    }

    /// Draws from the world's source of chance.
    pub fn random(&mut self) -> u64 {
        self.net.lock().rng.u64(..)
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.net.lock().now + span.as_micros() as u64;
        self.executor.run();
        while self.step(until) {}
    }

    /// Lets time pass until the condition holds, at most this long; says how long it took.
    pub fn run_until(&mut self, bound: Duration, mut done: impl FnMut(&World) -> bool) -> Result<Duration, TooLate> {
        let start = self.net.lock().now;
        let (until, happened) = (start + bound.as_micros() as u64, self.happened);
        self.executor.run();
        loop {
            if done(self) {
                return Ok(Duration::from_micros(self.net.lock().now - start));
            }
            let is_over = !self.step(until);
            if (is_over && !done(self)) || self.happened - happened > Self::MOST {
                return Err(TooLate { waited: bound, happened: self.happened - happened });
            }
        }
    }

    /// Runs one happening and what follows from it; says whether there was one by then.
    fn step(&mut self, until: u64) -> bool {
        let more = self.net.lock().advance(until);
        self.happened += u64::from(more);
        self.executor.run();
        more
    }

    /// Waits for a future, such as an append, for at most a minute of virtual time.
    ///
    /// # Panics
    /// If it is not done by then.
    pub fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        let until = self.net.lock().now + 60_000_000;
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
            self.executor.run();
            assert!(self.step(until), "a future that is not done after a minute");
        }
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
