//! The handle that a program holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use parking_lot::Mutex;
use tidings_ledger::Ledger;
use tidings_ledger::topic::TopicId;
use tidings_ledger::transport::{
    Blocks, Broadcast, Channel, Demerit, Events as EventsOut, Fetch, FetchStream, MessageId, Peer, PublishError,
    Verdict, Want,
};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::config::{Config, is_peer_address};
use crate::error::{DialError, StartError};
use crate::events::EventStream;
use crate::gossip::{self, Command};
use crate::pins::{self, Signal};
use crate::shared::Shared;
use crate::status::{DaemonStatus, PeerStatus, Status};
use crate::{blocks, daemon, discovery, supervise};

/// Folders that wait for the keeper of pins.
const SIGNALS: usize = 1024;

/// A ledger's two verbs over a Kubo daemon.
///
/// Dropping it ends all its work at once; [`KuboTransport::shutdown`] also waits for a supervised daemon to stop.
pub struct KuboTransport {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    messages: mpsc::Sender<(Channel, Bytes)>,
    wish: watch::Sender<Vec<Cid>>,
    folders: mpsc::Sender<Signal>,
    events: Mutex<Option<EventStream>>,
    tasks: Mutex<JoinSet<()>>,
    supervisor: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl KuboTransport {
    /// Begins to work with the daemon that the configuration names, on behalf of whoever holds `blocks`.
    ///
    /// The daemon need not be there: the transport waits for it, says so in its [`Status`], and catches up. Must be called
    /// within a tokio runtime, on which its tasks then run.
    pub async fn start(config: Config, blocks: Arc<dyn Blocks>) -> Result<Arc<KuboTransport>, StartError> {
        Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        config.check()?;
        let shared = Arc::new(Shared::new(config, blocks)?);
        let supervisor = supervise(&shared).await?;
        let (commands, commands_out) = mpsc::unbounded_channel();
        let (messages, messages_out) = mpsc::channel(shared.config.limits.publishes);
        let (wish, wish_out) = watch::channel(Vec::new());
        let (folders, folders_out) = mpsc::channel(SIGNALS);
        let mut tasks = JoinSet::new();
        tasks.spawn(daemon::watch(shared.clone()));
        tasks.spawn(gossip::subscribe(shared.clone(), commands_out));
        tasks.spawn(gossip::announce_gaps(shared.clone()));
        tasks.spawn(gossip::look_around(shared.clone()));
        tasks.spawn(gossip::publish(shared.clone(), messages_out));
        tasks.spawn(discovery::run(shared.clone()));
        tasks.spawn(pins::provide(shared.clone(), wish_out));
        tasks.spawn(pins::keep(shared.clone(), folders_out));
        let events = Mutex::new(Some(EventStream(shared.events.clone())));
        let (tasks, supervisor) = (Mutex::new(tasks), Mutex::new(supervisor));
        Ok(Arc::new(KuboTransport { shared, commands, messages, wish, folders, events, tasks, supervisor }))
    }

    /// Gives the daemon every folder of the ledger, now and whenever one changes, and pins it as [`Config::pins`] says. To
    /// be called once, after the ledger was opened; `network` is that of its options.
    pub fn keep(&self, ledger: &Ledger, network: [u8; 32]) {
        let catalog = self.shared.config.pins.catalog.then(|| TopicId::catalog(&network));
        self.tasks.lock().spawn(pins::list(ledger.clone(), catalog, self.folders.clone()));
    }

    /// Waits until the daemon answers, at most this long; says whether it does.
    pub async fn ready(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.shared.health.up()).await.is_ok()
    }

    /// The daemon, as others name it; empty until it first answered.
    pub fn peer(&self) -> Peer {
        Peer::new(self.shared.health.now().peer_id)
    }

    /// The daemon's addresses, each with its peer id: what another node dials.
    pub fn addresses(&self) -> Vec<String> {
        self.shared.health.now().addresses
    }

