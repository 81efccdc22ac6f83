//! The exchange: one object that the swarm, the streams' tasks and the fetches share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use libp2p::PeerId;
use libp2p::swarm::Stream;
use parking_lot::Mutex;
use tidings_ledger::transport::{Block, Blocks, FetchError, Fetched, Peer, Want};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::behaviour::OpenRequest;
use super::client::{Arrived, Client};
use super::fetching::Fetching;
use super::limits::Limits;
use super::link::Link;
use super::message::{Entry, Message, Presence};
use super::prefix;
use super::session::Actions;
use super::throttle::Throttle;
use super::version::Version;
use super::{reader, writer};
use crate::counters::Counters;
use crate::standing::{Offence, Standing};

/// How often sessions look at the time.
const TICK: Duration = Duration::from_millis(100);

/// So many points make a difference in whom to ask first.
const DISGRACE: f64 = 10.0;

/// What the exchange wishes of the swarm.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Connect to this peer.
    Dial(PeerId),
    /// Find who provides this.
    Search(Cid),
}

/// Everything that Bitswap shares.
pub(crate) struct Exchange {
    pub(crate) runtime: Handle,
    pub(crate) blocks: Arc<dyn Blocks>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) standing: Arc<Standing>,
    /// Reads from the store under way; waiting in line is what makes serving fair among peers.
    pub(crate) reads: Arc<Semaphore>,
    /// Memory for blocks being sent, in KiB.
    pub(crate) memory: Arc<Semaphore>,
    pub(crate) upload: Throttle,
    pub(crate) download: Throttle,
    pub(crate) opener: mpsc::UnboundedSender<OpenRequest>,
    wishes: mpsc::Sender<Wish>,
    client: Mutex<Client>,
    /// Wakes the clock when the first fetch begins.
    busy: Notify,
    closed: AtomicBool,
}

/// What an [`Exchange`] is made of.
pub(crate) struct Parts {
    pub(crate) runtime: Handle,
    pub(crate) blocks: Arc<dyn Blocks>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) opener: mpsc::UnboundedSender<OpenRequest>,
    pub(crate) wishes: mpsc::Sender<Wish>,
}

impl Exchange {
    /// Puts the parts together and starts the clock.
    pub(crate) fn start(parts: Parts) -> Arc<Exchange> {
        let client = Client::new(parts.limits.windows, parts.limits.max_unread, parts.limits.max_block);
        let exchange = Arc::new(Exchange {
            reads: Arc::new(Semaphore::new(parts.limits.reads)),
            memory: Arc::new(Semaphore::new(parts.limits.serve_kib)),
            upload: Throttle::new(parts.limits.upload),
            download: Throttle::new(parts.limits.download),
            runtime: parts.runtime,
            blocks: parts.blocks,
            limits: parts.limits,
            counters: parts.counters,
            standing: parts.standing,
            opener: parts.opener,
            wishes: parts.wishes,
            client: Mutex::new(client),
            busy: Notify::new(),
            closed: AtomicBool::new(false),
        });
        exchange.runtime.spawn(run_clock(exchange.clone()));
        exchange
    }

    /// Begins a fetch.
    pub(crate) fn fetch(self: &Arc<Self>, want: Want) -> Fetching {
        let (groups, receiver) = mpsc::unbounded_channel();
        let (cids, answered) = sort_out(want.cids);
        if !answered.is_empty() {
            let _ = groups.send((answered, 0));
        }
        if self.is_closed() {
            let closed = cids.into_iter().map(|cid| Fetched { cid, result: Err(FetchError::Closed) }).collect();
            let _ = groups.send((closed, 0));
            return Fetching::new(self.clone(), None, receiver, Arc::default());
        }
        let mut ask_first: Vec<PeerId> = want.ask_first.iter().filter_map(|peer| peer.as_str().parse().ok()).collect();
        // Peers in disgrace are asked last; among the others the caller's order holds.
        let now = Instant::now();
        ask_first.sort_by_key(|peer| (self.standing.of(peer, now) / DISGRACE) as u64);
        let (id, unread) = self.with_client(|client, now, out| {
            let id = (!cids.is_empty()).then(|| client.start(&cids, &ask_first, want.patience, groups, now, out));
            (id, client.unread())
        });
        self.busy.notify_one();
        Fetching::new(self.clone(), id, receiver, unread)
    }

