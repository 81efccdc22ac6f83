//! What a replica asks of a network: two verbs, **broadcast** and **fetch**.
//!
//! A transport carries announcements to whoever listens on a [`Channel`] and brings blocks by content id. It knows
//! nothing of entries or folders, and it need not be reliable: an announcement may be lost, doubled or late, a fetch
//! may fail; the replica heals both (design invariants 5 and 6). What it must be is *bounded* and *honest about loss*:
//! nothing waits for ever, and what is dropped is an error, an [`Event`] or a counter.
//!
//! One object usually implements both traits; [`Transport`] is the name for that.

mod broadcast;
mod fetch;

pub use broadcast::{Broadcast, Channel, ChannelError, Event, Events, MessageId, PublishError, Verdict};
pub use fetch::{Block, Blocks, Demerit, Fetch, FetchError, FetchStream, Fetched, Want};

use std::fmt;
use std::sync::Arc;

/// Both verbs in one object.
pub trait Transport: Broadcast + Fetch {}

impl<T: Broadcast + Fetch> Transport for T {}

/// A peer, by the transport's own name for it (for libp2p: the peer id in base58).
///
/// Opaque to the replica, which only compares names, shows them, and hands them back as hints.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(Arc<str>);

impl Peer {
    /// A peer of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Peer(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0)
    }
}
