//! The state of a simulated network: peers, wires, what is going to happen, and the one source of chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use cid::Cid;
use parking_lot::{Mutex, MutexGuard};
use tidings_ledger::transport::{Blocks, Channel, Demerit, Event, Peer};

use crate::conduct::Conduct;
use crate::fetching::Fetching;
use crate::gossip::{Gossip, Seen};
use crate::hop::Watcher;
use crate::link::Link;
use crate::trace::Trace;
use crate::traffic::Traffic;

/// A peer's place in the world.
pub(crate) type Index = usize;

/// When something happens, and the how-manieth thing it is: the total order of a run.
pub(crate) type Moment = (u64, u64);

/// What may wait in front of a slow connection, in microseconds of its time; a real one drops what its buffers do not hold.
const MOST_QUEUED: u64 = 10_000_000;

/// Everything that the peers of one world share.
pub(crate) struct Net(Mutex<Inner>);

pub(crate) struct Inner {
    /// Microseconds since the world began.
    pub(crate) now: u64,
    next: u64,
    queue: BTreeMap<Moment, Happening>,
    pub(crate) rng: fastrand::Rng,
    pub(crate) peers: Vec<PeerState>,
    pub(crate) wires: BTreeMap<(Index, Index), Wire>,
    pub(crate) fetches: BTreeMap<u64, Fetching>,
    pub(crate) next_fetch: u64,
    pub(crate) next_message: u64,
    pub(crate) limits: Limits,
    pub(crate) trace: Trace,
    pub(crate) watcher: Option<Watcher>,
}

/// Bounds of the simulated transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest announcement carried, in bytes; gossipsub's default is 64 KiB.
    pub message: usize,
    /// Events that wait for a slow reader; beyond, they are dropped and reported.
    pub events: usize,
    /// Neighbours to which a message is passed on, drawn anew for each; gossipsub's mesh has 6 to 12.
    pub fanout: usize,
    /// Messages that a peer remembers having seen.
    pub seen: usize,
    /// Bytes in one answer to a fetch; more come in several.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 64 * 1024, events: 4096, fanout: 12, seen: 8192, answer: 256 * 1024 }
    }
}

/// One peer, as the network sees it.
pub(crate) struct PeerState {
    pub(crate) name: Peer,
    /// Counts restarts: whatever was on its way to an earlier life is lost.
    pub(crate) life: u32,
    pub(crate) is_up: bool,
    /// How far its clock is off, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) joined: BTreeSet<Channel>,
    /// Which neighbours listen where, as far as they told.
    pub(crate) listeners: BTreeMap<Channel, BTreeSet<Index>>,
    pub(crate) inbox: VecDeque<Event>,
    /// Events dropped since the reader was last told.
    pub(crate) dropped: u64,
    pub(crate) waker: Option<Waker>,
    pub(crate) events_taken: bool,
    pub(crate) seen: Seen,
    /// Messages that wait for a verdict, and from whom they came.
    pub(crate) unjudged: BTreeMap<u64, (Arc<Gossip>, Index)>,
    pub(crate) blocks: Arc<dyn Blocks>,
    pub(crate) conduct: Option<Arc<dyn Conduct>>,
    pub(crate) traffic: Traffic,
    pub(crate) demerits: Vec<(Peer, Demerit)>,
    pub(crate) provided: Vec<Cid>,
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) link: Link,
    /// A partition: what is sent is lost, and nobody is told.
    pub(crate) is_cut: bool,
    /// When the queue in front of it is empty.
    pub(crate) free_at: u64,
}

/// Something that is going to happen.
pub(crate) enum Happening {
    Wake(Waker),
    Gossip { from: Index, to: Index, life: u32, gossip: Arc<Gossip> },
    Subscription { from: Index, to: Index, life: u32, channel: Channel, is_on: bool },
    Ask { fetch: u64, ask: u64, from: Index, to: Index, life: u32, cids: Vec<Cid> },
    Answer { fetch: u64, ask: u64, from: Index, blocks: Vec<(Cid, Option<Bytes>)> },
    AskTimeout { fetch: u64, ask: u64 },
    Patience { fetch: u64 },
}