    /// Runs `change` on the client, then does what it asks for.
    pub(crate) fn with_client<T>(self: &Arc<Self>, change: impl FnOnce(&mut Client, Instant, &mut Actions) -> T) -> T {
        let mut out = Actions::default();
        let mut client = self.client.lock();
        let result = change(&mut client, Instant::now(), &mut out);
        self.perform(&client, out);
        result
    }

    /// A peer is connected.
    pub(crate) fn connected(self: &Arc<Self>, link: &Arc<Link>) {
        self.with_client(|client, now, out| client.connected(link, now, out));
    }

    /// A peer is gone.
    pub(crate) fn disconnected(self: &Arc<Self>, link: &Arc<Link>) {
        link.closed.store(true, Ordering::Relaxed);
        link.outbox.lock().wantlist.clear();
        link.wake.notify_one();
        self.with_client(|client, now, out| client.disconnected(&link.peer, now, out));
    }

    /// The peer said which version it speaks.
    pub(crate) fn speaks(self: &Arc<Self>, link: &Arc<Link>, _version: Version) {
        self.connected(link);
    }

    /// The peer does not speak Bitswap: no use asking it.
    pub(crate) fn mute(self: &Arc<Self>, link: &Arc<Link>) {
        self.with_client(|client, now, out| client.disconnected(&link.peer, now, out));
    }

    /// The peer runs this software, so that its wantlists are long.
    pub(crate) fn is_kin(self: &Arc<Self>, peer: &PeerId) {
        self.with_client(|client, now, out| {
            if let Some(link) = client.link(peer).cloned() {
                link.kin.store(true, Ordering::Relaxed);
                client.connected(&link, now, out);
            }
        });
    }

    /// Providers of a CID were found.
    pub(crate) fn found(self: &Arc<Self>, providers: &[PeerId], cid: &Cid) {
        self.with_client(|client, now, out| client.found(providers, cid, now, out));
    }

    /// Reads a stream that a peer opened.
    pub(crate) fn accept(self: &Arc<Self>, link: &Arc<Link>, mut stream: Stream, version: Version) {
        let open = link.streams.fetch_add(1, Ordering::Relaxed);
        if open >= self.limits.streams_per_peer {
            link.streams.fetch_sub(1, Ordering::Relaxed);
            self.counters.streams_refused.add(1);
            return;
        }
        // Kubo leaves streams open; an idle connection may end all the same.
        stream.ignore_for_keep_alive();
        self.runtime.spawn(reader::run(self.clone(), link.clone(), stream, version));
    }

    /// A message from a peer.
    pub(crate) fn receive(self: &Arc<Self>, link: &Arc<Link>, message: Message) {
        if !message.entries.is_empty() || message.full {
            self.note_wants(link, &message);
        }
        if message.payload.is_empty() && message.presences.is_empty() {
            return;
        }
        let mut unknown = 0;
        let mut blocks = Vec::with_capacity(message.payload.len());
        for payload in message.payload {
            match payload.prefix.cid_of(&payload.data) {
                Some(cid) => blocks.push(Arrived { cid, data: payload.data }),
                None => unknown += 1,
            }
        }
        self.take_blocks(link, blocks, &message.presences, unknown);
    }

    /// Queues lines for a peer and sees that a writer runs.
    pub(crate) fn tell(self: &Arc<Self>, link: &Arc<Link>, entries: impl IntoIterator<Item = Entry>) {
        let mut outbox = link.outbox.lock();
        outbox.entries.extend(entries);
        self.wake_writer(link, &mut outbox.writing);
    }

    /// These blocks are here now: whoever asked for one before is served.
    pub(crate) fn arrived(self: &Arc<Self>, cids: &[Cid]) {
        let links = self.client.lock().links();
        for link in links {
            let mut outbox = link.outbox.lock();
            if outbox.wantlist.arrived(cids) {
                self.wake_writer(&link, &mut outbox.writing);
            }
        }
    }

