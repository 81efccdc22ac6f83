//! One fetch as a state machine: whom to ask for what, and when to give up. It does no I/O and reads no clock.
//!
//! Every connected peer is a *source*. Those the caller names («ask first») and those that proved to have something are
//! *direct*: they are sent want-blocks, as many as their window holds. The others are *probed* with a few want-haves,
//! and only for wants that no direct source is left for (*homeless* wants). A direct source takes its next wants from
//! its own queue, then from the common one, so faster peers fetch more and nothing is asked twice. DONT_HAVE moves a
//! want to the next source at once; a source that is silent for [`STALL`] loses its wants to the others, and is asked again for what
//! nobody else was asked for.

mod again;
mod asking;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use cid::Cid;
use libp2p::PeerId;

use super::message::Entry;

/// A source that sent nothing for this long is passed over. Long enough for a round trip anywhere on earth and a few
/// lost packets; short enough that a dead announcer does not hold up a fetch.
pub(crate) const STALL: Duration = Duration::from_secs(1);
/// Sources of one session: a bit each.
const MAX_SOURCES: usize = 64;
/// Received bytes that count as progress though no block is complete yet: a slow line, not a dead one.
const PROGRESS_BYTES: u64 = 16 * 1024;
/// Without a complete block, bytes alone extend the patience this many times at most.
const MAX_EXTENSION: u32 = 4;
/// What a block is taken to weigh until some have come.
const FIRST_GUESS: u64 = 64 * 1024;

/// What the session wants done.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    /// Lines to send.
    pub(crate) send: Vec<(PeerId, Entry)>,
    /// Peers to connect to.
    pub(crate) dial: Vec<PeerId>,
    /// CIDs whose providers to look for.
    pub(crate) search: Vec<Cid>,
}

/// Windows and budgets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// Want-blocks outstanding at a peer of another kind, over all fetches (Kubo keeps 1024).
    pub(crate) wants: usize,
    /// Want-blocks outstanding at a peer that runs this software.
    pub(crate) wants_kin: usize,
    /// Bytes expected and unread.
    pub(crate) bytes: u64,
}

/// A fetch under way.
#[derive(Debug)]
pub(crate) struct Session {
    slots: Vec<Slot>,
    /// Slots not answered yet.
    open: usize,
    /// Asked of nobody so far.
    fresh: VecDeque<u32>,
    /// No direct source is left to ask.
    homeless: VecDeque<u32>,
    sources: Vec<Source>,
    /// To be direct sources once they are connected.
    hinted: HashSet<PeerId>,
    windows: Windows,
    patience: Duration,
    /// When the last block came (or the session began).
    last_block: Instant,
    /// When there was progress of any kind.
    last_progress: Instant,
    last_search: Option<Instant>,
    homeless_since: Option<Instant>,
    mean_block: u64,
    /// Bytes delivered and not read by the caller.
    unread: u64,
    /// No want-blocks for now: readers are behind, over all sessions.
    held: bool,
    /// Sessions under way, this one included: they share a foreign peer's window.
    sharing: usize,
}

#[derive(Debug)]
struct Slot {
    cid: Cid,
    done: bool,
    /// Sources (bits) that said DONT_HAVE. They keep the want, and say so when the block arrives there.
    denied: u64,
    /// Sources that were sent a want-block and have not answered.
    asked: u64,
    /// Sources that were sent a want-have.
    probed: u64,
}

#[derive(Debug)]
struct Source {
    peer: PeerId,
    kind: Kind,
    /// Runs this software, so that it keeps long wantlists.
    kin: bool,
    queue: VecDeque<u32>,
    outstanding: usize,
    probes: usize,
    stalled: bool,
    last_sign: Instant,
    /// When it was last asked again for what it did not answer.
    asked_again: Option<Instant>,
    received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Direct,
    Probe,
    Gone,
}

impl Session {
    /// A session for these CIDs (no two alike).
    pub(crate) fn new(cids: &[Cid], patience: Duration, windows: Windows, now: Instant) -> Self {
        let slot = |cid: &Cid| Slot { cid: *cid, done: false, denied: 0, asked: 0, probed: 0 };
        Session {
            slots: cids.iter().map(slot).collect(),
            open: cids.len(),
            fresh: (0..cids.len() as u32).collect(),
            homeless: VecDeque::new(),
            sources: Vec::new(),
            hinted: HashSet::new(),
            windows,
            patience,
            last_block: now,
            last_progress: now,
            last_search: None,
            homeless_since: None,
            mean_block: FIRST_GUESS,
            unread: 0,
            held: false,
            sharing: 1,
        }
    }

