//! What the handle asks of the swarm.

use bytes::Bytes;
use cid::Cid;
use libp2p::Multiaddr;
use tidings_ledger::transport::{Channel, MessageId, Peer, Verdict};
use tokio::sync::oneshot;

use crate::error::DialError;

/// One request. The queue is unbounded as a channel: publishes and verdicts are counted and bounded by the handle,
/// the others are as many as the program's own calls.
pub(super) enum Command {
    Join(Channel),
    Leave(Channel),
    Publish(Channel, Bytes),
    Judge(MessageId, Verdict),
    Provide(Vec<Cid>),
    Dial(Multiaddr, oneshot::Sender<Result<Peer, DialError>>),
    Stop(oneshot::Sender<()>),
}
