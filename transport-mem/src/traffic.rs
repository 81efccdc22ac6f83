//! What a peer sent and got: the figures that cost ceilings are stated in.

/// Messages, bytes, rounds and blocks of one peer. Subtract two readings for what lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Announcements that it published.
    pub published: u64,
    /// Bytes of those.
    pub published_bytes: u64,
    /// Announcements that reached it for the first time.
    pub heard: u64,
    /// Bytes of those.
    pub heard_bytes: u64,
    /// Announcements that reached it again.
    pub heard_again: u64,
    /// Messages that it sent or passed on, copies counted.
    pub sent: u64,
    /// Bytes that it sent: announcements and their copies, requests, answers; what gets lost, too.
    pub sent_bytes: u64,
    /// Bytes that reached it, or are on their way to it.
    pub got_bytes: u64,
    /// Messages that got lost on their way to it.
    pub lost: u64,
    /// Messages that its links doubled on their way to it.
    pub doubled: u64,
    /// Calls of `fetch`: a pull's rounds.
    pub rounds: u64,
    /// Blocks that it asked for in them.
    pub wanted: u64,
    /// Requests that it sent to peers for that.
    pub asked: u64,
    /// Folder nodes that came.
    pub nodes: u64,
    /// Bytes of those.
    pub node_bytes: u64,
    /// Files that came.
    pub files: u64,
    /// Bytes of those.
    pub file_bytes: u64,
    /// Blocks that nobody gave.
    pub not_found: u64,
    /// Blocks that came and did not hash to their CID.
    pub wrong: u64,
    /// Blocks that it served.
    pub served: u64,
    /// Demerits that it gave.
    pub demerits: u64,
    /// Events that found no room in its queue.
    pub missed: u64,
}

/// Bytes that a CID takes in a request.
pub(crate) const CID_BYTES: u64 = 36;

impl Traffic {
    /// What healing cost beside the entries themselves: announcements, requests and folder nodes, in bytes.
    pub fn overhead(&self) -> u64 {
        self.heard_bytes + self.wanted * CID_BYTES + self.node_bytes
    }
}

impl std::ops::Sub for Traffic {
    type Output = Traffic;

    fn sub(self, before: Traffic) -> Traffic {
        Traffic {
            published: self.published - before.published,
            published_bytes: self.published_bytes - before.published_bytes,
            heard: self.heard - before.heard,
            heard_bytes: self.heard_bytes - before.heard_bytes,
            heard_again: self.heard_again - before.heard_again,
            sent: self.sent - before.sent,
            sent_bytes: self.sent_bytes - before.sent_bytes,
            got_bytes: self.got_bytes - before.got_bytes,
            lost: self.lost - before.lost,
            doubled: self.doubled - before.doubled,
            rounds: self.rounds - before.rounds,
            wanted: self.wanted - before.wanted,
            asked: self.asked - before.asked,
            nodes: self.nodes - before.nodes,
            node_bytes: self.node_bytes - before.node_bytes,
            files: self.files - before.files,
            file_bytes: self.file_bytes - before.file_bytes,
            not_found: self.not_found - before.not_found,
            wrong: self.wrong - before.wrong,
            served: self.served - before.served,
            demerits: self.demerits - before.demerits,
            missed: self.missed - before.missed,
        }
    }
}