    /// Names a peer that should have the blocks: to be asked first, and dialled when it is not connected.
    pub(crate) fn hint(&mut self, peer: PeerId) {
        if self.hinted.len() < MAX_SOURCES {
            self.hinted.insert(peer);
        }
    }

    /// Asks for the connection of hinted peers that are not there.
    pub(crate) fn dial_hinted(&self, out: &mut Actions) {
        let missing = |peer: &&PeerId| !self.sources.iter().any(|s| s.peer == **peer && s.kind != Kind::Gone);
        out.dial.extend(self.hinted.iter().filter(missing));
    }

    /// A peer is connected and can be asked.
    pub(crate) fn connected(&mut self, peer: PeerId, kin: bool, now: Instant) {
        let kind = if self.hinted.contains(&peer) { Kind::Direct } else { Kind::Probe };
        let Some(at) = self.place_for(peer, kind) else {
            return;
        };
        let source = &mut self.sources[at];
        if source.kind == Kind::Gone {
            (source.kind, source.stalled, source.last_sign) = (kind, false, now);
        }
        source.kin |= kin;
        if source.kind == Kind::Direct {
            self.adopt_homeless(at);
        }
    }

    /// A peer is gone, or does not speak Bitswap after all.
    pub(crate) fn disconnected(&mut self, peer: &PeerId) {
        let Some(at) = self.source(peer) else {
            return;
        };
        self.sources[at].kind = Kind::Gone;
        self.take_back(at, true);
        self.sources[at].probes = 0;
    }

    /// A peer said whether it has a block.
    pub(crate) fn presence(&mut self, peer: &PeerId, index: u32, have: bool, now: Instant) {
        let Some(at) = self.source(peer) else {
            return;
        };
        let bit = 1u64 << at;
        let slot = &mut self.slots[index as usize];
        if slot.done {
            return;
        }
        let source = &mut self.sources[at];
        source.last_sign = now;
        if slot.probed & bit != 0 {
            slot.probed &= !bit;
            source.probes = source.probes.saturating_sub(1);
        }
        if have {
            // Others tell when they get what they did not have when they were asked: a Kubo that fetches the same folder.
            let denied_before = slot.denied & bit != 0;
            slot.denied &= !bit;
            if source.kind == Kind::Probe {
                source.kind = Kind::Direct;
                self.adopt_homeless(at);
            } else if denied_before && slot.asked == 0 {
                self.homeless.retain(|homeless| *homeless != index);
                source.queue.push_back(index);
            }
            return;
        }
        slot.denied |= bit;
        if slot.asked & bit != 0 {
            slot.asked &= !bit;
            source.outstanding -= 1;
            if slot.asked == 0 {
                self.route(index);
            }
        }
    }

