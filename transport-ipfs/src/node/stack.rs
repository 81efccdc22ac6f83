//! The protocols a node speaks, put together.

use std::sync::Arc;
use std::time::Duration;

use libp2p::connection_limits::ConnectionLimits;
use libp2p::identity::Keypair;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, allow_block_list, autonat, connection_limits, dcutr, identify, kad, mdns,
    memory_connection_limits, ping, relay,
};
use tokio::sync::mpsc;

use super::gossip::{self, Gossip};
use crate::bitswap::{self, Exchange, OpenRequest};
use crate::config::{Config, KadMode};
use crate::error::StartError;

/// Name and version that a node tells its peers; what begins with [`AGENT_NAME`] is this software.
pub(super) const AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));
/// How the agent of this software begins.
pub(super) const AGENT_NAME: &str = "tidings/";

/// Every protocol.
#[derive(NetworkBehaviour)]
pub(super) struct Stack {
    pub(super) refused: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) limits: connection_limits::Behaviour,
    pub(super) memory: Toggle<memory_connection_limits::Behaviour>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) gossip: Gossip,
    pub(super) bitswap: bitswap::Behaviour,
    pub(super) lan: Toggle<kad::Behaviour<MemoryStore>>,
    pub(super) wan: Toggle<kad::Behaviour<MemoryStore>>,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
    pub(super) relay: relay::client::Behaviour,
    pub(super) dcutr: Toggle<dcutr::Behaviour>,
    pub(super) autonat: Toggle<autonat::v2::client::Behaviour>,
    pub(super) autonat_server: Toggle<autonat::v2::server::Behaviour>,
}

/// Builds all of them.
pub(super) fn build(
    key: &Keypair,
    config: &Config,
    exchange: Arc<Exchange>,
    requests: mpsc::UnboundedReceiver<OpenRequest>,
    relay: relay::client::Behaviour,
) -> Result<Stack, StartError> {
    let me = key.public().to_peer_id();
    let limits = &config.limits;
    let identify = identify::Config::new("ipfs/0.1.0".to_owned(), key.public())
        .with_agent_version(AGENT.to_owned())
        .with_push_listen_addr_updates(true);
    let memory = (limits.memory > 0).then(|| memory_connection_limits::Behaviour::with_max_bytes(limits.memory));
    let mdns =
        match config.mdns {
            true => Some(mdns::tokio::Behaviour::new(mdns::Config::default(), me).map_err(|error| {
                StartError::Stack(format!("multicast DNS: {error}; set mdns = false to do without"))
            })?),
            false => None,
        };
    Ok(Stack {
        refused: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(
            ConnectionLimits::default()
                .with_max_pending_incoming(Some(limits.pending_connections))
                .with_max_pending_outgoing(Some(limits.pending_connections))
                .with_max_established(Some(limits.connections))
                .with_max_established_per_peer(Some(limits.connections_per_peer)),
        ),
        memory: memory.into(),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(15))),
        gossip: gossip::build(key, &config.gossip)?,
        bitswap: bitswap::Behaviour::new(exchange, requests),
        lan: kademlia(me, "/ipfs/lan/kad/1.0.0", config.kad, true).into(),
        wan: kademlia(me, "/ipfs/kad/1.0.0", config.kad, false).into(),
        mdns: mdns.into(),
        relay,
        dcutr: config.nat.then(|| dcutr::Behaviour::new(me)).into(),
        autonat: config.nat.then(autonat::v2::client::Behaviour::default).into(),
        autonat_server: config.nat.then(autonat::v2::server::Behaviour::default).into(),
    })
}

/// One of the two tables: the public one, and that of the local network, as in Kubo.
fn kademlia(me: PeerId, protocol: &'static str, mode: KadMode, lan: bool) -> Option<kad::Behaviour<MemoryStore>> {
    let mode = match mode {
        KadMode::Off => return None,
        KadMode::Client => kad::Mode::Client,
        KadMode::Server => kad::Mode::Server,
        // The public one becomes a server when an address of ours is known to be reachable.
        KadMode::Auto if lan => kad::Mode::Server,
        KadMode::Auto => kad::Mode::Client,
    };
    let mut config = kad::Config::new(StreamProtocol::new(protocol));
    config
        .set_query_timeout(Duration::from_secs(20))
        // Records are renewed by `discovery`, within a budget.
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None);
    // A network's members are all providers of one key: the usual twenty would hide most of them. Of other records we
    // keep a few for the public good.
    let store = MemoryStoreConfig {
        max_providers_per_key: 256,
        max_provided_keys: 4096,
        max_records: 256,
        ..Default::default()
    };
    let mut kad = kad::Behaviour::with_config(me, MemoryStore::with_config(me, store), config);
    kad.set_mode(Some(mode));
    Some(kad)
}
