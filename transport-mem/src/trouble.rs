//! Trouble between peers: partitions, clogged connections, and both of them coming and going by a plan.

use std::time::Duration;

use crate::net::{Happening, Index, Inner};
use crate::record::What;
use crate::world::{PeerId, World};

/// Something that is done to one direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Cut(Index, Index),
    Mend(Index, Index),
    Clog(Index, Index),
    Unclog(Index, Index),
}

impl World {
    /// Loses everything that one peer sends to another from now on; neither notices. [`World::heal`] ends it.
    pub fn cut_one_way(&mut self, from: PeerId, to: PeerId) {
        self.net().lock().trouble(Trouble::Cut(from.0, to.0));
    }

    /// Loses everything between two groups from now on; nobody notices. [`World::heal`] ends it.
    pub fn partition(&mut self, here: &[PeerId], there: &[PeerId]) {
        for (a, b) in pairs(here, there) {
            self.cut_one_way(a, b);
            self.cut_one_way(b, a);
        }
    }

    /// Loses everything between one peer and all others from now on; nobody notices. [`World::heal`] ends it.
    pub fn isolate(&mut self, peer: PeerId) {
        let others = self.net().lock().neighbours(peer.0);
        let others: Vec<PeerId> = others.into_iter().map(PeerId).collect();
        self.partition(&[peer], &others);
    }

    /// Cuts and mends the connections between two groups by turns, `times` times each, `period` apart. Nobody notices.
    pub fn flap(&mut self, here: &[PeerId], there: &[PeerId], period: Duration, times: u32) {
        let mut net = self.net().lock();
        let period = period.as_micros() as u64;
        for turn in 0..u64::from(times) {
            for (a, b) in pairs(here, there) {
                for (from, to) in [(a.0, b.0), (b.0, a.0)] {
                    net.after(2 * turn * period, Happening::Trouble(Trouble::Cut(from, to)));
                    net.after((2 * turn + 1) * period, Happening::Trouble(Trouble::Mend(from, to)));
                }
            }
        }
    }

    /// Lets everything that one peer sends to another wait from now on, as in a connection that hangs: nothing is lost but
    /// what finds no room. [`World::unclog`] or [`World::heal`] ends it.
    pub fn clog(&mut self, from: PeerId, to: PeerId) {
        self.net().lock().trouble(Trouble::Clog(from.0, to.0));
    }

    /// Lets what waited, and what is sent from now on, go its way again.
    pub fn unclog(&mut self, from: PeerId, to: PeerId) {
        self.net().lock().trouble(Trouble::Unclog(from.0, to.0));
    }

    /// Swizzle-clog, FoundationDB's fault that finds most: some of the peers are clogged one after another within `span`, and
    /// unclogged in another order within as long again.
    pub fn swizzle(&mut self, peers: &[PeerId], span: Duration) {
        let mut net = self.net().lock();
        let span = (span.as_micros() as u64).max(1);
        for peer in peers {
            if !net.rng.bool() {
                continue;
            }
            let (begin, end) = (net.rng.u64(..span), span + net.rng.u64(..span));
            for other in net.neighbours(peer.0) {
                for (from, to) in [(peer.0, other), (other, peer.0)] {
                    net.after(begin, Happening::Trouble(Trouble::Clog(from, to)));
                    net.after(end, Happening::Trouble(Trouble::Unclog(from, to)));
                }
            }
        }
    }

    /// Ends all partitions and unclogs all connections. Nobody reconnects; only listeners that are not known yet are told.
    /// A plan of [`flap`](Self::flap) or [`swizzle`](Self::swizzle) that has not ended goes on.
    pub fn heal(&mut self) {
        let mut net = self.net().lock();
        let mut cut = Vec::new();
        let mut clogged = Vec::new();
        for (from, peer) in net.peers.iter().enumerate() {
            cut.extend(peer.wires.iter().filter(|(_, wire)| wire.is_cut).map(|(to, _)| (from, *to)));
            clogged.extend(peer.wires.iter().filter(|(_, wire)| wire.clogged.is_some()).map(|(to, _)| (from, *to)));
        }
        // All are whole before anybody says anything.
        for (from, to) in &cut {
            if let Some(wire) = net.peers[*from].wires.get_mut(to) {
                wire.is_cut = false;
            }
        }
        for (from, to) in clogged {
            net.trouble(Trouble::Unclog(from, to));
        }
        for (from, to) in cut {
            net.note(What::Mended(PeerId(from), PeerId(to)));
            net.reintroduce(from, to);
        }
    }
}

impl Inner {
    pub(crate) fn trouble(&mut self, trouble: Trouble) {
        let (Trouble::Cut(from, to) | Trouble::Mend(from, to) | Trouble::Clog(from, to) | Trouble::Unclog(from, to)) =
            trouble;
        let Some(wire) = self.peers[from].wires.get_mut(&to) else { return };
        let ends = (PeerId(from), PeerId(to));
        match trouble {
            Trouble::Cut(..) => {
                if !std::mem::replace(&mut wire.is_cut, true) {
                    self.note(What::Cut(ends.0, ends.1));
                }
            }
            Trouble::Mend(..) => {
                if std::mem::replace(&mut wire.is_cut, false) {
                    self.note(What::Mended(ends.0, ends.1));
                    self.reintroduce(from, to);
                }
            }
            Trouble::Clog(..) => {
                if wire.clogged.is_none() {
                    wire.clogged = Some(Vec::new());
                    self.note(What::Clogged(ends.0, ends.1));
                }
            }
            Trouble::Unclog(..) => {
                let Some(waiting) = wire.clogged.take() else { return };
                let link = wire.link;
                self.note(What::Unclogged(ends.0, ends.1));
                self.release(&link, waiting);
            }
        }
    }

    /// Says what was lost of who listens where while the connection was cut.
    fn reintroduce(&mut self, from: Index, to: Index) {
        if self.is_linked(from, to) {
            self.tell_subscriptions(from, to);
        }
    }
}

/// Every pair of one of these and one of those.
fn pairs<'a>(here: &'a [PeerId], there: &'a [PeerId]) -> impl Iterator<Item = (PeerId, PeerId)> + 'a {
    here.iter().flat_map(move |a| there.iter().map(move |b| (*a, *b)))
}
