//! A message's way over a connection, and all that can happen to it there.

use crate::kind::Kind;
use crate::link::Link;
use crate::net::{Happening, Index, Inner};
use crate::record::What;
use crate::world::PeerId;

/// What may wait in front of a slow connection, in microseconds of its time; a real one drops what its buffers do not hold.
const MOST_QUEUED: u64 = 10_000_000;

/// Messages that may wait in a clogged connection.
const MOST_CLOGGED: usize = 65_536;

/// A message as it leaves its sender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) kind: Kind,
    /// The number of the announcement, or of the fetch.
    pub(crate) number: u64,
    pub(crate) from: Index,
    pub(crate) to: Index,
    pub(crate) bytes: usize,
}

impl Inner {
    /// Sends a message. It arrives later, or twice, or not at all: whatever its link and the partitions do to it.
    pub(crate) fn send(&mut self, sent: &Sent, arrival: impl Fn(u32) -> Happening) {
        let Sent { kind, from, to, bytes, .. } = *sent;
        if !self.is_linked(from, to) {
            return;
        }
        self.peers[from].traffic.sent_bytes += bytes as u64;
        let Some(wire) = self.peers[from].wires.get(&to) else { return };
        let (link, is_cut, is_clogged) = (wire.link, wire.is_cut, wire.clogged.is_some());
        if is_cut || self.chance(link.part_lost(kind)) {
            return self.lose(sent);
        }
        let life = self.peers[to].life;
        if self.held_kinds.contains(&kind) {
            self.held.push((*sent, arrival(life)));
            return;
        }
        if is_clogged {
            return self.hold(sent, arrival(life));
        }
        let is_announcement = kind == Kind::Announcement;
        let is_doubled = is_announcement && self.chance(link.duplicates);
        self.peers[to].traffic.doubled += u64::from(is_doubled);
        for _ in 0..=u8::from(is_doubled) {
            match self.travel(from, to, bytes, &link) {
                Some(delay) => self.let_go(sent, delay, arrival(life)),
                None => return self.lose(sent),
            };
        }
        if is_announcement && self.chance(link.replays) {
            self.peers[to].traffic.replayed += 1;
            let later = Link::replayed_after(&mut self.rng);
            self.let_go(sent, later, arrival(life));
        }
    }

    /// The message is on its way.
    pub(crate) fn let_go(&mut self, sent: &Sent, delay: u64, arrival: Happening) {
        self.peers[sent.to].traffic.got_bytes += sent.bytes as u64;
        self.saw(sent, Some(delay));
        self.after(delay, arrival);
    }

    /// How long a message of this length is on its way; `None` if it finds the queue in front of a slow connection full.
    fn travel(&mut self, from: Index, to: Index, len: usize, link: &Link) -> Option<u64> {
        let now = self.now;
        let mut delay = link.delay(&mut self.rng);
        if self.chance(link.reordered) {
            self.peers[to].traffic.overtaken += 1;
            delay += Link::held_back(&mut self.rng);
        }
        // What has no length, such as a word on who listens where, does not wait behind what has.
        if let (Some(bandwidth), 1..) = (link.bandwidth, len) {
            let wire = self.peers[from].wires.get_mut(&to)?;
            let queued = wire.free_at.saturating_sub(now);
            if queued > MOST_QUEUED {
                return None;
            }
            let micros = (len as u64).saturating_mul(1_000_000) / bandwidth.max(1);
            wire.free_at = now + queued + micros;
            delay += queued + micros;
        }
        Some(delay)
    }

    /// The message waits until the connection is unclogged.
    fn hold(&mut self, sent: &Sent, arrival: Happening) {
        let wire = self.peers[sent.from].wires.get_mut(&sent.to);
        match wire.and_then(|wire| wire.clogged.as_mut()).filter(|waiting| waiting.len() < MOST_CLOGGED) {
            Some(waiting) => {
                waiting.push((*sent, arrival));
                self.peers[sent.to].traffic.clogged += 1;
            }
            None => self.lose(sent),
        }
    }

    /// What waited in a clogged connection goes its way, one after the other, as it was sent.
    pub(crate) fn release(&mut self, link: &Link, waiting: Vec<(Sent, Happening)>) {
        let delay = link.delay(&mut self.rng);
        for (at, (sent, arrival)) in waiting.into_iter().enumerate() {
            self.let_go(&sent, delay + at as u64, arrival);
        }
    }

    pub(crate) fn lose(&mut self, sent: &Sent) {
        let Sent { kind, from, to, .. } = *sent;
        let traffic = &mut self.peers[to].traffic;
        match kind {
            Kind::Announcement => traffic.lost += 1,
            _ => traffic.lost_others += 1,
        }
        self.saw(sent, None);
        self.note(What::Lost { from: PeerId(from), to: PeerId(to), kind });
    }
}
