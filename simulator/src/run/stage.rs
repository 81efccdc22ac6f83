//! The network on the stage: who is there, who is connected to whom, and what is wrong with it right now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::store::StoreError;
use tidings_ledger::{Ledger, Options, TopicName};
use tidings_transport_mem::{Answer, Conduct, Disk, Limits, Link, Mesh, PeerId, Setup, Traffic, World};

use super::hostile::Strangers;
use crate::plan::{Cast, Plan};
use crate::scenario::{Event, Instead, LinkKeys, Scenario, What};

/// The network.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) cast: Cast,
    pub(super) topics: Vec<TopicName>,
    pub(super) strangers: BTreeMap<usize, Strangers>,
    scenario: Scenario,
    edges: Vec<(usize, usize)>,
    /// The connections that exist.
    open: BTreeSet<(usize, usize)>,
    /// Directions in which everything waits.
    clogged: BTreeSet<(usize, usize)>,
    /// Directions in which everything is lost.
    cut: BTreeSet<(usize, usize)>,
    peers: Vec<Option<PeerId>>,
    disks: Vec<Arc<Disk>>,
    left: BTreeSet<usize>,
    /// Events that are going on.
    active: BTreeSet<usize>,
}

/// Entries whose signatures are not checked again: nodes come to the same answer, and most of a run would be spent on it.
const SHARED: usize = 1 << 16;

fn empty_disk(world: &World) -> Arc<Disk> {
    Arc::new(Disk::over(Arc::new(world.memory())))
}