    /// Whether the peer can be asked for blocks.
    pub(crate) fn reaches(&self, peer: &PeerId) -> bool {
        self.client.lock().link(peer).is_some()
    }

    /// Notes an offence.
    pub(crate) fn offence(&self, peer: PeerId, offence: Offence) {
        self.counters.demerits.add(1);
        self.standing.note(peer, offence, Instant::now());
    }

    /// Ends every fetch; later ones end at once.
    pub(crate) fn close(self: &Arc<Self>) {
        self.closed.store(true, Ordering::Relaxed);
        self.with_client(|client, _, out| client.close(out));
        self.busy.notify_one();
    }

    /// Whether [`Exchange::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn note_wants(self: &Arc<Self>, link: &Arc<Link>, message: &Message) {
        let mut outbox = link.outbox.lock();
        if message.full {
            outbox.wantlist.clear();
        }
        let mut dropped = 0;
        for entry in &message.entries {
            if !outbox.wantlist.apply(entry, self.limits.wants_per_peer) {
                dropped += 1;
            }
        }
        self.counters.wants_dropped.add(dropped);
        if !outbox.wantlist.is_empty() {
            self.wake_writer(link, &mut outbox.writing);
        }
    }

    fn wake_writer(self: &Arc<Self>, link: &Arc<Link>, writing: &mut bool) {
        if std::mem::replace(writing, true) {
            link.wake.notify_one();
        } else {
            self.runtime.spawn(writer::run(self.clone(), link.clone()));
        }
    }

    fn take_blocks(self: &Arc<Self>, link: &Arc<Link>, blocks: Vec<Arrived>, presences: &[Presence], unknown: u64) {
        let tally = self.with_client(|client, now, out| client.receive(link.peer, blocks, presences, now, out));
        self.counters.blocks_received.add(tally.wanted);
        self.counters.block_bytes_received.add(tally.wanted_bytes);
        self.counters.blocks_duplicate.add(tally.duplicate);
        self.counters.blocks_postponed.add(tally.postponed);
        let unasked = tally.unasked + unknown;
        self.counters.blocks_unasked.add(unasked);
        for _ in 0..unasked.min(16) {
            self.offence(link.peer, Offence::UnaskedBlock);
        }
    }

    fn perform(self: &Arc<Self>, client: &Client, out: Actions) {
        let wishes = out.dial.into_iter().map(Wish::Dial).chain(out.search.into_iter().map(Wish::Search));
        for wish in wishes {
            if self.wishes.try_send(wish).is_err() {
                self.counters.wishes_dropped.add(1);
            }
        }
        let mut rest = out.send.as_slice();
        while let Some((peer, _)) = rest.first() {
            let run = rest.iter().take_while(|(other, _)| other == peer).count();
            if let Some(link) = client.link(peer) {
                self.tell(link, rest[..run].iter().map(|(_, entry)| *entry));
            }
            rest = &rest[run..];
        }
    }
}

/// Separates what has to be fetched from what is answered at once: identity CIDs carry their block, and of other hash
/// functions than SHA2-256 nobody here could check the bytes.
fn sort_out(cids: Vec<Cid>) -> (Vec<Cid>, Vec<Fetched>) {
    let mut seen = std::collections::HashSet::with_capacity(cids.len());
    let (mut fetch, mut answered) = (Vec::with_capacity(cids.len()), Vec::new());
    for cid in cids {
        if let Some(inline) = prefix::inline_block(&cid) {
            let block = Block { bytes: Bytes::copy_from_slice(inline), from: Peer::new("identity") };
            answered.push(Fetched { cid, result: Ok(block) });
        } else if !prefix::is_checkable(&cid) {
            answered.push(Fetched { cid, result: Err(FetchError::NotFound) });
        } else if seen.insert(cid) {
            fetch.push(cid);
        }
    }
    (fetch, answered)
}

/// Looks at the time while there are fetches.
async fn run_clock(exchange: Arc<Exchange>) {
    while !exchange.is_closed() {
        let idle = exchange.with_client(|client, now, out| {
            client.tick(now, out);
            client.is_idle()
        });
        match idle {
            true => exchange.busy.notified().await,
            false => tokio::time::sleep(TICK).await,
        }
    }
}