impl Net {
    pub(crate) fn new(seed: u64, limits: Limits) -> Arc<Net> {
        Arc::new(Net(Mutex::new(Inner {
            now: 0,
            next: 0,
            queue: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            peers: Vec::new(),
            wires: BTreeMap::new(),
            fetches: BTreeMap::new(),
            next_fetch: 0,
            next_message: 0,
            limits,
            trace: Trace::default(),
            watcher: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }
}

impl Inner {
    /// Lets something happen after this many microseconds.
    pub(crate) fn after(&mut self, micros: u64, happening: Happening) -> Moment {
        let moment = (self.now + micros, self.next);
        self.next += 1;
        self.queue.insert(moment, happening);
        moment
    }

    /// It will not happen after all.
    pub(crate) fn cancel(&mut self, moment: &Moment) {
        self.queue.remove(moment);
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Goes on to the next thing and does it; says whether there was one by then.
    pub(crate) fn advance(&mut self, until: u64) -> bool {
        match self.next_at() {
            Some(at) if at <= until => {
                self.now = self.now.max(at);
                if let Some((_, happening)) = self.queue.pop_first() {
                    self.happen(happening);
                }
                true
            }
            _ => {
                self.now = self.now.max(until);
                false
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(waker) => waker.wake(),
            Happening::Gossip { from, to, life, gossip } => {
                if self.is_alive(to, life) {
                    self.arrive(from, to, gossip);
                }
            }
            Happening::Subscription { from, to, life, channel, is_on } => {
                if self.is_alive(to, life) && self.is_linked(from, to) {
                    self.subscription(from, to, channel, is_on);
                }
            }
            Happening::Ask { fetch, ask, from, to, life, cids } => {
                if self.is_alive(to, life) {
                    self.serve(fetch, ask, from, to, &cids);
                }
            }
            Happening::Answer { fetch, ask, from, blocks } => self.answered(fetch, ask, from, blocks),
            Happening::AskTimeout { fetch, ask } => self.ask_timeout(fetch, ask),
            Happening::Patience { fetch } => self.patience(fetch),
        }
    }

    pub(crate) fn is_alive(&self, peer: Index, life: u32) -> bool {
        self.peers.get(peer).is_some_and(|state| state.is_up && state.life == life)
    }

    /// Whether two peers are connected (a partition between them is not known to them).
    pub(crate) fn is_linked(&self, a: Index, b: Index) -> bool {
        self.wires.contains_key(&(a, b)) && self.peers[a].is_up && self.peers[b].is_up
    }

    /// The peers that this one is connected to, in their order.
    pub(crate) fn neighbours(&self, peer: Index) -> Vec<Index> {
        let wires = self.wires.range((peer, 0)..=(peer, Index::MAX));
        wires.map(|((_, to), _)| *to).filter(|to| self.is_linked(peer, *to)).collect()
    }

    /// How long a message of this length is on its way; `None` if it gets lost in a partition, or finds the queue in front
    /// of a slow connection full.
    pub(crate) fn travel(&mut self, from: Index, to: Index, len: usize) -> Option<u64> {
        let now = self.now;
        if !self.is_linked(from, to) {
            return None;
        }
        self.peers[from].traffic.sent_bytes += len as u64;
        let wire = self.wires.get_mut(&(from, to))?;
        if wire.is_cut {
            return None;
        }
        let mut delay = wire.link.delay(&mut self.rng);
        // What has no length, such as a word on who listens where, does not wait behind what has.
        if let (Some(bandwidth), 1..) = (wire.link.bandwidth, len) {
            let queued = wire.free_at.saturating_sub(now);
            if queued > MOST_QUEUED {
                return None;
            }
            let micros = (len as u64).saturating_mul(1_000_000) / bandwidth.max(1);
            wire.free_at = now + queued + micros;
            delay += queued + micros;
        }
        self.peers[to].traffic.got_bytes += len as u64;
        Some(delay)
    }

    /// Whether a part of cases as large as this has come up.
    pub(crate) fn chance(&mut self, part: f64) -> bool {
        part > 0.0 && self.rng.f64() < part
    }

    /// Puts an event into a peer's queue, or counts it as dropped.
    pub(crate) fn tell(&mut self, peer: Index, event: Event) {
        let most = self.limits.events;
        let state = &mut self.peers[peer];
        if state.inbox.len() >= most {
            state.dropped += 1;
            state.traffic.missed += 1;
        } else {
            state.inbox.push_back(event);
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Connects two peers that both live: each learns of the other, and then what it listens to.
    pub(crate) fn introduce(&mut self, a: Index, b: Index) {
        for (of, to) in [(a, b), (b, a)] {
            let peer = self.peers[of].name.clone();
            self.tell(to, Event::Connected { peer });
            self.tell_subscriptions(of, to);
        }
    }

    /// Tells a neighbour of every channel that it does not know this peer to listen on.
    pub(crate) fn tell_subscriptions(&mut self, of: Index, to: Index) {
        let known = &self.peers[to].listeners;
        let unknown: Vec<Channel> = self.peers[of]
            .joined
            .iter()
            .filter(|channel| !known.get(channel).is_some_and(|peers| peers.contains(&of)))
            .copied()
            .collect();
        for channel in unknown {
            self.send_subscription(of, to, channel, true);
        }
    }

    /// Two peers lose each other and notice it.
    pub(crate) fn part(&mut self, a: Index, b: Index) {
        for (of, to) in [(a, b), (b, a)] {
            if let Some(wire) = self.wires.get_mut(&(of, to)) {
                wire.free_at = 0;
            }
            for listeners in self.peers[to].listeners.values_mut() {
                listeners.remove(&of);
            }
            if self.peers[to].is_up {
                let peer = self.peers[of].name.clone();
                self.tell(to, Event::Disconnected { peer });
            }
        }
    }
}
