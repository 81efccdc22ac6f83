//! Counters: what was moved, and what was dropped.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counters.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// What the node counted since it started.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        #[non_exhaustive]
        pub struct CounterSnapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// The numbers now.
            pub(crate) fn snapshot(&self) -> CounterSnapshot {
                CounterSnapshot { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Bytes received on all streams of all connections.
    bytes_in,
    /// Bytes sent on all streams of all connections.
    bytes_out,
    /// Blocks sent to peers.
    blocks_served,
    /// Bytes of those blocks.
    block_bytes_served,
    /// Blocks received that were asked for.
    blocks_received,
    /// Bytes of those blocks.
    block_bytes_received,
    /// Blocks received that had come already, or were given up.
    blocks_duplicate,
    /// Blocks received that nobody asked for: unasked, or wrong bytes for what was asked. Dropped.
    blocks_unasked,
    /// Wants of peers that did not fit into their wantlist. Dropped.
    wants_dropped,
    /// Blocks put off because the readers of fetches were too slow. Asked for again.
    blocks_postponed,
    /// Reads from the store that failed while serving.
    store_errors,
    /// Bitswap messages that did not decode or were too large.
    bad_messages,
    /// Bitswap streams refused because the peer had too many open.
    streams_refused,
    /// Announcements published.
    messages_published,
    /// Announcements received on joined channels.
    messages_received,
    /// Joins refused because too many channels were joined.
    joins_refused,
    /// Events dropped because the reader of events was too slow.
    events_dropped,
    /// Verdicts that came too late, or when too many were waiting.
    verdicts_dropped,
    /// Wishes (dial, search) dropped because too many were waiting. Made again later.
    wishes_dropped,
    /// Demerits noted, of all kinds.
    demerits,
    /// Peers refused for their demerits.
    peers_refused,
    /// Announcements that did not reach a peer because its queue was full.
    messages_dropped,
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
