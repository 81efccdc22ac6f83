//! Keeps up the connections that the configuration asks for: dials, and dials again, ever less often.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

/// The first pause after a failure; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// The peers to stay connected with.
#[derive(Debug)]
pub(super) struct Dialer {
    targets: Vec<Target>,
    random: RandomState,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    /// From the address, or from whoever answered there.
    peer: Option<PeerId>,
    failures: u32,
    next: Instant,
    attempt: Option<ConnectionId>,
    connected: bool,
}

impl Dialer {
    /// A dialer for these addresses, all due at once.
    pub(super) fn new(addresses: impl IntoIterator<Item = Multiaddr>, now: Instant) -> Self {
        let target = |address: Multiaddr| Target {
            peer: peer_of(&address),
            address,
            failures: 0,
            next: now,
            attempt: None,
            connected: false,
        };
        Dialer { targets: addresses.into_iter().map(target).collect(), random: RandomState::new() }
    }

    /// The attempts to make now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<DialOpts> {
        let due = self.targets.iter_mut().filter(|t| !t.connected && t.attempt.is_none() && t.next <= now);
        due.map(|target| {
            let options = match target.peer {
                Some(peer) => DialOpts::peer_id(peer)
                    .addresses(vec![target.address.clone()])
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .build(),
                None => DialOpts::unknown_peer_id().address(target.address.clone()).build(),
            };
            target.attempt = Some(options.connection_id());
            options
        })
        .collect()
    }

    /// When the next attempt is due.
    #[cfg(test)]
    fn next(&self) -> Option<Instant> {
        self.targets.iter().filter(|t| !t.connected && t.attempt.is_none()).map(|t| t.next).min()
    }

    /// A peer is connected, by whatever way.
    pub(super) fn connected(&mut self, peer: PeerId, id: ConnectionId) {
        for target in &mut self.targets {
            if target.attempt == Some(id) {
                (target.peer, target.attempt) = (Some(peer), None);
            }
            if target.peer == Some(peer) {
                (target.connected, target.failures) = (true, 0);
            }
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, id: ConnectionId, now: Instant) {
        let pause = |failures| self.pause(failures, id);
        let Some(at) = self.targets.iter().position(|target| target.attempt == Some(id)) else {
            return;
        };
        let pause = pause(self.targets[at].failures);
        let target = &mut self.targets[at];
        (target.attempt, target.failures, target.next) = (None, target.failures + 1, now + pause);
    }

    /// A peer's last connection is gone.
    pub(super) fn disconnected(&mut self, peer: &PeerId, id: ConnectionId, now: Instant) {
        let pause = self.pause(0, id);
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            (target.connected, target.next) = (false, now + pause);
        }
    }

    /// A pause between half and the whole of what the number of failures asks for, so that many who lost one peer do
    /// not all come back at once.
    fn pause(&self, failures: u32, salt: ConnectionId) -> Duration {
        let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LAST_PAUSE);
        let share = (self.random.hash_one(salt) % 1000) as f64 / 1000.0;
        whole.mul_f64(0.5 + share / 2.0)
    }
}

/// The peer id at the end of an address.
pub(super) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_peer_is_dialled_ever_less_often_but_for_ever() {
        let mut now = Instant::now();
        let mut dialer = Dialer::new(["/ip4/127.0.0.1/tcp/1".parse().expect("an address")], now);
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let attempt = dialer.due(now).pop().expect("due").connection_id();
            assert!(dialer.due(now).is_empty(), "one attempt at a time");
            dialer.failed(attempt, now);
            let next = dialer.next().expect("there is always a next one");
            pauses.push(next - now);
            now = next;
        }
        assert!(pauses[0] <= FIRST_PAUSE && pauses[19] >= LAST_PAUSE / 2 && pauses[19] <= LAST_PAUSE);
    }

    #[test]
    fn a_lost_peer_is_dialled_again_soon() {
        let now = Instant::now();
        let mut dialer = Dialer::new(["/ip4/127.0.0.1/tcp/1".parse().expect("an address")], now);
        let (peer, id) = (PeerId::random(), dialer.due(now)[0].connection_id());
        dialer.connected(peer, id);
        assert_eq!(dialer.next(), None);
        dialer.disconnected(&peer, id, now);
        assert!(dialer.next().is_some_and(|next| next <= now + FIRST_PAUSE));
    }
}
