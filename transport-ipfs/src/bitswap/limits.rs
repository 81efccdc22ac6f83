//! The exchange's limits, from the configuration.

use super::session::Windows;

/// Everything that bounds the exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) windows: Windows,
    /// Bytes delivered to fetches and not read, over all.
    pub(crate) max_unread: u64,
    /// The largest block that is moved.
    pub(crate) max_block: usize,
    /// Wants kept for one peer.
    pub(crate) wants_per_peer: usize,
    /// Reads from the store at a time.
    pub(crate) reads: usize,
    /// Memory for blocks being sent, in KiB.
    pub(crate) serve_kib: usize,
    /// Inbound streams of one peer.
    pub(crate) streams_per_peer: usize,
    /// Bytes of incomplete frames of one peer.
    pub(crate) partial_per_peer: usize,
    /// Bytes per second sent in blocks, over all peers; 0 for no limit.
    pub(crate) upload: u64,
    /// Bytes per second received in blocks, over all peers; 0 for no limit.
    pub(crate) download: u64,
}
