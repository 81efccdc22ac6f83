//! The settings, their defaults, and what each is for.

use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) node: Node,
    pub(crate) p2p: P2p,
    pub(crate) kubo: Kubo,
    pub(crate) http: Http,
    pub(crate) log: Log,
}

/// What the node holds and how safely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Node {
    pub(crate) mirror: bool,
    pub(crate) network: String,
    pub(crate) transport: Transport,
    pub(crate) durability: Durability,
    pub(crate) reannounce_seconds: u64,
}

/// What carries announcements and blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// libp2p in this process
    Libp2p,
    /// A Kubo daemon (or an IPFS Cluster) over its RPC
    Kubo,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    Wal,
    Fsync,
}

/// How the node meets others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct P2p {
    pub(crate) listen: Vec<String>,
    pub(crate) announce: Vec<String>,
    pub(crate) peers: Vec<String>,
    pub(crate) bootstrap: Vec<String>,
    pub(crate) dht: Dht,
    pub(crate) mdns: bool,
    pub(crate) relay_client: bool,
    pub(crate) max_peers: u32,
}

/// The node's part in the distributed hash table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dht {
    Auto,
    Client,
    Server,
    Off,
}

/// The daemon of the Kubo transport.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Kubo {
    pub(crate) api: String,
    pub(crate) secret_file: String,
    pub(crate) supervise: String,
    pub(crate) max_memory_mib: u64,
    pub(crate) pin: bool,
    pub(crate) pin_catalog: bool,
    pub(crate) pin_every_seconds: u64,
    pub(crate) keep_old_seconds: u64,
    pub(crate) timeout_seconds: u64,
    pub(crate) max_channels: u64,
}

/// The local API and page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) listen: String,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) cors: Vec<String>,
    pub(crate) max_body_bytes: u64,
    pub(crate) max_attachment_bytes: u64,
    pub(crate) timeout_seconds: u64,
    pub(crate) max_connections: u64,
    pub(crate) max_streams: u64,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

/// Lines for people or JSON for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Default for Node {
    fn default() -> Self {
        Node {
            mirror: false,
            network: String::new(),
            transport: Transport::Libp2p,
            durability: Durability::Wal,
            reannounce_seconds: 60,
        }
    }
}

impl Default for P2p {
    fn default() -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/4281", "/ip4/127.0.0.1/udp/4281/quic-v1", "/ip4/127.0.0.1/tcp/4282/ws"];
        P2p {
            listen: listen.map(str::to_owned).to_vec(),
            announce: Vec::new(),
            peers: Vec::new(),
            bootstrap: Vec::new(),
            dht: Dht::Auto,
            mdns: false,
            relay_client: true,
            max_peers: 192,
        }
    }
}

