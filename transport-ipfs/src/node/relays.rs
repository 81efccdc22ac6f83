//! Behind NAT: when nobody can reach this node from outside, it is reached through relays.
//!
//! AutoNAT tells whether our addresses can be dialled. When they cannot, places are reserved on relays among the
//! connected peers; whoever comes that way is met directly by hole punching (DCUtR) where the NATs allow.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::reach;

/// The protocol of a peer that relays for others.
pub(super) const HOP: &str = "/libp2p/circuit/relay/0.2.0/hop";
/// Reservations at a time: one that breaks must not cut us off.
const ENOUGH: usize = 2;
/// Relays remembered.
const MAX_KNOWN: usize = 16;
/// Failed tests that make us unreachable: one may be the tester's fault.
const FAILURES: u32 = 2;
/// The pause after a reservation was tried.
const PAUSE: Duration = Duration::from_secs(30);

/// The relays known and used.
#[derive(Debug)]
pub(super) struct Relays {
    enabled: bool,
    known: Vec<(PeerId, Multiaddr)>,
    reserved: HashMap<ListenerId, PeerId>,
    failures: u32,
    next: Instant,
}

impl Relays {
    pub(super) fn new(enabled: bool, now: Instant) -> Self {
        Relays { enabled, known: Vec::new(), reserved: HashMap::new(), failures: 0, next: now }
    }

    /// A connected peer relays for others.
    pub(super) fn found(&mut self, relay: PeerId, address: Multiaddr) {
        let direct = !address.iter().any(|part| part == Protocol::P2pCircuit);
        if self.enabled && direct && self.known.len() < MAX_KNOWN && self.known.iter().all(|(known, _)| *known != relay)
        {
            self.known.push((relay, address));
        }
    }

    /// A peer is gone.
    pub(super) fn lost(&mut self, peer: &PeerId) {
        self.known.retain(|(known, _)| known != peer);
    }

    /// One of our addresses was tested from outside.
    pub(super) fn tested(&mut self, address: &Multiaddr, reachable: bool) {
        match (reach::is_local(address), reachable) {
            (true, _) => {}
            (false, true) => self.failures = 0,
            (false, false) => self.failures = self.failures.saturating_add(1),
        }
    }

    /// The address to listen on next, if a relay is needed.
    pub(super) fn due(&mut self, now: Instant) -> Option<(PeerId, Multiaddr)> {
        if !self.enabled || self.failures < FAILURES || self.reserved.len() >= ENOUGH || now < self.next {
            return None;
        }
        let unused = |(relay, _): &&(PeerId, Multiaddr)| self.reserved.values().all(|used| used != relay);
        let (relay, address) = self.known.iter().find(unused)?.clone();
        self.next = now + PAUSE;
        let address: Multiaddr = address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect();
        Some((relay, address.with(Protocol::P2p(relay)).with(Protocol::P2pCircuit)))
    }

    /// The listener for a reservation is there.
    pub(super) fn reserving(&mut self, id: ListenerId, relay: PeerId) {
        self.reserved.insert(id, relay);
    }

    /// A listener closed; if it was a reservation, the relay goes to the end of the line.
    pub(super) fn closed(&mut self, id: ListenerId) {
        if let Some(relay) = self.reserved.remove(&id)
            && let Some(at) = self.known.iter().position(|(known, _)| *known == relay)
        {
            let last = self.known.remove(at);
            self.known.push(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_node_that_can_be_reached_reserves_nothing() {
        let now = Instant::now();
        let mut relays = Relays::new(true, now);
        relays.found(PeerId::random(), address("/ip4/192.0.2.1/tcp/1"));
        assert_eq!(relays.due(now), None);
        for _ in 0..5 {
            relays.tested(&address("/ip4/127.0.0.1/tcp/9"), false);
        }
        assert_eq!(relays.due(now), None, "that loopback is not reachable from outside is no news");
        relays.tested(&address("/ip4/192.0.2.9/tcp/9"), false);
        relays.tested(&address("/ip4/192.0.2.9/tcp/9"), true);
        relays.tested(&address("/ip4/192.0.2.9/tcp/9"), false);
        assert_eq!(relays.due(now), None);
    }

    #[test]
    fn a_relay_that_closed_is_tried_after_the_others() {
        let mut now = Instant::now();
        let mut relays = Relays::new(true, now);
        let peers = [PeerId::random(), PeerId::random()];
        for peer in peers {
            relays.found(peer, address("/ip4/192.0.2.1/tcp/1").with(Protocol::P2p(peer)));
        }
        for _ in 0..FAILURES {
            relays.tested(&address("/ip4/192.0.2.9/tcp/9"), false);
        }
        let (first, at) = relays.due(now).expect("unreachable");
        assert_eq!((first, at), (peers[0], address(&format!("/ip4/192.0.2.1/tcp/1/p2p/{first}/p2p-circuit"))));
        assert_eq!(relays.due(now), None, "one at a time");
        let id = ListenerId::next();
        relays.reserving(id, first);
        relays.closed(id);
        now += PAUSE;
        assert_eq!(relays.due(now).map(|(relay, _)| relay), Some(peers[1]));
    }
}
