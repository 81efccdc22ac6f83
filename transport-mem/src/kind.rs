//! What kinds of messages travel over a connection.

/// A kind of message. Faults can be set for each by itself, see [`Link::losing_of`](crate::Link::losing_of).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A published message, whole.
    Announcement,
    /// What keeps the gossip mesh: GRAFT, PRUNE, IHAVE, IWANT.
    Control,
    /// "I listen on this channel", or no longer do.
    Subscription,
    /// A request for blocks.
    Request,
    /// Blocks, or "I do not have them".
    Answer,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Announcement, Kind::Control, Kind::Subscription, Kind::Request, Kind::Answer];
}