    /// A block came. Returns `false` if it had come before.
    pub(crate) fn block(&mut self, peer: &PeerId, index: u32, len: usize, now: Instant, out: &mut Actions) -> bool {
        let slot = &mut self.slots[index as usize];
        if slot.done {
            return false;
        }
        slot.done = true;
        self.open -= 1;
        let (asked, cid) = (slot.asked, slot.cid);
        // Who said DONT_HAVE keeps the want, in case the block arrives there.
        let told = slot.asked | slot.probed | slot.denied;
        slot.asked = 0;
        let mut revived = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            if source.peer == *peer {
                if source.stalled || source.kind == Kind::Probe {
                    revived = Some(at);
                }
                (source.last_sign, source.stalled, source.kind) = (now, false, Kind::Direct);
            }
            source.outstanding -= usize::from(asked & (1 << at) != 0);
            if told & (1 << at) != 0 && source.peer != *peer && source.kind != Kind::Gone {
                out.send.push((source.peer, cancel(cid)));
            }
        }
        if let Some(at) = revived {
            self.adopt_homeless(at);
        }
        self.mean_block = (self.mean_block * 15 + len as u64) / 16;
        self.unread += len as u64;
        (self.last_block, self.last_progress) = (now, now);
        true
    }

    /// A block came that cannot be kept now: ask again later.
    pub(crate) fn postpone(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        for (at, source) in self.sources.iter_mut().enumerate() {
            if slot.asked & (1 << at) != 0 {
                source.outstanding -= 1;
            }
        }
        slot.asked = 0;
        self.fresh.push_back(index);
    }

    /// The caller took this many bytes.
    pub(crate) fn read(&mut self, bytes: u64) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    /// Whether to ask for no more blocks for now.
    pub(crate) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// How many sessions are under way, this one included.
    pub(crate) fn share(&mut self, sessions: usize) {
        self.sharing = sessions;
    }

    /// Sends out what the windows allow.
    pub(crate) fn pump(&mut self, now: Instant, out: &mut Actions) {
        if !self.has_live_direct() {
            self.homeless.append(&mut self.fresh);
        }
        for at in 0..self.sources.len() {
            self.fill(at, now, out);
        }
        if self.homeless.is_empty() {
            self.homeless_since = None;
        } else {
            self.homeless_since.get_or_insert(now);
            self.probe(now, out);
        }
    }

    /// Time passed. `received` tells how many bytes ever came from a peer. Returns `false` when patience has run out.
    pub(crate) fn tick(&mut self, now: Instant, received: impl Fn(&PeerId) -> u64, out: &mut Actions) -> bool {
        for at in 0..self.sources.len() {
            self.watch(at, now, &received);
            self.ask_again(at, now, out);
        }
        let late = now.duration_since(self.last_progress) >= self.patience;
        let too_late = now.duration_since(self.last_block) >= self.patience.saturating_mul(MAX_EXTENSION);
        if late || too_late {
            return false;
        }
        self.pump(now, out);
        self.search(now, out);
        true
    }

    /// The CIDs not answered.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Cid> + '_ {
        self.slots.iter().filter(|slot| !slot.done).map(|slot| slot.cid)
    }

    /// Whether every CID was answered.
    pub(crate) fn is_done(&self) -> bool {
        self.open == 0
    }

    /// The CID of a slot.
    pub(crate) fn cid(&self, index: u32) -> Cid {
        self.slots[index as usize].cid
    }

    /// Cancels whatever is outstanding.
    pub(crate) fn cancel_all(&self, out: &mut Actions) {
        for slot in self.slots.iter().filter(|slot| !slot.done) {
            let told = slot.asked | slot.probed | slot.denied;
            for (at, source) in self.sources.iter().enumerate() {
                if told & (1 << at) != 0 && source.kind != Kind::Gone {
                    out.send.push((source.peer, cancel(slot.cid)));
                }
            }
        }
    }

    fn source(&self, peer: &PeerId) -> Option<usize> {
        self.sources.iter().position(|source| source.peer == *peer)
    }

    /// The peer's place among the sources: its old one, a new one, or that of one that is gone.
    fn place_for(&mut self, peer: PeerId, kind: Kind) -> Option<usize> {
        if let Some(at) = self.source(&peer) {
            return Some(at);
        }
        let source = Source {
            peer,
            kind,
            kin: false,
            queue: VecDeque::new(),
            outstanding: 0,
            probes: 0,
            stalled: false,
            last_sign: self.last_block,
            asked_again: None,
            received: 0,
        };
        if self.sources.len() < MAX_SOURCES {
            self.sources.push(source);
            return Some(self.sources.len() - 1);
        }
        let at = self.sources.iter().position(|source| source.kind == Kind::Gone)?;
        let bit = 1u64 << at;
        for slot in &mut self.slots {
            slot.denied &= !bit;
            slot.probed &= !bit;
        }
        self.sources[at] = source;
        Some(at)
    }

    fn has_live_direct(&self) -> bool {
        self.sources.iter().any(|source| source.kind == Kind::Direct && !source.stalled)
    }

    /// Notes progress in bytes, and passes over a source that is silent.
    fn watch(&mut self, at: usize, now: Instant, received: &impl Fn(&PeerId) -> u64) {
        let source = &mut self.sources[at];
        if source.kind == Kind::Gone || source.outstanding + source.probes == 0 {
            return;
        }
        let total = received(&source.peer);
        if total >= source.received + PROGRESS_BYTES {
            source.received = total;
            source.last_sign = now;
            if source.outstanding > 0 {
                self.last_progress = now;
            }
        }
        if now.duration_since(source.last_sign) < STALL {
            return;
        }
        if source.kind == Kind::Probe {
            // It ignores want-haves (or is slow): go on with the next ones.
            source.probes = 0;
        } else if !source.stalled {
            source.stalled = true;
            self.take_back(at, false);
        }
    }

    /// Takes a source's wants away: those in its queue, and those asked of it. A stalled source stays asked, in case it
    /// answers after all.
    fn take_back(&mut self, at: usize, forget: bool) {
        let bit = 1u64 << at;
        let mut moved: Vec<u32> = self.sources[at].queue.drain(..).collect();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.asked & bit != 0 {
                if forget {
                    slot.asked &= !bit;
                }
                moved.push(index as u32);
            }
            if forget {
                slot.probed &= !bit;
            }
        }
        if forget {
            self.sources[at].outstanding = 0;
        }
        for index in moved {
            if !self.slots[index as usize].done {
                self.route(index);
            }
        }
    }
}

fn cancel(cid: Cid) -> Entry {
    Entry { cid, cancel: true, have: false, send_dont_have: false }
}