impl Default for Kubo {
    fn default() -> Self {
        Kubo {
            api: "http://127.0.0.1:5001".to_owned(),
            secret_file: String::new(),
            supervise: String::new(),
            max_memory_mib: 0,
            pin: true,
            pin_catalog: true,
            pin_every_seconds: 2,
            keep_old_seconds: 60,
            timeout_seconds: 30,
            max_channels: 4096,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: "127.0.0.1:4280".to_owned(),
            allow_hosts: Vec::new(),
            cors: Vec::new(),
            max_body_bytes: 2 << 20,
            max_attachment_bytes: 1 << 30,
            timeout_seconds: 30,
            max_connections: 512,
            max_streams: 64,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// One setting as the written-out file explains it.
pub(crate) struct Setting {
    /// Its table.
    pub(crate) section: &'static str,
    /// Its key.
    pub(crate) key: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
}

/// The tables, in the order in which they are written.
pub(crate) const SECTIONS: [(&str, &str); 5] = [
    ("node", "What this node holds, and how safely."),
    ("p2p", "How this node meets others (libp2p)."),
    ("kubo", "The IPFS daemon, where node.transport is \"kubo\"."),
    ("http", "The local API and the page at /."),
    ("log", "What is written to standard error while the node runs."),
];

const fn setting(section: &'static str, key: &'static str, about: &'static str) -> Setting {
    Setting { section, key, about }
}

/// Every setting, in the order in which they are written. A test holds this list and the structs together.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("node", "mirror", "Hold every topic of the network, not only those followed."),
    setting(
        "node",
        "network",
        "Which network: 64 hex digits. Empty is the public one. Nodes of different networks never\nmeet, whatever else they share.",
    ),
    setting(
        "node",
        "transport",
        "What carries announcements and blocks: \"libp2p\" in this process, or \"kubo\": a Kubo daemon\nor an IPFS Cluster. Nodes of both kinds understand each other.",
    ),
    setting(
        "node",
        "durability",
        "What an acknowledged comment survives: \"wal\" a killed process, \"fsync\" also a power cut\n(slower one by one, nearly free in bulk).",
    ),
    setting(
        "node",
        "reannounce_seconds",
        "How often a topic's state is announced again while nothing changes, so that a lost\nannouncement heals.",
    ),
    setting(
        "p2p",
        "listen",
        "Where to listen, as multiaddresses. Port 0 takes any free one. Loopback until you say\notherwise; to be reached by others, write 0.0.0.0 for 127.0.0.1.",
    ),
    setting("p2p", "announce", "Addresses under which others reach this node, where it cannot find them out itself."),
    setting("p2p", "peers", "Peers to stay connected with: /ip4/203.0.113.7/tcp/4281/p2p/12D3Koo…"),
    setting(
        "p2p",
        "bootstrap",
        "Where to enter the distributed hash table that finds strangers. Empty: only through the\npeers above.",
    ),
    setting(
        "p2p",
        "dht",
        "This node's part in the hash table: \"auto\" (a server once others reach it), \"client\",\n\"server\" or \"off\".",
    ),
    setting("p2p", "mdns", "Look for nodes in the local network."),
    setting("p2p", "relay_client", "Behind a NAT: be reachable through relays, and punch holes."),
    setting("p2p", "max_peers", "Connections at once, at most."),
    setting(
        "kubo",
        "api",
        "The daemon's RPC, or the IPFS proxy of a cluster: http://127.0.0.1:9095. A multiaddress as in\nthe file api of an IPFS folder is understood, too.",
    ),
    setting(
        "kubo",
        "secret_file",
        "File with the secret of the daemon's API.Authorizations: bearer:TOKEN or\nbasic:USER:PASSWORD. Empty: no secret.",
    ),
    setting(
        "kubo",
        "supervise",
        "Command that starts the daemon, such as \"ipfs daemon\". The node then watches it, starts it\nagain when it dies or hangs, and stops it at the end. Empty: somebody else runs it.",
    ),
    setting(
        "kubo",
        "max_memory_mib",
        "A supervised daemon that takes more memory is started again. 0: no limit. Linux only.",
    ),
    setting("kubo", "pin", "Let the daemon keep the folders of all topics held here, pinned recursively."),
    setting(
        "kubo",
        "pin_catalog",
        "A mirror also pins its catalog, which leads to every topic. Turn it off in a cluster that\nkeeps fewer copies than it has peers: it would be one pin of everything.",
    ),
    setting("kubo", "pin_every_seconds", "A folder that changes is pinned anew at most this often."),
    setting(
        "kubo",
        "keep_old_seconds",
        "How long the old folder stays pinned after the new one is: for peers that are still fetching\nit, and for clusters, which pin a while after they say so.",
    ),
    setting("kubo", "timeout_seconds", "How long the daemon may take for an ordinary answer."),
    setting("kubo", "max_channels", "Topics listened on at once, each a connection to the daemon."),
    setting("http", "listen", "Where. Anything but loopback shows all that the node holds to whoever reaches it."),
    setting(
        "http",
        "allow_hosts",
        "Host names besides localhost and the address above under which browsers may call (a\nguard against DNS rebinding).",
    ),
    setting("http", "cors", "Web pages that may call the API: origins as in \"https://example.org\"."),
    setting("http", "max_body_bytes", "Largest request body, attachments apart."),
    setting("http", "max_attachment_bytes", "Largest attached file."),
    setting(
        "http",
        "timeout_seconds",
        "How long a request may take. Of an upload: how long it may be silent. Live streams have no limit.",
    ),
    setting("http", "max_connections", "Connections at once, at most."),
    setting("http", "max_streams", "Live streams (server-sent events) at once, at most."),
    setting("log", "level", "error, warn, info, debug or trace; or a filter such as \"info,libp2p_gossipsub=debug\"."),
    setting("log", "format", "\"text\" or \"json\"."),
];
