//! Why a call to the daemon failed.

use std::time::Duration;

/// What became of a call. The variants tell whose fault it was, for that decides what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RpcError {
    /// The call was not made: the daemon failed too often of late, and is being probed.
    #[error("not asked: the daemon does not answer at present")]
    Down,
    /// No connection, or it broke before an answer began.
    #[error("cannot reach the daemon: {0}")]
    Unreachable(String),
    /// Nothing came for too long.
    #[error("{command} had no answer within {after:?}")]
    Timeout {
        /// The command.
        command: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    Cut(String),
    /// The daemon answered and said no.
    #[error("the daemon refused: {message} (status {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The daemon's words, cut short.
        message: String,
    },
    /// The answer is longer than any honest one.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that was to be read.
        limit: usize,
    },
    /// The answer is not what the API describes.
    #[error("the answer is not understood: {0}")]
    Malformed(String),
}

impl RpcError {
    /// Whether the daemon itself seems to be in trouble, rather than this one question.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            RpcError::Down | RpcError::Unreachable(_) | RpcError::Timeout { .. } | RpcError::Cut(_) => true,
            // What a proxy says whose daemon is away.
            RpcError::Refused { status, .. } => matches!(status, 502..=504),
            RpcError::TooLarge { .. } | RpcError::Malformed(_) => false,
        }
    }

    /// Whether the daemon does not know the command or turns this client away; asking again is of no use.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self, RpcError::Refused { status: 401 | 403 | 404 | 405, .. })
    }

    /// Whether the daemon refused with these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        matches!(self, RpcError::Refused { message, .. } if message.contains(words))
    }
}
