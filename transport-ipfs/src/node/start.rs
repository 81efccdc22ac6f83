//! Starting: build the stack, listen everywhere, hand the swarm to a task.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::transport::TransportError;
use libp2p::core::upgrade;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{self, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;
use tidings_ledger::transport::Blocks;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::command::Command;
use super::peers::Peers;
use super::run::Node;
use super::shared::Shared;
use super::stack::{Stack, StackEvent};
use super::{carrier, reach, stack};
use crate::bitswap::{Exchange, Limits, Parts, Windows};
use crate::config::Config;
use crate::counters::Counters;
use crate::error::StartError;
use crate::events::{self, EventStream};
use crate::identity::Identity;
use crate::standing::Standing;

/// Wishes of the exchange that may wait.
const WISHES: usize = 256;
/// How long a listener may take to say its address.
const LISTEN_TIME: Duration = Duration::from_secs(10);

/// What the handle is made of.
pub(super) struct Started {
    pub(super) shared: Arc<Shared>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) events: EventStream,
}

/// Starts a node.
pub(super) async fn start(
    mut config: Config,
    identity: Identity,
    blocks: Arc<dyn Blocks>,
) -> Result<Started, StartError> {
    let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
    check(&config)?;
    config.nat &= !config.listen.iter().all(reach::is_loopback);
    let counters = Arc::new(Counters::default());
    let standing = Arc::new(Standing::default());
    let (opener, requests) = mpsc::unbounded_channel();
    let (wishes, wishes_out) = mpsc::channel(WISHES);
    let (carrier, relay) = carrier::build(identity.keypair(), &counters)?;
    let exchange = Exchange::start(Parts {
        runtime: runtime.clone(),
        blocks,
        limits: limits(&config),
        counters: counters.clone(),
        standing: standing.clone(),
        opener,
        wishes,
    });
    let stack = stack::build(identity.keypair(), &config, exchange.clone(), requests, relay)?;
    let settings = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_secs(config.limits.idle_seconds))
        .with_substream_upgrade_protocol_override(upgrade::Version::V1Lazy);
    let mut swarm = Swarm::new(carrier, stack, identity.id(), settings);
    let (listen, backlog) = match listen(&mut swarm, &config.listen).await {
        Ok(listen) => listen,
        Err(error) => {
            exchange.close();
            return Err(error);
        }
    };
    let shared = Arc::new(shared(identity.id(), counters.clone(), standing, listen));
    let (sink, events) = events::channel(config.limits.events, counters);
    let (commands, commands_out) = mpsc::unbounded_channel();
    let node = Node::new(swarm, config, shared.clone(), exchange.clone(), sink);
    runtime.spawn(node.run(backlog, commands_out, wishes_out));
    Ok(Started { shared, exchange, commands, events })
}

fn shared(me: PeerId, counters: Arc<Counters>, standing: Arc<Standing>, listen: Vec<Multiaddr>) -> Shared {
    Shared {
        me,
        counters,
        standing,
        peers: Mutex::new(Peers::default()),
        listen: Mutex::new(listen),
        external: Mutex::default(),
        publishes: AtomicUsize::new(0),
        verdicts: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
    }
}

/// Events that came before the node was ready for them.
type Backlog = Vec<SwarmEvent<StackEvent>>;

/// Listens on every address; returns the real ones once each listener has told at least one.
async fn listen(swarm: &mut Swarm<Stack>, addresses: &[Multiaddr]) -> Result<(Vec<Multiaddr>, Backlog), StartError> {
    let mut waiting = HashSet::new();
    for address in addresses {
        if is_taken(address) {
            return Err(StartError::PortInUse { address: address.clone() });
        }
        let id = swarm.listen_on(address.clone()).map_err(|error| refused(address, error))?;
        // A place on a relay may take its time, or never come.
        if !is_relayed(address) {
            waiting.insert(id);
        }
    }
    let (mut found, mut backlog) = (Vec::new(), Backlog::new());
    let told = tokio::time::timeout(LISTEN_TIME, async {
        while !waiting.is_empty() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, address } => {
                    waiting.remove(&listener_id);
                    found.push(address);
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } if waiting.contains(&listener_id) => {
                    let reason = reason.err().map_or_else(|| "the listener closed".to_owned(), |e| e.to_string());
                    return Err(StartError::Stack(reason));
                }
                // Others may dial in already.
                event => backlog.push(event),
            }
        }
        Ok(())
    });
    match told.await {
        Ok(Ok(())) => Ok((found, backlog)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(StartError::Stack("an address to listen on did not become ready".to_owned())),
    }
}

/// Whether another socket has the port. libp2p's TCP listens with SO_REUSEPORT, so that two nodes would share a port and
/// each get half of the connections; and what QUIC says of a port in use is lost among wrapped errors. A plain socket
/// tells.
fn is_taken(address: &Multiaddr) -> bool {
    if is_relayed(address) {
        // The port is the relay's.
        return false;
    }
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return false,
    };
    let bound = match parts.next() {
        Some(Protocol::Tcp(port @ 1..)) => TcpListener::bind((ip, port)).map(drop),
        Some(Protocol::Udp(port @ 1..)) => UdpSocket::bind((ip, port)).map(drop),
        _ => return false,
    };
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

fn refused(address: &Multiaddr, error: TransportError<io::Error>) -> StartError {
    let address = address.clone();
    match error {
        TransportError::MultiaddrNotSupported(_) => StartError::Listen {
            address,
            reason: "no transport for this kind of address; expected …/tcp/<port>, …/udp/<port>/quic-v1 or \
                     …/tcp/<port>/ws"
                .to_owned(),
        },
        TransportError::Other(error) if error.kind() == io::ErrorKind::AddrInUse => StartError::PortInUse { address },
        TransportError::Other(error) => StartError::Listen { address, reason: error.to_string() },
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    let fault = |text: &str| Err(StartError::Config(text.to_owned()));
    if !(1..=3 * 1024 * 1024).contains(&config.bitswap.max_block) {
        return fault("bitswap.max_block must be between 1 and 3145728 bytes: messages hold 4 MiB");
    }
    if config.bitswap.window == 0 || config.bitswap.window_kin == 0 || config.bitswap.window_bytes == 0 {
        return fault("bitswap.window, window_kin and window_bytes must be at least 1");
    }
    if config.bitswap.reads == 0 || config.bitswap.serving < 4 * 1024 * 1024 {
        return fault("bitswap.reads must be at least 1, and bitswap.serving at least 4194304 bytes");
    }
    if !(100..=1_000_000).contains(&config.gossip.max_message) {
        return fault("gossip.max_message must be between 100 and 1000000 bytes");
    }
    if !(100..=60_000).contains(&config.gossip.heartbeat_ms) {
        return fault("gossip.heartbeat_ms must be between 100 and 60000");
    }
    Ok(())
}

fn limits(config: &Config) -> Limits {
    let bitswap = &config.bitswap;
    Limits {
        windows: Windows { wants: bitswap.window, wants_kin: bitswap.window_kin, bytes: bitswap.window_bytes },
        max_unread: bitswap.unread,
        max_block: bitswap.max_block,
        wants_per_peer: bitswap.wants_per_peer,
        reads: bitswap.reads,
        serve_kib: bitswap.serving / 1024,
        streams_per_peer: 32,
        partial_per_peer: 8 * 1024 * 1024,
        upload: config.limits.upload,
        download: config.limits.download,
    }
}
