//! The state of a simulated network: peers, wires, what is going to happen, and the one source of chance.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use parking_lot::{Mutex, MutexGuard};
use tidings_ledger::transport::{Blocks, Channel, Demerit, Event, Peer};

use crate::conduct::Conduct;
use crate::fetching::Fetching;
use crate::gossip::{ChannelNo, Gossip, Gossiping};
use crate::heartbeat::Control;
use crate::hop::Watcher;
use crate::kind::Kind;
use crate::link::Link;
use crate::mesh::Mesh;
use crate::record::What;
use crate::serving::Serving;
use crate::trace::Trace;
use crate::traffic::Traffic;
use crate::travel::Sent;
use crate::trouble::Trouble;
use crate::waiting::Unserved;
use crate::world::PeerId;

/// A peer's place in the world.
pub(crate) type Index = usize;

/// When something happens, and the how-manieth thing it is: the total order of a run.
pub(crate) type Moment = (u64, u64);

/// Everything that the peers of one world share.
pub(crate) struct Net(Mutex<Inner>);

pub(crate) struct Inner {
    /// Microseconds since the world began.
    pub(crate) now: u64,
    next: u64,
    queue: BTreeMap<Moment, Happening>,
    pub(crate) rng: fastrand::Rng,
    pub(crate) peers: Vec<PeerState>,
    pub(crate) names: BTreeMap<Peer, Index>,
    pub(crate) channels: BTreeMap<Channel, ChannelNo>,
    pub(crate) fetches: BTreeMap<u64, Fetching>,
    pub(crate) next_fetch: u64,
    pub(crate) next_message: u64,
    pub(crate) limits: Limits,
    pub(crate) trace: Trace,
    pub(crate) watcher: Option<Watcher>,
    /// Kinds of messages that wait for a test to let them go, and those that do.
    pub(crate) held_kinds: Vec<Kind>,
    pub(crate) held: Vec<(Sent, Happening)>,
}

/// Bounds and knobs of the simulated transport.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The longest announcement carried, in bytes; gossipsub's default is 64 KiB. A longer one is an error to its publisher.
    pub message: usize,
    /// Events that wait for a slow reader; beyond, they are dropped and reported.
    pub events: usize,
    /// Neighbours to whom an own message goes at once, at most; gossipsub floods it to all who listen.
    pub fanout: usize,
    /// How gossip spreads.
    pub mesh: Mesh,
    /// Bytes in one answer to a fetch; more come in several.
    pub answer: usize,
    /// How long it takes to find those who made a root known as held by them (a DHT's providers), and over what kind of
    /// connection they are then asked. `None`: there is no such lookup, only neighbours are asked.
    pub lookup: Option<(Duration, Link)>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 64 * 1024,
            events: 4096,
            fanout: usize::MAX,
            mesh: Mesh::default(),
            answer: 256 * 1024,
            lookup: None,
        }
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
    /// Its connections: what it sends goes over these.
    pub(crate) wires: BTreeMap<Index, Wire>,
    pub(crate) gossip: Gossiping,
    pub(crate) inbox: VecDeque<Event>,
    /// Events dropped since the reader was last told.
    pub(crate) dropped: u64,
    pub(crate) waker: Option<Waker>,
    pub(crate) events_taken: bool,
    pub(crate) blocks: Arc<dyn Blocks>,
    pub(crate) conduct: Option<Arc<dyn Conduct>>,
    pub(crate) serving: Serving,
    pub(crate) traffic: Traffic,
    pub(crate) demerits: Vec<(Peer, Demerit)>,
    pub(crate) provided: Vec<Cid>,
    pub(crate) unserved: Unserved,
}

impl PeerState {
    pub(crate) fn new(name: Peer, skew: i64, blocks: Arc<dyn Blocks>) -> Self {
        PeerState {
            name,
            life: 0,
            is_up: true,
            skew,
            wires: BTreeMap::new(),
            gossip: Gossiping::default(),
            inbox: VecDeque::new(),
            dropped: 0,
            waker: None,
            events_taken: false,
            blocks,
            conduct: None,
            serving: Serving::HONEST,
            traffic: Traffic::default(),
            demerits: Vec::new(),
            provided: Vec::new(),
            unserved: Unserved::default(),
        }
    }

    /// Forgets all that does not outlive a process.
    pub(crate) fn die(&mut self) {
        self.is_up = false;
        self.life += 1;
        self.gossip = Gossiping::default();
        self.inbox.clear();
        self.events_taken = false;
        self.dropped = 0;
        self.waker = None;
        self.unserved = Unserved::default();
    }
}

/// One direction of a connection.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) link: Link,
    /// A partition: what is sent is lost, and nobody is told.
    pub(crate) is_cut: bool,
    /// What is sent waits here until the connection is unclogged.
    pub(crate) clogged: Option<Vec<(Sent, Happening)>>,
    /// When the queue in front of it is empty.
    pub(crate) free_at: u64,
}

/// Something that is going to happen.
pub(crate) enum Happening {
    Wake(Waker),
    Gossip { from: Index, to: Index, life: u32, gossip: Arc<Gossip> },
    Control { from: Index, to: Index, life: u32, control: Control },
    Heartbeat { at: Index, life: u32 },
    Subscription { from: Index, to: Index, life: u32, channel: Channel, is_on: bool },
    Ask { fetch: u64, ask: u64, from: Index, to: Index, life: u32, cids: Arc<[Cid]> },
    Answer { fetch: u64, ask: u64, from: Index, blocks: Vec<(Cid, Option<Bytes>)> },
    AskTimeout { fetch: u64, ask: u64 },
    Have { fetch: u64, from: Index },
    Lookup { fetch: u64 },
    Patience { fetch: u64 },
    Trouble(Trouble),
}

