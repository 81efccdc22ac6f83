//! The handle that a program holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use parking_lot::Mutex;
use tidings_ledger::transport::{
    Blocks, Broadcast, Channel, Demerit, Events, Fetch, FetchStream, MessageId, Peer, PublishError, Verdict, Want,
};
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::shared::Shared;
use super::start;
use crate::bitswap::Exchange;
use crate::config::Config;
use crate::error::{DialError, StartError};
use crate::events::EventStream;
use crate::identity::Identity;
use crate::standing::Offence;
use crate::status::Status;

/// Verdicts that may wait: more than messages can be, by the queue of events.
const MAX_VERDICTS: usize = 65_536;

/// A running node: [`Broadcast`] and [`Fetch`] over libp2p.
///
/// Dropping it stops the node at once; [`IpfsTransport::shutdown`] lets it say goodbye.
pub struct IpfsTransport {
    shared: Arc<Shared>,
    exchange: Arc<Exchange>,
    commands: mpsc::UnboundedSender<Command>,
    events: Mutex<Option<EventStream>>,
    max_message: usize,
    max_publishes: usize,
}

impl IpfsTransport {
    /// Starts a node that serves `blocks`; returns once it listens on every configured address.
    ///
    /// Must be called within a tokio runtime, on which the node's tasks then run.
    pub async fn start(
        config: Config,
        identity: Identity,
        blocks: Arc<dyn Blocks>,
    ) -> Result<Arc<IpfsTransport>, StartError> {
        let (max_message, max_publishes) = (config.gossip.max_message, config.limits.publishes);
        let started = start::start(config, identity, blocks).await?;
        Ok(Arc::new(IpfsTransport {
            shared: started.shared,
            exchange: started.exchange,
            commands: started.commands,
            events: Mutex::new(Some(started.events)),
            max_message,
            max_publishes,
        }))
    }

    /// This node, as others name it.
    pub fn peer(&self) -> Peer {
        Peer::new(self.shared.me.to_base58())
    }

    /// The addresses listened on, each with the peer id: what another node dials.
    pub fn addresses(&self) -> Vec<String> {
        let listen = self.shared.listen.lock();
        listen.iter().map(|address| address.clone().with(Protocol::P2p(self.shared.me)).to_string()).collect()
    }

    /// Who is connected, what was moved, what was dropped.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        Status {
            peer_id: shared.me.to_base58(),
            listen: self.addresses(),
            external: shared.external.lock().iter().map(Multiaddr::to_string).collect(),
            peers: shared.peers.lock().status(&shared.standing, Instant::now()),
            counters: shared.counters.snapshot(),
        }
    }

    /// Connects to a peer and returns its name. An address without `/p2p/…` takes whoever answers there.
    pub async fn dial(&self, address: &str) -> Result<Peer, DialError> {
        let parsed: Multiaddr = address.parse().map_err(|_| DialError::Address(address.to_owned()))?;
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Dial(parsed, reply)).map_err(|_| DialError::Closed)?;
        answer.await.map_err(|_| DialError::Closed)?
    }

    /// Stops: ends every fetch, leaves every channel, closes connections; returns when that is done.
    pub async fn shutdown(&self) {
        self.exchange.close();
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Stop(reply)).is_ok() {
            // An error means that it has stopped already.
            let _ = done.await;
        }
    }

    fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Relaxed)
    }
}

impl Broadcast for IpfsTransport {
    fn join(&self, channel: Channel) {
        // An error means that the node has stopped; there is nothing to join then.
        let _ = self.commands.send(Command::Join(channel));
    }

    fn leave(&self, channel: Channel) {
        let _ = self.commands.send(Command::Leave(channel));
    }

    fn publish(&self, channel: Channel, message: Bytes) -> Result<(), PublishError> {
        if message.len() > self.max_message {
            return Err(PublishError::TooLarge { len: message.len(), limit: self.max_message });
        }
        if self.is_stopped() {
            return Err(PublishError::Closed);
        }
        if !book(&self.shared.publishes, self.max_publishes) {
            return Err(PublishError::Full);
        }
        self.commands.send(Command::Publish(channel, message)).map_err(|_| PublishError::Closed)
    }

    fn judge(&self, message: MessageId, verdict: Verdict) {
        if !book(&self.shared.verdicts, MAX_VERDICTS) {
            self.shared.counters.verdicts_dropped.add(1);
            return;
        }
        let _ = self.commands.send(Command::Judge(message, verdict));
    }

    fn events(&self) -> Events {
        match self.events.lock().take() {
            Some(events) => events.boxed(),
            None => futures::stream::empty().boxed(),
        }
    }
}

impl Fetch for IpfsTransport {
    fn fetch(&self, want: Want) -> FetchStream {
        self.exchange.fetch(want).boxed()
    }

    fn demerit(&self, peer: &Peer, demerit: Demerit) {
        let Ok(id) = peer.as_str().parse() else { return };
        // Who is out of reach withheld nothing: an announcement travels farther than a connection.
        if demerit != Demerit::Withheld || self.exchange.reaches(&id) {
            self.exchange.offence(id, Offence::Told(demerit));
        }
    }

    fn provide(&self, roots: Vec<Cid>) {
        self.exchange.arrived(&roots);
        let _ = self.commands.send(Command::Provide(roots));
    }
}

impl Drop for IpfsTransport {
    fn drop(&mut self) {
        self.exchange.close();
    }
}

/// Takes a place in a queue of limited length.
fn book(taken: &AtomicUsize, limit: usize) -> bool {
    let booked = taken.fetch_add(1, Ordering::Relaxed) < limit;
    if !booked {
        taken.fetch_sub(1, Ordering::Relaxed);
    }
    booked
}