    /// How the daemon is doing, who is connected, what was moved, what was dropped.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let (state, now) = (shared.health.now(), Instant::now());
        let daemon = DaemonStatus {
            api: shared.rpc.shown(),
            up: state.up,
            since_seconds: now.saturating_duration_since(state.since).as_secs(),
            peer_id: state.peer_id,
            agent: state.agent,
            addresses: state.addresses,
            error: state.error,
            breaker_opened: shared.rpc.breaker.times_opened(),
            process: shared.watched.status(),
        };
        let peers = shared.presence.connected().into_iter().map(|(peer, address)| PeerStatus {
            demerits: shared.standing.points(&peer, now),
            peer_id: peer.as_str().to_owned(),
            address,
        });
        Status {
            daemon,
            peers: peers.collect(),
            channels: shared.presence.channels(),
            pins: shared.pins.status(),
            counters: shared.counters.snapshot(),
        }
    }

    /// Lets the daemon connect with a peer, by an address that ends in `/p2p/<peer id>`; returns its name.
    pub async fn dial(&self, address: &str) -> Result<Peer, DialError> {
        if !is_peer_address(address) {
            return Err(DialError::Address(address.to_owned()));
        }
        let failed = |reason: String| DialError::Failed { address: address.to_owned(), reason };
        self.shared.connect(address).await.map_err(|error| failed(error.to_string()))?;
        Ok(Peer::new(address.rsplit('/').next().unwrap_or_default()))
    }

    /// Ends all work, and stops the daemon if this node started it; returns when that is done.
    pub async fn shutdown(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.shared.events.close();
        let supervisor = self.supervisor.lock().take();
        if let Some((stop, task)) = supervisor {
            // An error means that it has ended by itself.
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}

async fn supervise(shared: &Arc<Shared>) -> Result<Option<(oneshot::Sender<()>, JoinHandle<()>)>, StartError> {
    let Some(config) = shared.config.supervise.clone() else { return Ok(None) };
    let process = supervise::begin(shared, &config).await?;
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(supervise::run(shared.clone(), config, process, stopped));
    Ok(Some((stop, task)))
}

impl Broadcast for KuboTransport {
    fn join(&self, channel: Channel) {
        // An error means that the transport has stopped; there is nothing to join then.
        let _ = self.commands.send(Command::Join(channel));
    }

    fn leave(&self, channel: Channel) {
        let _ = self.commands.send(Command::Leave(channel));
    }

    fn publish(&self, channel: Channel, message: Bytes) -> Result<(), PublishError> {
        let limit = self.shared.config.limits.message;
        if message.len() > limit {
            return Err(PublishError::TooLarge { len: message.len(), limit });
        }
        self.messages.try_send((channel, message)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PublishError::Full,
            mpsc::error::TrySendError::Closed(_) => PublishError::Closed,
        })
    }

    /// The daemon has passed the message on long ago: what is left is to remember who sent rubbish.
    fn judge(&self, message: MessageId, verdict: Verdict) {
        let sender = gossip::sender(&message).filter(|_| verdict == Verdict::Reject);
        if let Some(peer) = sender.filter(|peer| !self.shared.health.is_me(peer.as_str())) {
            self.note(self.shared.standing.rejected(&peer, Instant::now()));
        }
    }

    fn events(&self) -> EventsOut {
        match self.events.lock().take() {
            Some(events) => events.boxed(),
            None => futures::stream::empty().boxed(),
        }
    }
}

impl Fetch for KuboTransport {
    fn fetch(&self, want: Want) -> FetchStream {
        blocks::fetch(self.shared.clone(), want).boxed()
    }

    fn demerit(&self, peer: &Peer, demerit: Demerit) {
        // The daemon that all blocks come through is not to blame for what is in them.
        if !self.shared.health.is_me(peer.as_str()) {
            self.note(self.shared.standing.demerit(peer, demerit, Instant::now()));
        }
    }

    fn provide(&self, roots: Vec<Cid>) {
        self.wish.send_replace(roots);
    }
}

impl KuboTransport {
    fn note(&self, is_refused_now: bool) {
        self.shared.counters.demerits.add(1);
        self.shared.counters.peers_refused.add(u64::from(is_refused_now));
    }
}

impl Drop for KuboTransport {
    fn drop(&mut self) {
        self.shared.events.close();
        if let Some((_, task)) = self.supervisor.lock().take() {
            // Its process is killed with it.
            task.abort();
        }
    }
}
