//! What the transport tells of itself.

use serde::Serialize;

use crate::counters::CounterSnapshot;

/// The state at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The daemon.
    pub daemon: DaemonStatus,
    /// Peers that the daemon is connected with.
    pub peers: Vec<PeerStatus>,
    /// Channels joined.
    pub channels: usize,
    /// The topics' pins.
    pub pins: PinStatus,
    /// Calls made, blocks moved, things dropped.
    pub counters: CounterSnapshot,
}

/// How the daemon is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DaemonStatus {
    /// Where its RPC is.
    pub api: String,
    /// Whether it answers.
    pub up: bool,
    /// For how long it is as it is, in seconds.
    pub since_seconds: u64,
    /// Its name to others; empty until it first answered.
    pub peer_id: String,
    /// What software it says it runs.
    pub agent: String,
    /// Where others reach it.
    pub addresses: Vec<String>,
    /// Why it does not answer.
    pub error: Option<String>,
    /// Times that the breaker opened.
    pub breaker_opened: u64,
    /// The process, if this node started it.
    pub process: Option<ProcessStatus>,
}

/// A supervised daemon's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// Its id; none between two runs.
    pub pid: Option<u32>,
    /// Resident memory of it and its children in bytes, where the system tells.
    pub memory: Option<u64>,
    /// Times that it was started again.
    pub restarts: u64,
    /// Why it was last stopped or ended.
    pub ended: Option<String>,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Its name.
    pub peer_id: String,
    /// Its address.
    pub address: String,
    /// What it did wrong, in points; at 100 it is not listened to.
    pub demerits: f64,
}

/// The topics' pins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PinStatus {
    /// Topics whose present folder is pinned.
    pub pinned: u64,
    /// Topics whose present folder is not pinned yet.
    pub waiting: u64,
    /// Topics whose last attempt failed.
    pub failing: u64,
    /// Old folders that are still pinned.
    pub old: u64,
}
