//! The swarm's part: tells the exchange who is connected, and passes on its wishes for streams.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;

use super::exchange::Exchange;
use super::handler::{Handler, OpenReply};
use super::link::Link;

/// A wish for an outbound stream. Each peer has at most one outstanding, so their number is that of the peers.
pub(crate) struct OpenRequest {
    pub(crate) peer: PeerId,
    pub(crate) reply: OpenReply,
}

/// Bitswap as a libp2p behaviour.
pub(crate) struct Behaviour {
    exchange: Arc<Exchange>,
    requests: mpsc::UnboundedReceiver<OpenRequest>,
    /// Connected peers, also those whose connection is still being confirmed.
    links: HashMap<PeerId, (Arc<Link>, usize)>,
}

impl Behaviour {
    pub(crate) fn new(exchange: Arc<Exchange>, requests: mpsc::UnboundedReceiver<OpenRequest>) -> Self {
        Behaviour { exchange, requests, links: HashMap::new() }
    }

    fn handler(&mut self, peer: PeerId) -> Handler {
        let (link, _) = self.links.entry(peer).or_insert_with(|| (Arc::new(Link::new(peer)), 0));
        Handler::new(self.exchange.clone(), link.clone())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(established) => {
                let (link, connections) = self
                    .links
                    .entry(established.peer_id)
                    .or_insert_with(|| (Arc::new(Link::new(established.peer_id)), 0));
                *connections += 1;
                if *connections == 1 {
                    self.exchange.connected(link);
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, remaining_established: 0, .. }) => {
                if let Some((link, _)) = self.links.remove(&peer_id) {
                    self.exchange.disconnected(&link);
                }
            }
            FromSwarm::ListenFailure(_) | FromSwarm::DialFailure(_) => {
                // A connection that another behaviour denied after it got its handler here.
                self.links.retain(|_, (_, connections)| *connections > 0);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        loop {
            match self.requests.poll_recv(cx) {
                Poll::Ready(Some(request)) if self.links.get(&request.peer).is_some_and(|(_, n)| *n > 0) => {
                    return Poll::Ready(ToSwarm::NotifyHandler {
                        peer_id: request.peer,
                        handler: NotifyHandler::Any,
                        event: request.reply,
                    });
                }
                // Not connected any more: dropping the reply says so.
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
