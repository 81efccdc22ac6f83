//! What is kept of one connected peer: what to say to it, what it wants, how much came from it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use libp2p::PeerId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::message::Entry;
use super::wantlist::Wantlist;

/// A connected peer, over however many connections.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    pub(crate) outbox: Mutex<Outbox>,
    /// Wakes the writer.
    pub(crate) wake: Notify,
    /// Bytes of Bitswap that came from the peer.
    pub(crate) received: AtomicU64,
    /// Inbound streams being read.
    pub(crate) streams: AtomicUsize,
    /// Bytes of frames not yet complete, over all streams.
    pub(crate) partial: AtomicUsize,
    /// The peer runs this software.
    pub(crate) kin: AtomicBool,
    /// The peer is gone.
    pub(crate) closed: AtomicBool,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Our own wants and cancels. Bounded by the sessions' windows.
    pub(crate) entries: VecDeque<Entry>,
    /// What the peer wants of us.
    pub(crate) wantlist: Wantlist,
    /// A writer is running.
    pub(crate) writing: bool,
}

impl Link {
    pub(crate) fn new(peer: PeerId) -> Self {
        Link {
            peer,
            outbox: Mutex::default(),
            wake: Notify::new(),
            received: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            partial: AtomicUsize::new(0),
            kin: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Whether the peer is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

impl Outbox {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.wantlist.is_empty()
    }
}