impl Happening {
    /// A number for the trace.
    fn kind(&self) -> u8 {
        match self {
            Happening::Wake(_) => 0,
            Happening::Gossip { .. } => 1,
            Happening::Control { .. } => 2,
            Happening::Heartbeat { .. } => 3,
            Happening::Subscription { .. } => 4,
            Happening::Ask { .. } => 5,
            Happening::Answer { .. } => 6,
            Happening::AskTimeout { .. } => 7,
            Happening::Lookup { .. } => 8,
            Happening::Patience { .. } => 9,
            Happening::Trouble(_) => 10,
            Happening::Have { .. } => 11,
        }
    }
}

impl Net {
    pub(crate) fn new(seed: u64, limits: Limits) -> Arc<Net> {
        Arc::new(Net(Mutex::new(Inner {
            now: 0,
            next: 0,
            queue: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            peers: Vec::new(),
            names: BTreeMap::new(),
            channels: BTreeMap::new(),
            fetches: BTreeMap::new(),
            next_fetch: 0,
            next_message: 0,
            limits,
            trace: Trace::default(),
            watcher: None,
            held_kinds: Vec::new(),
            held: Vec::new(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }
}

impl Inner {
    /// Lets something happen after this many microseconds.
    pub(crate) fn after(&mut self, micros: u64, happening: Happening) -> Moment {
        let moment = (self.now.saturating_add(micros), self.next);
        self.next += 1;
        self.queue.insert(moment, happening);
        moment
    }

    /// It will not happen after all.
    pub(crate) fn cancel(&mut self, moment: &Moment) {
        self.queue.remove(moment);
    }

    /// Goes on to the next thing and does it; says whether there was one by then.
    pub(crate) fn advance(&mut self, until: u64) -> bool {
        let Some(next) = self.queue.first_entry().filter(|next| next.key().0 <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        let ((at, number), happening) = next.remove_entry();
        self.now = self.now.max(at);
        self.trace.tick(at, number, happening.kind());
        self.happen(happening);
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(waker) => waker.wake(),
            Happening::Gossip { from, to, life, gossip } => {
                if self.is_alive(to, life) {
                    self.arrive(from, to, gossip);
                }
            }
            Happening::Control { from, to, life, control } => {
                if self.is_alive(to, life) && self.is_linked(from, to) {
                    self.control(from, to, control);
                }
            }
            Happening::Heartbeat { at, life } => {
                if self.is_alive(at, life) {
                    self.heartbeat(at);
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
            Happening::Have { fetch, from } => self.can_be_asked(fetch, from),
            Happening::Lookup { fetch } => self.looked_up(fetch),
            Happening::Patience { fetch } => self.patience(fetch),
            Happening::Trouble(trouble) => self.trouble(trouble),
        }
    }

    /// Takes note of what happened.
    pub(crate) fn note(&mut self, what: What) {
        self.trace.note(self.now, what);
    }

    pub(crate) fn is_alive(&self, peer: Index, life: u32) -> bool {
        self.peers.get(peer).is_some_and(|state| state.is_up && state.life == life)
    }

    /// Whether two peers are connected (a partition between them is not known to them).
    pub(crate) fn is_linked(&self, a: Index, b: Index) -> bool {
        self.peers[a].is_up && self.peers[b].is_up && self.peers[a].wires.contains_key(&b)
    }

    /// The peers that this one is connected to, in their order.
    pub(crate) fn neighbours(&self, peer: Index) -> Vec<Index> {
        let wires = self.peers[peer].wires.keys().copied();
        wires.filter(|to| self.is_linked(peer, *to)).collect()
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

    /// Connects two peers; both directions behave like this. If both live, each learns of the other.
    pub(crate) fn connect(&mut self, a: Index, b: Index, link: Link) {
        for (from, to) in [(a, b), (b, a)] {
            self.peers[from].wires.insert(to, Wire { link, ..Wire::default() });
        }
        self.note(What::Connected(PeerId(a), PeerId(b)));
        if self.is_linked(a, b) {
            self.introduce(a, b);
        }
    }

    /// Two connected peers that both live: each learns of the other, and then what it listens to.
    pub(crate) fn introduce(&mut self, a: Index, b: Index) {
        for (of, to) in [(a, b), (b, a)] {
            let peer = self.peers[of].name.clone();
            self.tell(to, Event::Connected { peer });
            self.tell_subscriptions(of, to);
        }
        self.can_be_asked_by(a, b);
        self.can_be_asked_by(b, a);
    }

    /// Two peers lose each other and notice it.
    pub(crate) fn part(&mut self, a: Index, b: Index) {
        for (of, to) in [(a, b), (b, a)] {
            if let Some(wire) = self.peers[of].wires.get_mut(&to) {
                wire.free_at = 0;
                if let Some(waiting) = &mut wire.clogged {
                    waiting.clear();
                }
            }
            self.forget_neighbour(to, of);
            if self.peers[to].is_up {
                let peer = self.peers[of].name.clone();
                self.tell(to, Event::Disconnected { peer });
            }
        }
    }
}
