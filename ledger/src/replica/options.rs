//! What can be set about a replica.

use std::time::Duration;

/// The network that a replica belongs to unless told otherwise: the public one, the SHA-256 of `tidings network 1`.
pub const NETWORK: [u8; 32] = [
    0xa4, 0xa8, 0xda, 0x24, 0x2b, 0x1d, 0x78, 0xf4, 0x51, 0x71, 0x2a, 0xe5, 0x99, 0x87, 0x99, 0xf6, 0xdb, 0x93, 0x8d,
    0xf3, 0xf8, 0x07, 0x24, 0xa3, 0x19, 0x33, 0x30, 0xea, 0xc7, 0xb2, 0x3f, 0x45,
];

/// Settings of a replica. The default is meant for a node of a few thousand topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which network: nodes of one network find each other and share a catalog channel.
    pub network: [u8; 32],
    /// Hold every topic of the network, not only those that are followed.
    pub mirror: bool,
    /// The seed of jitter. Anything will do; the same seed gives the same trace in a simulation.
    pub seed: u64,
    /// Bytes that an announcement aims not to exceed; a first entry goes inline up to [`Options::inline_most`].
    pub inline: usize,
    /// The largest single entry that is put into an announcement, in bytes.
    pub inline_most: usize,
    /// How often the own root is announced again, with a quarter of jitter, unless the same was heard meanwhile.
    pub reannounce: Duration,
    /// Entries from further in the future than this wait until their time has come.
    pub future: Duration,
    /// A burst is folded into the tree, and announced, at most this often.
    pub settle: Duration,
    /// How long to wait for the rest of a burst before fetching what an announcement left open.
    pub grace: Duration,
    /// How long a fetch goes on without progress.
    pub patience: Duration,
    /// Bounds on what others can make this node hold.
    pub limits: Limits,
}

/// Bounds on what others can make a node hold. What is beyond them is refused and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Topics held.
    pub topics: usize,
    /// Bytes of the store; peers' entries are refused beyond.
    pub store_bytes: u64,
    /// Channels joined on behalf of others (by a mirror).
    pub channels: usize,
    /// Pulls at the same time.
    pub pulls: usize,
    /// Entries with a time in the future that are kept aside.
    pub deferred: usize,
    /// Roots that are remembered as holding nothing acceptable.
    pub remembered: usize,
    /// Tree nodes that are kept after they died, for peers that are still fetching an older root.
    pub dead_nodes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            network: NETWORK,
            mirror: false,
            seed: 0,
            inline: 1024,
            inline_most: 16 * 1024,
            reannounce: Duration::from_secs(60),
            future: Duration::from_secs(600),
            settle: Duration::from_millis(2),
            grace: Duration::from_millis(10),
            patience: Duration::from_secs(15),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            topics: 1_000_000,
            store_bytes: u64::MAX,
            channels: 4096,
            pulls: 256,
            deferred: 1024,
            remembered: 4096,
            dead_nodes: 4096,
        }
    }
}
