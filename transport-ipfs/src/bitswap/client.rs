//! All fetches under way, and who waits for which block.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use libp2p::PeerId;
use multihash::Multihash;
use tidings_ledger::transport::{Block, FetchError, Fetched, Peer};
use tokio::sync::mpsc;

use super::link::Link;
use super::message::Presence;
use super::recent::Recent;
use super::session::{Actions, Session, Windows};

/// A block that came, under the CID that its bytes hash to.
pub(crate) struct Arrived {
    pub(crate) cid: Cid,
    pub(crate) data: Bytes,
}

/// What a message turned out to be worth.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) wanted: u64,
    pub(crate) wanted_bytes: u64,
    pub(crate) duplicate: u64,
    pub(crate) unasked: u64,
    pub(crate) postponed: u64,
}

/// Groups of answers, with the number of bytes in each.
pub(crate) type GroupSender = mpsc::UnboundedSender<(Vec<Fetched>, u64)>;

/// The client side of the exchange.
pub(crate) struct Client {
    sessions: HashMap<u64, Running>,
    /// Who waits for which hash: (session, slot).
    wanted: HashMap<Multihash<64>, Vec<(u64, u32)>>,
    recent: Recent,
    peers: HashMap<PeerId, Known>,
    next: u64,
    windows: Windows,
    /// The most bytes that may be delivered and unread, over all sessions.
    max_unread: u64,
    unread: Arc<AtomicU64>,
    max_block: usize,
}

struct Running {
    session: Session,
    groups: GroupSender,
}

/// A connected peer.
struct Known {
    link: Arc<Link>,
    name: Peer,
}

impl Client {
    pub(crate) fn new(windows: Windows, max_unread: u64, max_block: usize) -> Self {
        Client {
            sessions: HashMap::new(),
            wanted: HashMap::new(),
            recent: Recent::default(),
            peers: HashMap::new(),
            next: 0,
            windows,
            max_unread,
            unread: Arc::default(),
            max_block,
        }
    }

    /// Whether any fetch is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Bytes delivered and unread.
    pub(crate) fn unread(&self) -> Arc<AtomicU64> {
        self.unread.clone()
    }

    /// The link to a connected peer.
    pub(crate) fn link(&self, peer: &PeerId) -> Option<&Arc<Link>> {
        self.peers.get(peer).map(|known| &known.link)
    }

