//! The configuration. Everything has a default; an empty table is a working node on loopback.

use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};

use crate::network::NetworkId;

/// How the node listens, whom it meets, and how much it takes upon itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses to listen on. Default: TCP, QUIC and WebSocket on 127.0.0.1, at ports the system chooses.
    ///
    /// A node for others listens on `/ip4/0.0.0.0/tcp/4281`, `/ip4/0.0.0.0/udp/4281/quic-v1` and the like.
    pub listen: Vec<Multiaddr>,
    /// Addresses under which others reach this node from outside, when it is known (a forwarded port). Default: none;
    /// AutoNAT finds out.
    pub external: Vec<Multiaddr>,
    /// Where to enter the DHT: addresses that end in `/p2p/<peer id>`. Default: none.
    pub bootstrap: Vec<Multiaddr>,
    /// Peers to stay connected with. Default: none.
    pub peers: Vec<Multiaddr>,
    /// Find peers on the local network by multicast DNS. Default: false.
    pub mdns: bool,
    /// Part in the DHT. Default: `auto`.
    pub kad: KadMode,
    /// The network to meet others of. Default: [`NetworkId::PUBLIC`].
    pub network: NetworkId,
    /// Learn from peers whether this node can be reached from outside, use relays where it cannot, punch holes; and help
    /// peers to learn the same. Without effect on a node that listens on loopback only. Default: true.
    pub nat: bool,
    /// Bounds of connections, memory and bandwidth.
    pub limits: LimitsConfig,
    /// Announcements.
    pub gossip: GossipConfig,
    /// Blocks.
    pub bitswap: BitswapConfig,
    /// Provider records.
    pub provide: ProvideConfig,
}

/// Part that a node takes in the DHT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KadMode {
    /// None.
    Off,
    /// Asks, and stores nothing for others.
    Client,
    /// Stores records for others; for nodes that can be reached.
    Server,
    /// A server on the local network, and on the public one once it is known to be reachable from there.
    #[default]
    Auto,
}

/// Bounds of connections, memory and bandwidth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Connections in all. Default: 256.
    pub connections: u32,
    /// Connections to one peer. Default: 4.
    pub connections_per_peer: u32,
    /// Connections being set up, in each direction. Default: 64.
    pub pending_connections: u32,
    /// No new connection while the process uses more memory than this, in bytes; 0 for no limit. Default: 1 GiB.
    pub memory: usize,
    /// Bytes per second sent in block messages, over all peers; 0 for no limit. Default: 0.
    pub upload: u64,
    /// Bytes per second received in block messages, over all peers; 0 for no limit. Default: 0.
    pub download: u64,
    /// Seconds until a connection that nobody uses is closed. Default: 60.
    pub idle_seconds: u64,
    /// Events waiting to be read; more are dropped and reported as missed. Default: 32768.
    pub events: usize,
    /// Announcements waiting to be published; more are refused. Default: 1024.
    pub publishes: usize,
}

/// Announcements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GossipConfig {
    /// The longest announcement, in bytes, published or received. Default: 65536 (what other implementations take).
    pub max_message: usize,
    /// The most channels that one node may listen on: further joins of ours are refused (and counted), a peer's are
    /// ignored. Default: 16384.
    pub max_channels: usize,
    /// Milliseconds between heartbeats (mesh upkeep; not on the way of a message). Default: 1000.
    pub heartbeat_ms: u64,
}

/// Blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BitswapConfig {
    /// The largest block that is moved, in bytes. Default: 2 MiB, the limit of Kubo and Helia.
    pub max_block: usize,
    /// Wants kept for one peer; further ones are dropped. Default: 16384.
    pub wants_per_peer: usize,
    /// Blocks asked of one peer at a time, over all fetches. Default: 500. (Kubo keeps 1024 wants of a peer, those included that it has just
    /// answered or cannot answer, and drops old ones for new ones without a word.)
    pub window: usize,
    /// The same for peers that run this software. Default: 8192.
    pub window_kin: usize,
    /// Bytes that one fetch may have asked for and not handed over. Default: 16 MiB.
    pub window_bytes: u64,
    /// Bytes received and not yet read, over all fetches. Default: 64 MiB.
    pub unread: u64,
    /// Bytes of blocks on their way to peers, over all peers. Default: 64 MiB.
    pub serving: usize,
    /// Reads from the store at a time, for serving. Default: 4.
    pub reads: usize,
}

/// Provider records: what is made known in the DHT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProvideConfig {
    /// Make this node known as a member of its network. Default: true.
    pub network: bool,
    /// Roots made known, the newest wishes first. Default: 256.
    pub roots: usize,
    /// Roots made known per minute. Default: 60.
    pub per_minute: u32,
    /// Seconds between two searches for members of the network. Default: 300.
    pub search_seconds: u64,
    /// Members to be connected with before searching less. Default: 8.
    pub enough_members: usize,
    /// Seconds until a record is made known again. Others keep it for 48 hours at most, 24 in older software. Default:
    /// 39600, that is 11 hours.
    pub renew_seconds: u64,
}

const MIB: usize = 1024 * 1024;

impl Default for Config {
    fn default() -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0/ws"];
        Config {
            listen: listen.iter().filter_map(|address| address.parse().ok()).collect(),
            external: Vec::new(),
            bootstrap: Vec::new(),
            peers: Vec::new(),
            mdns: false,
            kad: KadMode::default(),
            network: NetworkId::PUBLIC,
            nat: true,
            limits: LimitsConfig::default(),
            gossip: GossipConfig::default(),
            bitswap: BitswapConfig::default(),
            provide: ProvideConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig {
            connections: 256,
            connections_per_peer: 4,
            pending_connections: 64,
            memory: 1024 * MIB,
            upload: 0,
            download: 0,
            idle_seconds: 60,
            events: 32_768,
            publishes: 1024,
        }
    }
}

impl Default for GossipConfig {
    fn default() -> Self {
        GossipConfig { max_message: 65_536, max_channels: 16_384, heartbeat_ms: 1000 }
    }
}

impl Default for BitswapConfig {
    fn default() -> Self {
        BitswapConfig {
            max_block: 2 * MIB,
            wants_per_peer: 16_384,
            window: 500,
            window_kin: 8192,
            window_bytes: 16 * MIB as u64,
            unread: 64 * MIB as u64,
            serving: 64 * MIB,
            reads: 4,
        }
    }
}

impl Default for ProvideConfig {
    fn default() -> Self {
        ProvideConfig {
            network: true,
            roots: 256,
            per_minute: 60,
            search_seconds: 300,
            enough_members: 8,
            renew_seconds: 39_600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_the_default_and_the_default_can_be_written_out() {
        assert_eq!(toml::from_str::<Config>("").expect("every field has a default"), Config::default());
        let text = toml::to_string(&Config::default()).expect("it can be written");
        assert_eq!(toml::from_str::<Config>(&text).expect("and read"), Config::default());
        assert_eq!(Config::default().listen.len(), 3);
    }

    #[test]
    fn a_misspelt_key_is_an_error_and_not_ignored() {
        for text in ["lisen = []", "[bitswap]\nwindw = 1", "kad = \"maybe\"", "network = \"abc\"", "listen = [\"x\"]"] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
