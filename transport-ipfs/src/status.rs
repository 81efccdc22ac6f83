//! What a node tells of itself.

use std::time::Duration;

use serde::Serialize;

use crate::counters::CounterSnapshot;

/// A node's state at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Its name to others, in base58.
    pub peer_id: String,
    /// The addresses it listens on, each ending in `/p2p/<peer id>`: what to give to others.
    pub listen: Vec<String>,
    /// The addresses under which others can reach it from outside, as far as known.
    pub external: Vec<String>,
    /// Connected peers.
    pub peers: Vec<PeerStatus>,
    /// Bytes moved, blocks moved, things dropped.
    pub counters: CounterSnapshot,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Its name, in base58.
    pub peer_id: String,
    /// The address of its oldest connection.
    pub address: String,
    /// Who dialled.
    pub direction: Direction,
    /// Open connections to it.
    pub connections: usize,
    /// The round trip, when it was measured.
    pub rtt: Option<Duration>,
    /// What software it says it runs.
    pub agent: Option<String>,
    /// What it did wrong, in points; at 100 it is refused.
    pub demerits: f64,
}

/// Who dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}
