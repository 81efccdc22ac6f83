//! Counters: what was moved, what failed, and what was dropped.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counters.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// What the transport counted since it started.
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
    /// Calls made to the daemon.
    rpc_calls,
    /// Calls that failed, for whatever reason.
    rpc_errors,
    /// Times that the daemon was found not to answer.
    daemon_lost,
    /// Times that it answered again.
    daemon_found,
    /// Times that the supervised daemon was started again.
    daemon_restarts,
    /// Announcements published.
    messages_published,
    /// Announcements given up: the daemon was away for too long, or too many waited for it.
    messages_dropped,
    /// Announcements received on joined channels.
    messages_received,
    /// Announcements received from peers that did too much wrong. Dropped.
    messages_refused,
    /// Lines of a subscription that are no message. Dropped.
    messages_malformed,
    /// Subscriptions that broke and were opened again.
    subscriptions_broken,
    /// Joins refused because too many channels were joined.
    joins_refused,
    /// Events dropped because the reader of events was too slow.
    events_dropped,
    /// Blocks received that were asked for.
    blocks_received,
    /// Bytes of those blocks.
    block_bytes_received,
    /// Answers for a block that do not hash to its CID. Dropped.
    blocks_wrong,
    /// Blocks given to the daemon, for others to fetch.
    blocks_put,
    /// Bytes of those blocks.
    block_bytes_put,
    /// Reads from the store that failed while giving blocks to the daemon.
    store_errors,
    /// Folders pinned.
    pins_made,
    /// Old folders unpinned.
    pins_removed,
    /// Attempts to pin or unpin that failed. Made again.
    pins_failed,
    /// Roots made known in the DHT.
    roots_provided,
    /// Attempts at that which failed. Made again.
    provides_failed,
    /// Demerits noted, of all kinds.
    demerits,
    /// Peers refused for their demerits.
    peers_refused,
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
