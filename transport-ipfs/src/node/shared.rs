//! What the handle and the swarm's task share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;

use super::peers::Peers;
use crate::counters::Counters;
use crate::standing::Standing;

/// State that both may look at.
pub(super) struct Shared {
    pub(super) me: PeerId,
    pub(super) counters: Arc<Counters>,
    pub(super) standing: Arc<Standing>,
    pub(super) peers: Mutex<Peers>,
    pub(super) listen: Mutex<Vec<Multiaddr>>,
    pub(super) external: Mutex<Vec<Multiaddr>>,
    /// Publishes waiting in the queue.
    pub(super) publishes: AtomicUsize,
    /// Verdicts waiting in the queue.
    pub(super) verdicts: AtomicUsize,
    pub(super) stopped: AtomicBool,
}
