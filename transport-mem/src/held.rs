//! Messages that wait until a test lets them go, one by one and in any order: the way to try all orders there are.

use crate::kind::Kind;
use crate::net::Happening;
use crate::world::{PeerId, World};

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub kind: Kind,
    /// From whom.
    pub from: PeerId,
    /// To whom.
    pub to: PeerId,
    /// The number of the announcement, or of the fetch.
    pub number: u64,
}

impl World {
    /// Holds messages of these kinds back from now on, whatever their links are like. An empty list holds nothing, and lets
    /// all go that waits.
    pub fn hold(&mut self, kinds: &[Kind]) {
        let mut net = self.net().lock();
        net.held_kinds = kinds.to_vec();
        if kinds.is_empty() {
            for (at, (_, arrival)) in std::mem::take(&mut net.held).into_iter().enumerate() {
                net.after(at as u64, arrival);
            }
        }
    }

    /// What waits, in the order in which it was sent.
    pub fn held(&self) -> Vec<Held> {
        let net = self.net().lock();
        let held = |(sent, _): &(crate::travel::Sent, Happening)| Held {
            kind: sent.kind,
            from: PeerId(sent.from),
            to: PeerId(sent.to),
            number: sent.number,
        };
        net.held.iter().map(held).collect()
    }

    /// Lets the message at this place arrive now. Nothing happens if there is none.
    pub fn deliver(&mut self, at: usize) {
        let mut net = self.net().lock();
        if at < net.held.len() {
            let (sent, arrival) = net.held.remove(at);
            net.let_go(&sent, 0, arrival);
        }
    }

    /// Loses the message at this place. Nothing happens if there is none.
    pub fn lose_held(&mut self, at: usize) {
        let mut net = self.net().lock();
        if at < net.held.len() {
            let (sent, _) = net.held.remove(at);
            net.lose(&sent);
        }
    }
}