    /// The links to all connected peers.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        self.peers.values().map(|known| known.link.clone()).collect()
    }

    /// Begins a fetch; the CIDs differ from one another and are checkable.
    pub(crate) fn start(
        &mut self,
        cids: &[Cid],
        ask_first: &[PeerId],
        patience: Duration,
        groups: GroupSender,
        now: Instant,
        out: &mut Actions,
    ) -> u64 {
        let id = self.next;
        self.next += 1;
        let mut session = Session::new(cids, patience, self.windows, now);
        for (slot, cid) in cids.iter().enumerate() {
            self.wanted.entry(*cid.hash()).or_default().push((id, slot as u32));
        }
        // The hinted ones first: their place is their rank.
        for peer in ask_first {
            session.hint(*peer);
        }
        let first = ask_first.iter().filter_map(|peer| self.peers.get(peer));
        let others = self.peers.values().filter(|known| !ask_first.contains(&known.link.peer));
        for known in first.chain(others) {
            session.connected(known.link.peer, known.link.kin.load(Ordering::Relaxed), now);
        }
        session.dial_hinted(out);
        session.share(self.sessions.len() + 1);
        session.pump(now, out);
        self.sessions.insert(id, Running { session, groups });
        id
    }

    /// A message's blocks and presences.
    pub(crate) fn receive(
        &mut self,
        peer: PeerId,
        blocks: Vec<Arrived>,
        presences: &[Presence],
        now: Instant,
        out: &mut Actions,
    ) -> Tally {
        let mut tally = Tally::default();
        let name = self.peers.get(&peer).map_or_else(|| Peer::new(peer.to_base58()), |known| known.name.clone());
        let mut groups: HashMap<u64, (Vec<Fetched>, u64)> = HashMap::new();
        for block in blocks {
            self.take_block(&peer, &name, block, now, &mut groups, &mut tally, out);
        }
        let mut touched: Vec<u64> = groups.keys().copied().collect();
        for presence in presences {
            for (id, slot) in self.wanted.get(presence.cid.hash()).into_iter().flatten() {
                if let Some(running) = self.sessions.get_mut(id) {
                    running.session.presence(&peer, *slot, presence.have, now);
                    if touched.last() != Some(id) && !touched.contains(id) {
                        touched.push(*id);
                    }
                }
            }
        }
        for (id, group) in groups {
            self.deliver(id, group);
        }
        for id in touched {
            self.settle(id, now, out);
        }
        tally
    }

    /// The caller of a fetch took a group.
    pub(crate) fn read(&mut self, id: u64, bytes: u64, now: Instant, out: &mut Actions) {
        let held = self.is_behind();
        if let Some(running) = self.sessions.get_mut(&id) {
            running.session.read(bytes);
            running.session.hold(held);
            running.session.pump(now, out);
        }
    }

    /// The caller of a fetch went away.
    pub(crate) fn cancel(&mut self, id: u64, out: &mut Actions) {
        if let Some(running) = self.sessions.remove(&id) {
            self.give_up(id, &running.session, out);
        }
    }

    /// A peer is connected (or more became known of it).
    pub(crate) fn connected(&mut self, link: &Arc<Link>, now: Instant, out: &mut Actions) {
        let kin = link.kin.load(Ordering::Relaxed);
        self.peers
            .entry(link.peer)
            .or_insert_with(|| Known { link: link.clone(), name: Peer::new(link.peer.to_base58()) });
        for running in self.sessions.values_mut() {
            running.session.connected(link.peer, kin, now);
            running.session.pump(now, out);
        }
    }

    /// A peer is gone, or does not speak Bitswap.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, now: Instant, out: &mut Actions) {
        self.peers.remove(peer);
        for running in self.sessions.values_mut() {
            running.session.disconnected(peer);
            running.session.pump(now, out);
        }
    }

    /// Somebody was found who should have what the sessions miss.
    pub(crate) fn found(&mut self, providers: &[PeerId], cid: &Cid, now: Instant, out: &mut Actions) {
        let ids: Vec<u64> = self.wanted.get(cid.hash()).into_iter().flatten().map(|(id, _)| *id).collect();
        for id in ids {
            let Some(running) = self.sessions.get_mut(&id) else {
                continue;
            };
            for peer in providers {
                running.session.hint(*peer);
                if let Some(known) = self.peers.get(peer) {
                    running.session.connected(*peer, known.link.kin.load(Ordering::Relaxed), now);
                }
            }
            running.session.dial_hinted(out);
            running.session.pump(now, out);
        }
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Actions) {
        let peers = &self.peers;
        let received = |peer: &PeerId| peers.get(peer).map_or(0, |k| k.link.received.load(Ordering::Relaxed));
        let mut expired = Vec::new();
        let sessions = self.sessions.len();
        let held = self.unread.load(Ordering::Relaxed) >= self.max_unread;
        for (id, running) in &mut self.sessions {
            running.session.hold(held);
            running.session.share(sessions);
            if !running.session.tick(now, received, out) {
                expired.push(*id);
            }
        }
        for id in expired {
            self.finish_all(id, &FetchError::NotFound, out);
        }
    }

    /// Ends every fetch.
    pub(crate) fn close(&mut self, out: &mut Actions) {
        let ids: Vec<u64> = self.sessions.keys().copied().collect();
        for id in ids {
            self.finish_all(id, &FetchError::Closed, out);
        }
    }

    #[allow(clippy::too_many_arguments)] // One block's way through four tables, in one place.
    fn take_block(
        &mut self,
        peer: &PeerId,
        name: &Peer,
        block: Arrived,
        now: Instant,
        groups: &mut HashMap<u64, (Vec<Fetched>, u64)>,
        tally: &mut Tally,
        out: &mut Actions,
    ) {
        let hash = block.cid.hash();
        let Some(waiting) = self.wanted.remove(hash) else {
            match self.recent.contains(hash) {
                true => tally.duplicate += 1,
                false => tally.unasked += 1,
            }
            return;
        };
        if self.is_behind() {
            for (id, slot) in &waiting {
                if let Some(running) = self.sessions.get_mut(id) {
                    running.session.postpone(*slot);
                }
            }
            self.recent.insert(hash);
            self.wanted.insert(*hash, waiting);
            tally.postponed += 1;
            return;
        }
        self.recent.insert(hash);
        tally.wanted += 1;
        tally.wanted_bytes += block.data.len() as u64;
        for (id, slot) in waiting {
            let Some(running) = self.sessions.get_mut(&id) else {
                continue;
            };
            let len = block.data.len();
            if !running.session.block(peer, slot, len, now, out) {
                continue;
            }
            let result = match len > self.max_block {
                true => Err(FetchError::TooLarge),
                false => Ok(Block { bytes: block.data.clone(), from: name.clone() }),
            };
            let group = groups.entry(id).or_default();
            group.0.push(Fetched { cid: running.session.cid(slot), result });
            group.1 += len as u64;
        }
    }

    fn deliver(&mut self, id: u64, group: (Vec<Fetched>, u64)) {
        if let Some(running) = self.sessions.get(&id) {
            let bytes = group.1;
            self.unread.fetch_add(bytes, Ordering::Relaxed);
            // The reader may be gone already; its cancel is on the way.
            if running.groups.send(group).is_err() {
                self.unread.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    /// Goes on with a session that changed, or ends it.
    fn settle(&mut self, id: u64, now: Instant, out: &mut Actions) {
        let held = self.is_behind();
        let Some(running) = self.sessions.get_mut(&id) else {
            return;
        };
        if running.session.is_done() {
            self.sessions.remove(&id);
        } else {
            running.session.hold(held);
            running.session.pump(now, out);
        }
    }

    /// Whether so much is unread that no more is to be asked for.
    fn is_behind(&self) -> bool {
        self.unread.load(Ordering::Relaxed) >= self.max_unread
    }

    /// Answers what is left of a session with an error.
    fn finish_all(&mut self, id: u64, error: &FetchError, out: &mut Actions) {
        let Some(running) = self.sessions.remove(&id) else {
            return;
        };
        let rest = running.session.unanswered();
        let rest: Vec<_> = rest.map(|cid| Fetched { cid, result: Err(error.clone()) }).collect();
        let _ = running.groups.send((rest, 0));
        self.give_up(id, &running.session, out);
    }

    fn give_up(&mut self, id: u64, session: &Session, out: &mut Actions) {
        for cid in session.unanswered() {
            if let Some(waiting) = self.wanted.get_mut(cid.hash()) {
                waiting.retain(|(session, _)| *session != id);
                if waiting.is_empty() {
                    self.wanted.remove(cid.hash());
                    self.recent.insert(cid.hash());
                }
            }
        }
        let from = out.send.len();
        session.cancel_all(out);
        // What another fetch still waits for is not cancelled.
        let mut at = from;
        while at < out.send.len() {
            match self.wanted.contains_key(out.send[at].1.cid.hash()) {
                true => drop(out.send.swap_remove(at)),
                false => at += 1,
            }
        }
    }
}
