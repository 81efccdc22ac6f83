//! Who is connected, from where, and how far away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tidings_ledger::transport::Peer;

use crate::standing::Standing;
use crate::status::{Direction, PeerStatus};

/// The connected peers. Bounded by the limit of connections.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<PeerId, Known>);

#[derive(Debug)]
struct Known {
    name: Peer,
    connections: Vec<(ConnectionId, Multiaddr, Direction)>,
    rtt: Option<Duration>,
    agent: Option<String>,
    member: bool,
}

impl Peers {
    /// A connection is there. Returns the peer's name if it is the first one.
    pub(super) fn opened(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) -> Option<Peer> {
        let direction = if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
        let known = self.0.entry(peer).or_insert_with(|| Known {
            name: Peer::new(peer.to_base58()),
            connections: Vec::new(),
            rtt: None,
            agent: None,
            member: false,
        });
        known.connections.push((id, endpoint.get_remote_address().clone(), direction));
        (known.connections.len() == 1).then(|| known.name.clone())
    }

    /// A connection is gone. Returns the peer's name if it was the last one.
    pub(super) fn closed(&mut self, peer: &PeerId, id: ConnectionId) -> Option<Peer> {
        let known = self.0.get_mut(peer)?;
        known.connections.retain(|(open, _, _)| *open != id);
        if !known.connections.is_empty() {
            return None;
        }
        self.0.remove(peer).map(|known| known.name)
    }

    /// The peer's name.
    pub(super) fn name(&self, peer: &PeerId) -> Peer {
        self.0.get(peer).map_or_else(|| Peer::new(peer.to_base58()), |known| known.name.clone())
    }

    /// Where it was dialled, if it was.
    pub(super) fn dialled(&self, peer: &PeerId) -> Option<Multiaddr> {
        let outbound = |(_, address, direction): &&(ConnectionId, Multiaddr, Direction)| {
            *direction == Direction::Outbound && address.iter().next().is_some()
        };
        self.0.get(peer)?.connections.iter().find(outbound).map(|(_, address, _)| address.clone())
    }

    /// Whether it is connected.
    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    /// A round trip was measured.
    pub(super) fn measured(&mut self, peer: &PeerId, rtt: Duration) {
        if let Some(known) = self.0.get_mut(peer) {
            known.rtt = Some(rtt);
        }
    }

    /// The peer said what software it runs.
    pub(super) fn identified(&mut self, peer: &PeerId, agent: &str, member: bool) {
        if let Some(known) = self.0.get_mut(peer) {
            // A peer may say anything, at any length; this is for people to read.
            known.agent = Some(agent.chars().filter(|c| !c.is_control()).take(64).collect());
            known.member = member;
        }
    }

    /// How many run this software.
    pub(super) fn members(&self) -> usize {
        self.0.values().filter(|known| known.member).count()
    }

    /// All, for people to read.
    pub(super) fn status(&self, standing: &Standing, now: Instant) -> Vec<PeerStatus> {
        let status = |(peer, known): (&PeerId, &Known)| {
            let (_, address, direction) = known.connections.first()?;
            Some(PeerStatus {
                peer_id: known.name.as_str().to_owned(),
                address: address.to_string(),
                direction: *direction,
                connections: known.connections.len(),
                rtt: known.rtt,
                agent: known.agent.clone(),
                demerits: standing.of(peer, now),
            })
        };
        self.0.iter().filter_map(status).collect()
    }
}
