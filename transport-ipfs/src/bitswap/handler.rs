//! One connection's part: accepts streams and opens them; what is said on them is others' business.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::swarm::handler::{
    ConnectionEvent, ConnectionHandler, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
    ProtocolsChange,
};
use libp2p::swarm::{ConnectionHandlerEvent, Stream, StreamUpgradeError, SubstreamProtocol};
use tokio::sync::oneshot;

use super::exchange::Exchange;
use super::link::Link;
use super::upgrade::Upgrade;
use super::version::Version;

/// Why no stream could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// The peer does not speak Bitswap.
    #[error("the peer does not speak bitswap")]
    Unsupported,
    /// The connection broke, or the negotiation did.
    #[error("the connection broke")]
    Broken,
}

/// Where an opened stream goes.
pub(crate) type OpenReply = oneshot::Sender<Result<(Stream, Version), OpenError>>;

/// Handler of one connection.
pub(crate) struct Handler {
    exchange: Arc<Exchange>,
    link: Arc<Link>,
    /// Asked for, not yet requested from the connection.
    to_open: VecDeque<OpenReply>,
    waker: Option<Waker>,
}

impl Handler {
    pub(crate) fn new(exchange: Arc<Exchange>, link: Arc<Link>) -> Self {
        Handler { exchange, link, to_open: VecDeque::new(), waker: None }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = OpenReply;
    type ToBehaviour = Infallible;
    type InboundProtocol = Upgrade;
    type OutboundProtocol = Upgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = OpenReply;

    fn listen_protocol(&self) -> SubstreamProtocol<Upgrade> {
        SubstreamProtocol::new(Upgrade, ())
    }

    fn on_behaviour_event(&mut self, reply: OpenReply) {
        self.to_open.push_back(reply);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Upgrade, OpenReply, Infallible>> {
        match self.to_open.pop_front() {
            Some(reply) => Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Upgrade, reply),
            }),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Upgrade, Upgrade, (), OpenReply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: (stream, version), .. }) => {
                Exchange::accept(&self.exchange, &self.link, stream, version);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info: reply }) => {
                // Nobody waits any more: the stream is dropped.
                let _ = reply.send(Ok(protocol));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    _ => OpenError::Broken,
                };
                let _ = reply.send(Err(error));
            }
            ConnectionEvent::RemoteProtocolsChange(ProtocolsChange::Added(protocols)) => {
                if let Some(version) = protocols.filter_map(Version::of).max() {
                    self.exchange.speaks(&self.link, version);
                }
            }
            _ => {}
        }
    }
}
