//! The configuration. Everything has a default: a Kubo daemon on this machine, at its usual port.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::StartError;

/// Which daemon, and how much is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The RPC: `http://127.0.0.1:5001`, or a multiaddress as in the file `api` of an IPFS folder.
    pub api: String,
    /// The secret of the daemon's `API.Authorizations`, as `bearer:TOKEN` or `basic:USER:PASSWORD`; empty for none.
    pub secret: String,
    /// The network whose members are looked for in the DHT.
    pub network: [u8; 32],
    /// Peers to stay connected with, as multiaddresses that end in `/p2p/<peer id>`.
    pub peers: Vec<String>,
    /// How folders are pinned.
    pub pins: PinConfig,
    /// Starts and watches the daemon, if wanted.
    pub supervise: Option<SuperviseConfig>,
    /// How long things may take.
    pub times: Times,
    /// Bounds on what is held in memory.
    pub limits: LimitsConfig,
}

/// How folders are pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct PinConfig {
    /// Whether the daemon (or the cluster) is to keep the topics' folders. If not, it is given them all the same, and
    /// forgets them when it collects garbage.
    pub topics: bool,
    /// Whether it is to keep the catalog, which leads to every topic. For nodes that mirror a whole network.
    pub catalog: bool,
    /// Where the record of pins is kept, so that a restarted node unpins what it no longer wants. `None`: in memory.
    pub record: Option<PathBuf>,
    /// A folder that changes is pinned anew at most this often.
    pub every: Duration,
    /// How long an old folder stays pinned after the new one: for peers that are still fetching it, and for a cluster,
    /// which says yes to a pin before it has made it.
    pub keep_old: Duration,
}

/// A daemon that this process starts and watches.
#[derive(Debug, Clone, PartialEq)]
pub struct SuperviseConfig {
    /// The command with its arguments, separated by spaces; quotes as in a shell hold words together.
    pub command: String,
    /// Resident memory above which the daemon is started anew, in bytes; 0 for no limit. Linux only.
    pub max_memory: u64,
    /// How long it may take to stop before it is killed.
    pub stop: Duration,
    /// How long it may leave the RPC unanswered before it is taken for hung and started anew.
    pub hung: Duration,
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// An ordinary call.
    pub call: Duration,
    /// The call that finds out whether the daemon is well.
    pub probe: Duration,
    /// Between two of them.
    pub probe_every: Duration,
    /// Between two looks at who listens on a channel.
    pub look_every: Duration,
    /// Pinning a folder, which may have to be fetched.
    pub pin: Duration,
    /// How old an announcement may become while the daemon is away.
    pub publish: Duration,
}

/// Bounds on what is held in memory and asked for at once.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsConfig {
    /// Channels joined; each is a connection to the daemon.
    pub channels: usize,
    /// Announcements that wait for the daemon.
    pub publishes: usize,
    /// Events that wait for their reader.
    pub events: usize,
    /// The largest announcement, in bytes.
    pub message: usize,
    /// The largest block, in bytes.
    pub block: usize,
    /// Blocks asked for at once by one session; by all sessions together, four times as many.
    pub fetches: usize,
    /// Roots made known in the DHT in a minute.
    pub provides: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            api: "http://127.0.0.1:5001".to_owned(),
            secret: String::new(),
            network: tidings_ledger::replica::NETWORK,
            peers: Vec::new(),
            pins: PinConfig::default(),
            supervise: None,
            times: Times::default(),
            limits: LimitsConfig::default(),
        }
    }
}

impl Default for PinConfig {
    fn default() -> Self {
        PinConfig {
            topics: true,
            catalog: false,
            record: None,
            every: Duration::from_secs(2),
            keep_old: Duration::from_secs(60),
        }
    }
}

impl SuperviseConfig {
    /// This command, with a minute to stop, two to answer, and no limit on memory.
    pub fn new(command: impl Into<String>) -> Self {
        SuperviseConfig {
            command: command.into(),
            max_memory: 0,
            stop: Duration::from_secs(60),
            hung: Duration::from_secs(120),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Times {
            call: Duration::from_secs(30),
            probe: Duration::from_secs(5),
            probe_every: Duration::from_secs(2),
            look_every: Duration::from_secs(1),
            pin: Duration::from_secs(600),
            publish: Duration::from_secs(60),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig {
            channels: 4096,
            publishes: 4096,
            events: 8192,
            // What Kubo's gossipsub carries by default, less its envelope.
            message: 65_000,
            block: 2 * 1024 * 1024,
            fetches: 64,
            provides: 60,
        }
    }
}

impl Config {
    /// Whether the values make sense.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let fault = |text: &str| Err(StartError::Config(text.to_owned()));
        let times = &self.times;
        let waits = [times.call, times.probe, times.probe_every, times.look_every, times.pin, times.publish];
        if waits.iter().any(Duration::is_zero) {
            return fault("a time limit of zero would fail every call");
        }
        let limits = &self.limits;
        if [limits.channels, limits.publishes, limits.events, limits.fetches].contains(&0) {
            return fault("a limit of zero would shut everything out");
        }
        if !(100..=1_000_000).contains(&limits.message) {
            return fault("limits.message must be between 100 and 1000000 bytes");
        }
        if !(1024..=16 * 1024 * 1024).contains(&limits.block) {
            return fault("limits.block must be between 1024 and 16777216 bytes");
        }
        if let Some(peer) = self.peers.iter().find(|peer| !is_peer_address(peer)) {
            return Err(StartError::Config(format!(
                "the peer {peer:?} must be a multiaddress that ends in /p2p/12D3Koo…"
            )));
        }
        Ok(())
    }
}

/// Whether this can be handed to the daemon as a peer's address.
pub(crate) fn is_peer_address(text: &str) -> bool {
    let names_peer = text.rsplit_once("/p2p/").is_some_and(|(_, peer)| is_peer_id(peer));
    text.starts_with('/') && names_peer && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether this can be a peer id: base58 or base32, of a plausible length.
pub(crate) fn is_peer_id(text: &str) -> bool {
    (20..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
