//! What the handle and all tasks share.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use tidings_ledger::transport::{Blocks, Channel, Peer};
use tokio::sync::{Notify, Semaphore};

use crate::blocks::Shelf;
use crate::config::Config;
use crate::counters::Counters;
use crate::daemon::Health;
use crate::error::StartError;
use crate::events::Events;
use crate::gossip::{Echoes, Presence};
use crate::pins::PinBoard;
use crate::rpc::{Address, Call, Rpc, RpcError};
use crate::standing::Standing;
use crate::supervise::Watched;

/// Peers that were asked for lately are not looked for again so soon.
const INTRODUCED: usize = 512;
/// For so long.
const INTRODUCTION: std::time::Duration = std::time::Duration::from_secs(30);
/// Introductions under way.
const INTRODUCING: usize = 8;

/// State that all may look at.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) rpc: Rpc,
    pub(crate) health: Health,
    pub(crate) counters: Arc<Counters>,
    pub(crate) standing: Standing,
    pub(crate) events: Arc<Events>,
    /// Told when a subscription broke and is back.
    pub(crate) gap: Notify,
    pub(crate) echoes: Echoes,
    pub(crate) presence: Presence,
    pub(crate) shelf: Shelf,
    pub(crate) pins: PinBoard,
    /// Fetches that may be under way, of all sessions.
    pub(crate) fetches: Arc<Semaphore>,
    /// The supervised daemon.
    pub(crate) watched: Watched,
    introduced: Mutex<LruCache<Peer, Instant>>,
    introducing: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(config: Config, blocks: Arc<dyn Blocks>) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        let address = Address::parse(&config.api, &config.secret)?;
        Ok(Shared {
            rpc: Rpc::new(address, counters.clone())?,
            health: Health::new(Instant::now()),
            standing: Standing::default(),
            events: Arc::new(Events::new(config.limits.events, counters.clone())),
            gap: Notify::new(),
            echoes: Echoes::default(),
            presence: Presence::default(),
            shelf: Shelf::new(blocks),
            pins: PinBoard::open(&config.pins)?,
            // More than one session may ask for, so that blocks nobody has do not hold up the others.
            fetches: Arc::new(Semaphore::new(config.limits.fetches.saturating_mul(4))),
            watched: Watched::default(),
            introduced: Mutex::new(LruCache::new(NonZeroUsize::new(INTRODUCED).unwrap_or(NonZeroUsize::MIN))),
            introducing: Arc::new(Semaphore::new(INTRODUCING)),
            counters,
            config,
        })
    }

    /// Publishes a message.
    pub(crate) async fn publish(&self, channel: Channel, message: Bytes) -> Result<(), RpcError> {
        let topic = crate::rpc::encode(channel.to_string().as_bytes());
        let call = Call::new("pubsub/pub", self.config.times.call).arg(topic).file(message.clone());
        self.echoes.expect(channel, &message);
        match self.rpc.bytes(call).await {
            Ok(_) => Ok(()),
            // js-ipfs says so where nobody listens; that is no failure.
            Err(error) if error.says("InsufficientPeers") || error.says("NoPeersSubscribedToTopic") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Connects with a peer.
    pub(crate) async fn connect(&self, address: &str) -> Result<(), RpcError> {
        self.rpc
            .bytes(Call::new("swarm/connect", self.config.times.call).arg(address).waits_for_others())
            .await
            .map(drop)
    }

    /// Connects with peers that should have something, unless that was tried lately. Best effort: the daemon finds blocks
    /// without it, only later.
    pub(crate) fn introduce(self: &Arc<Self>, peers: &[Peer]) {
        let now = Instant::now();
        for peer in peers {
            let known = !crate::config::is_peer_id(peer.as_str())
                || self.health.is_me(peer.as_str())
                || self.presence.is_connected(peer);
            if known || !self.is_due(peer, now) {
                continue;
            }
            let Ok(place) = self.introducing.clone().try_acquire_owned() else { return };
            let (shared, peer) = (self.clone(), peer.clone());
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = shared.connect(&format!("/p2p/{peer}")).await {
                    tracing::debug!(%peer, %error, "not connected");
                }
            });
        }
    }

    fn is_due(&self, peer: &Peer, now: Instant) -> bool {
        let mut introduced = self.introduced.lock();
        let recent = introduced.get(peer).is_some_and(|at| now.saturating_duration_since(*at) < INTRODUCTION);
        if !recent {
            introduced.put(peer.clone(), now);
        }
        !recent
    }
}