impl Stage {
    pub(super) fn new(scenario: &Scenario, plan: Plan, seed: u64) -> Stage {
        let limits = limits(scenario);
        // Checked with the scenario.
        let topics = scenario.topic.iter().filter_map(|topic| TopicName::parse(&topic.name).ok()).collect();
        let mut world = World::with_limits(seed, limits);
        world.share_admission(SHARED);
        Stage {
            peers: vec![None; plan.cast.members.len()],
            disks: plan.cast.members.iter().map(|_| empty_disk(&world)).collect(),
            world,
            cast: plan.cast,
            topics,
            strangers: BTreeMap::new(),
            scenario: scenario.clone(),
            edges: plan.edges,
            open: BTreeSet::new(),
            clogged: BTreeSet::new(),
            cut: BTreeSet::new(),
            left: BTreeSet::new(),
            active: BTreeSet::new(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.world.elapsed().as_micros() as u64
    }

    /// The node's ledger, if it runs.
    pub(super) fn ledger(&self, node: usize) -> Option<&Ledger> {
        self.peers[node].filter(|peer| self.world.is_up(*peer)).map(|peer| self.world.ledger(peer))
    }

    pub(super) fn peer(&self, node: usize) -> Option<PeerId> {
        self.peers[node]
    }

    pub(super) fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    pub(super) fn traffic(&self, node: usize) -> Option<Traffic> {
        self.peers[node].map(|peer| self.world.traffic(peer))
    }

    pub(super) fn has_left(&self, node: usize) -> bool {
        self.left.contains(&node)
    }

    /// Whether it runs and has its connections.
    pub(super) fn is_there(&self, node: usize) -> bool {
        self.ledger(node).is_some() && !self.is_in(node, What::Offline)
    }

    /// Whether an event of this kind is going on that concerns the node.
    fn is_in(&self, node: usize, what: What) -> bool {
        self.going_on(what).any(|(at, _)| self.concerns(at, node))
    }

    fn going_on(&self, what: What) -> impl Iterator<Item = (usize, &Event)> {
        let events = self.active.iter().map(|at| (*at, &self.scenario.event[*at]));
        events.filter(move |(_, event)| event.what == what)
    }

    fn concerns(&self, event: usize, node: usize) -> bool {
        self.cast.of_event[event].binary_search(&node).is_ok()
    }

    /// A node joins with nothing.
    pub(super) fn join(&mut self, node: usize) -> Result<(), StoreError> {
        let member = &self.cast.members[node];
        let group = &self.scenario.group[member.group];
        let options =
            Options { mirror: group.mirror, reannounce: self.scenario.network.reannounce.0, ..Options::default() };
        let setup = Setup { options, store: Some(self.disks[node].clone()), skew: member.skew };
        let peer = self.world.peer(setup)?;
        self.peers[node] = Some(peer);
        self.follow(node)?;
        self.reconcile();
        Ok(())
    }

    fn follow(&self, node: usize) -> Result<(), StoreError> {
        let Some(ledger) = self.ledger(node) else { return Ok(()) };
        self.cast.members[node].follows.iter().try_for_each(|topic| ledger.topic(&self.topics[*topic]).follow())
    }

    /// An event begins. Those that it stops are stopped when this returns.
    pub(super) fn begin(&mut self, at: usize) -> Result<(), StoreError> {
        self.active.insert(at);
        let event = self.scenario.event[at].clone();
        for node in self.cast.of_event[at].clone() {
            let Some(peer) = self.peers[node] else { continue };
            match event.what {
                What::Crash | What::Wipe | What::Leave => {
                    if self.world.is_up(peer) {
                        self.world.crash(peer);
                    }
                    if event.what == What::Leave {
                        self.left.insert(node);
                    }
                }
                What::Clock => self.set_clock(node),
                What::Full => self.disks[node].set_full(true),
                What::Withhold => {
                    let part = event.part.map_or(1.0, |part| part.0);
                    let answer = event.answer.unwrap_or(Instead::Silence);
                    self.world.set_conduct(peer, Some(Arc::new(Withholding { part, answer, node })));
                }
                _ => {}
            }
        }
        if event.what == What::Flood {
            let victims: Vec<PeerId> = self.cast.of_event[at].iter().filter_map(|node| self.peers[*node]).collect();
            let strangers = Strangers::arrive(&mut self.world, event.strangers.unwrap_or(1), &victims, Link::WAN);
            self.strangers.insert(at, strangers);
        }
        self.reconcile();
        Ok(())
    }

    /// An event ends; gives those that start again.
    pub(super) fn end(&mut self, at: usize) -> Result<Vec<usize>, StoreError> {
        self.active.remove(&at);
        let what = self.scenario.event[at].what;
        let mut started = Vec::new();
        for node in self.cast.of_event[at].clone() {
            let Some(peer) = self.peers[node] else { continue };
            match what {
                What::Crash | What::Wipe => {
                    let stays_down = self.is_in(node, What::Crash) || self.is_in(node, What::Wipe);
                    if self.world.is_up(peer) || self.left.contains(&node) || stays_down {
                        continue;
                    }
                    if what == What::Wipe {
                        self.disks[node] = empty_disk(&self.world);
                        self.world.restart_on(peer, self.disks[node].clone())?;
                        self.follow(node)?;
                    } else {
                        self.world.restart(peer)?;
                    }
                    started.push(node);
                }
                What::Clock => self.set_clock(node),
                What::Full => self.disks[node].set_full(self.is_in(node, What::Full)),
                What::Withhold if !self.is_in(node, What::Withhold) => self.world.set_conduct(peer, None),
                _ => {}
            }
        }
        if what == What::Flood
            && let Some(strangers) = self.strangers.remove(&at)
        {
            strangers.depart(&mut self.world);
        }
        self.reconcile();
        Ok(started)
    }

    fn set_clock(&mut self, node: usize) {
        let shifts = self.going_on(What::Clock).filter(|(at, _)| self.concerns(*at, node));
        let shift: i64 = shifts.filter_map(|(_, event)| event.by).map(|by| by.millis).sum();
        if let Some(peer) = self.peers[node] {
            self.world.set_skew(peer, self.cast.members[node].skew + shift);
        }
    }

    /// Makes connections what they should be now.
    fn reconcile(&mut self) {
        let offline: BTreeSet<usize> = self
            .going_on(What::Offline)
            .flat_map(|(at, _)| self.cast.of_event[at].iter().copied())
            .chain(self.left.iter().copied())
            .collect();
        let edges = std::mem::take(&mut self.edges);
        for (a, b) in &edges {
            let (Some(one), Some(other)) = (self.peers[*a], self.peers[*b]) else { continue };
            let should = !offline.contains(a) && !offline.contains(b);
            let is_open = self.open.contains(&(*a, *b));
            if should != is_open {
                if should {
                    self.world.connect(one, other, Link::WAN);
                    self.open.insert((*a, *b));
                } else {
                    self.world.disconnect(one, other);
                    self.open.remove(&(*a, *b));
                }
                // A connection that begins or ends has nothing of what was done to it before.
                for direction in [(*a, *b), (*b, *a)] {
                    self.cut.remove(&direction);
                    self.clogged.remove(&direction);
                }
            }
            if should {
                self.world.set_link(one, other, self.link(*a, *b));
                self.world.set_link(other, one, self.link(*b, *a));
            }
        }
        self.edges = edges;
        self.recut();
    }

    /// Makes partitions and clogged connections what they should be now. The world can only end all partitions together,
    /// so those that stay begin again.
    fn recut(&mut self) {
        let directions = || self.open.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
        let cut: BTreeSet<(usize, usize)> = directions().filter(|(from, to)| self.is_cut(*from, *to)).collect();
        let is_clogged = |from: usize, to: usize| self.is_in(from, What::Clog) || self.is_in(to, What::Clog);
        let clogged: BTreeSet<(usize, usize)> = directions().filter(|(from, to)| is_clogged(*from, *to)).collect();
        if self.cut.difference(&cut).next().is_some() {
            self.world.heal();
            self.cut.clear();
            self.clogged.clear();
        }
        let ends = |(from, to): &(usize, usize)| self.peers[*from].zip(self.peers[*to]);
        for (from, to) in cut.difference(&self.cut).filter_map(ends) {
            self.world.cut_one_way(from, to);
        }
        for (from, to) in self.clogged.difference(&clogged).filter_map(ends) {
            self.world.unclog(from, to);
        }
        for (from, to) in clogged.difference(&self.clogged).filter_map(ends) {
            self.world.clog(from, to);
        }
        (self.cut, self.clogged) = (cut, clogged);
    }

    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.active.iter().any(|at| match self.scenario.event[*at].what {
            What::Partition => self.concerns(*at, from) != self.concerns(*at, to),
            What::Mute => self.concerns(*at, from),
            What::Deafen => self.concerns(*at, to),
            _ => false,
        })
    }

    /// What one direction of a connection is like: the worse of what both ends have.
    fn link(&self, from: usize, to: usize) -> Link {
        let (one, other) = (self.end_of(from), self.end_of(to));
        let slower = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let mut link = one;
        link.latency = one.latency.max(other.latency);
        link.jitter = one.jitter.max(other.jitter);
        link.loss = one.loss.max(other.loss);
        link.duplicates = one.duplicates.max(other.duplicates);
        link.replays = one.replays.max(other.replays);
        link.reordered = one.reordered.max(other.reordered);
        link.bandwidth = slower(one.bandwidth, other.bandwidth);
        link
    }

    /// What a node's connections are like: the scenario's, then its group's, then what events say.
    fn end_of(&self, node: usize) -> Link {
        let group = &self.scenario.group[self.cast.members[node].group];
        let mut link = changed(changed(Link::WAN, &self.scenario.link), &group.link);
        for (at, event) in self.going_on(What::Link) {
            if self.concerns(at, node) {
                link = changed(link, &event.link_keys());
            }
        }
        link
    }
}

/// The knobs of gossip and fetching.
fn limits(scenario: &Scenario) -> Limits {
    let (network, mut mesh) = (&scenario.network, Mesh::default());
    mesh.degree = network.mesh;
    // In the proportions of gossipsub's defaults.
    mesh.low = (network.mesh * 5 / 6).max(1);
    mesh.high = network.mesh * 2;
    mesh.lazy = network.mesh;
    // No lookup of providers: who is connected to whom is the scenario's to say.
    Limits { mesh, ..Limits::default() }
}

fn changed(mut link: Link, keys: &LinkKeys) -> Link {
    link.latency = keys.latency.map_or(link.latency, |span| span.0);
    link.jitter = keys.jitter.map_or(link.jitter, |span| span.0);
    link.loss = keys.loss.map_or(link.loss, |part| part.0);
    link.duplicates = keys.duplicates.map_or(link.duplicates, |part| part.0);
    link.replays = keys.replays.map_or(link.replays, |part| part.0);
    link.reordered = keys.reordered.map_or(link.reordered, |part| part.0);
    link.bandwidth = keys.bandwidth.map(|bandwidth| bandwidth.0).or(link.bandwidth);
    link
}

/// A node that does not give some of its blocks, always the same ones.
struct Withholding {
    part: f64,
    answer: Instead,
    node: usize,
}

impl Conduct for Withholding {
    fn answer(&self, cid: &Cid, honest: Option<Bytes>) -> Answer {
        let Some(block) = honest else { return Answer::DontHave };
        // The digest is as good as chance, and does not depend on who asks or when.
        let digest = cid.hash().digest();
        let dice =
            digest.iter().fold(self.node as u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        if f64::from(dice % 1000) >= self.part * 1000.0 {
            return Answer::Bytes(block);
        }
        match self.answer {
            Instead::Silence => Answer::Silence,
            Instead::Denial => Answer::DontHave,
            Instead::Lie => Answer::Bytes(Bytes::from_static(b"something else")),
        }
    }
}
