//! Broadcast: short messages to everyone who listens on a channel.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::Peer;
use crate::topic::TopicId;

/// Publishes to channels and receives from them.
///
/// Every method returns at once; work is queued inside the transport, in queues of fixed size.
pub trait Broadcast: Send + Sync + 'static {
    /// Starts to receive the channel's messages. Joining twice is joining once.
    fn join(&self, channel: Channel);

    /// Stops receiving. Leaving a channel that was not joined does nothing.
    fn leave(&self, channel: Channel);

    /// Hands a message to the network. `Ok` means that it was taken, not that anybody heard it; having no peer on the
    /// channel is not an error.
    fn publish(&self, channel: Channel, message: Bytes) -> Result<(), PublishError>;

    /// Says what a received message was worth. Until then the transport does not forward it (gossipsub's
    /// asynchronous validation); a [`Verdict::Reject`] costs its sender score.
    fn judge(&self, message: MessageId, verdict: Verdict);

    /// The one stream of events. The first call takes it; later calls get a stream that ends at once.
    ///
    /// The queue behind it is bounded. When the reader is too slow, messages are dropped and an [`Event::Missed`] is
    /// delivered in their place.
    fn events(&self) -> Events;
}

/// The stream that [`Broadcast::events`] gives.
pub type Events = BoxStream<'static, Event>;

/// What a transport reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message arrived on a joined channel. It must be answered with [`Broadcast::judge`].
    Message {
        /// Where.
        channel: Channel,
        /// Who published it (the signer, who need not be who passed it on).
        from: Peer,
        /// The handle for the verdict.
        id: MessageId,
        /// The announcement's bytes, unchecked.
        data: Bytes,
    },
    /// A connected peer began to listen on a channel, joined here or not.
    Subscribed {
        /// Where.
        channel: Channel,
        /// Who.
        peer: Peer,
    },
    /// A peer stopped listening on a channel.
    Unsubscribed {
        /// Where.
        channel: Channel,
        /// Who.
        peer: Peer,
    },
    /// A peer can be asked for blocks from now on.
    Connected {
        /// Who.
        peer: Peer,
    },
    /// The peer is gone.
    Disconnected {
        /// Who.
        peer: Peer,
    },
    /// Messages may have been lost (a full queue, a subscription that broke and came back).
    Missed {
        /// How many were dropped, when that is known.
        dropped: Option<u64>,
    },
}

/// A gossip channel: `/tidings/1/<topic id in hex>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(TopicId);

impl Channel {
    const PREFIX: &'static str = "/tidings/1/";

    /// The channel of a topic (or of a network's catalog).
    pub const fn new(topic: TopicId) -> Self {
        Channel(topic)
    }

    /// The topic that this channel tells of.
    pub const fn topic(&self) -> TopicId {
        self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let hex = text.strip_prefix(Self::PREFIX).ok_or(ChannelError)?;
        hex.parse().map(Channel).map_err(|_| ChannelError)
    }
}

/// The text is not `/tidings/1/<64 hex digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Tidings channel: expected /tidings/1/ and 64 lower-case hex digits")]
pub struct ChannelError;

/// The transport's handle of one received message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(pub Bytes);

/// What a received message was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Valid: pass it on.
    Accept,
    /// Nothing wrong, nothing to pass on (old news, or not ours to judge).
    Ignore,
    /// Invalid: drop it and hold it against its sender.
    Reject,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Larger than the transport carries.
    #[error("message of {len} bytes is larger than the transport's limit of {limit}")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The most that is carried, in bytes.
        limit: usize,
    },
    /// The outgoing queue is full; the news will go out with the next announcement.
    #[error("the transport's outgoing queue is full")]
    Full,
    /// The transport has stopped.
    #[error("the transport has stopped")]
    Closed,
}
