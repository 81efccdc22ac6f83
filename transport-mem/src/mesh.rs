//! The knobs of the gossip model, by the names of gossipsub 1.1; the defaults are those of transport-ipfs.

use std::time::Duration;

/// How gossip spreads.
///
/// Of those neighbours who listen on a channel, each listener keeps a few in its *mesh* and passes every message on to
/// these. The others hear at each *heartbeat* which messages there were (IHAVE), and ask for what they miss (IWANT). So a
/// message that got lost on one way comes by another, late; and one that got lost on all ways is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mesh {
    /// Neighbours that the mesh should have (D).
    pub degree: usize,
    /// With fewer, a heartbeat takes in more (D_low).
    pub low: usize,
    /// With more, a heartbeat sends some away, and nobody is taken in who asks (D_high).
    pub high: usize,
    /// Neighbours outside of the mesh that are told of messages at each heartbeat (D_lazy), or a quarter of them, if those
    /// are more.
    pub lazy: usize,
    /// The time between heartbeats.
    pub heartbeat: Duration,
    /// Heartbeats for which a message can be asked for (mcache_len).
    pub history: usize,
    /// Heartbeats for which others are told of it (mcache_gossip); at most `history`.
    pub gossip: usize,
    /// How long a peer remembers that it has seen a message.
    pub seen: Duration,
    /// Messages that it remembers at most; the oldest are forgotten first.
    pub seen_most: usize,
    /// How often one neighbour is sent a message that it asks for, at most.
    pub retransmissions: u32,
    /// How long whoever was sent away from a mesh stays away.
    pub backoff: Duration,
    /// Whether own messages go to all neighbours who listen, not only to those in the mesh.
    pub flood_publish: bool,
}

impl Default for Mesh {
    fn default() -> Self {
        Mesh {
            degree: 6,
            low: 5,
            high: 12,
            lazy: 6,
            heartbeat: Duration::from_secs(1),
            history: 12,
            gossip: 3,
            seen: Duration::from_secs(60),
            seen_most: 65_536,
            retransmissions: 3,
            backoff: Duration::from_secs(60),
            flood_publish: true,
        }
    }
}
