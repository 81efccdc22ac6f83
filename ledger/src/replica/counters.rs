//! What a replica counts.

use serde::Serialize;

use crate::admission::Refusal;

/// Counters since the replica was opened. Everything that is dropped is in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// Entries taken in.
    pub entries: u64,
    /// Entries that were known already.
    pub known: u64,
    /// Entries refused.
    pub refused: u64,
    /// Entries from the future that found no room.
    pub deferred_dropped: u64,
    /// Announcements published.
    pub announced: u64,
    /// Announcements heard.
    pub heard: u64,
    /// Announcements heard that told nothing new.
    pub heard_same: u64,
    /// Announcements that were not passed on because nobody learns anything from them.
    pub heard_enough: u64,
    /// Announcements in a later version of the format. Some of the network is newer than this program.
    pub heard_newer: u64,
    /// Pulls begun.
    pub pulls: u64,
    /// Pulls given up because of what they found.
    pub pulls_given_up: u64,
    /// Requests of finished pulls.
    pub rounds: u64,
    /// Tree nodes fetched.
    pub nodes_fetched: u64,
    /// Bytes of those.
    pub node_bytes: u64,
    /// Blocks that nobody had.
    pub missing: u64,
    /// Demerits given.
    pub demerits: u64,
    /// Channels that were not joined for others because of the limit.
    pub channels_refused: u64,
    /// Times that the transport may have lost announcements.
    pub missed: u64,
}

impl Counters {
    pub(super) fn count(&mut self, result: &Result<bool, Refusal>) {
        match result {
            Ok(true) => self.entries += 1,
            Ok(false) => self.known += 1,
            Err(_) => self.refused += 1,
        }
    }
}
