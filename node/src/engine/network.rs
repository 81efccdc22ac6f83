//! The network, whichever transport carries it, as the rest of the node sees it.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_ledger::Ledger;
use tidings_ledger::transport::{Peer, Transport};
use tidings_transport_ipfs::{DialError, IpfsTransport};
#[cfg(feature = "kubo")]
use tidings_transport_kubo::{DialError as KuboDialError, KuboTransport};

/// A running transport.
#[derive(Clone)]
pub(crate) enum Network {
    /// libp2p in this process.
    Libp2p(Arc<IpfsTransport>),
    /// A Kubo daemon, or an IPFS Cluster.
    #[cfg(feature = "kubo")]
    Kubo(Arc<KuboTransport>),
}

/// Why a peer was not reached.
#[derive(Debug)]
pub(crate) enum DialFailure {
    /// The text is no address.
    Address(String),
    /// Nobody is there, or not that one.
    Unreachable(String),
}

/// A measurement: its name, what it says, its value.
pub(crate) type Gauge = (&'static str, &'static str, f64);

impl Network {
    /// The two verbs.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        match self {
            Network::Libp2p(network) => network.clone(),
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => network.clone(),
        }
    }

    /// Lets the daemon, if there is one, follow the ledger's folders.
    #[cfg_attr(not(feature = "kubo"), allow(unused_variables, reason = "only a daemon keeps folders"))]
    pub(crate) fn keep(&self, ledger: &Ledger, id: [u8; 32]) {
        match self {
            Network::Libp2p(_) => {}
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => network.keep(ledger, id),
        }
    }

    /// Where other nodes find this one.
    pub(crate) fn addresses(&self) -> Vec<String> {
        match self {
            Network::Libp2p(network) => network.addresses(),
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => network.addresses(),
        }
    }

    /// The daemon that this node works through, in a few words.
    pub(crate) fn daemon(&self) -> Option<String> {
        match self {
            Network::Libp2p(_) => None,
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => {
                let daemon = network.status().daemon;
                let state = if daemon.up { daemon.agent } else { "does not answer yet".to_owned() };
                Some(format!("{} ({state})", daemon.api))
            }
        }
    }

    /// What keeps the network from working, if anything does.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Network::Libp2p(_) => None,
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => {
                let daemon = network.status().daemon;
                let error = daemon.error.unwrap_or_else(|| "it was not asked yet".to_owned());
                (!daemon.up).then(|| format!("the Kubo daemon at {} does not answer: {error}", daemon.api))
            }
        }
    }

    /// Its state for `/api/v1/status`.
    pub(crate) fn status(&self) -> Value {
        match self {
            Network::Libp2p(network) => {
                let status = network.status();
                json!({
                    "transport": "libp2p", "peer_id": status.peer_id, "listen": status.listen,
                    "external": status.external, "peers": status.peers.len(), "counters": status.counters,
                })
            }
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => {
                let status = network.status();
                json!({
                    "transport": "kubo", "peer_id": status.daemon.peer_id, "listen": status.daemon.addresses,
                    "external": [], "peers": status.peers.len(), "channels": status.channels,
                    "daemon": status.daemon, "pins": status.pins, "counters": status.counters,
                })
            }
        }
    }

    /// Connected peers for `/api/v1/peers`.
    pub(crate) fn peers(&self) -> Vec<Value> {
        match self {
            Network::Libp2p(network) => {
                let show = |peer: &tidings_transport_ipfs::PeerStatus| {
                    json!({
                        "peer_id": peer.peer_id, "address": peer.address, "direction": peer.direction,
                        "connections": peer.connections, "agent": peer.agent, "demerits": peer.demerits,
                        "rtt_ms": peer.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
                    })
                };
                network.status().peers.iter().map(show).collect()
            }
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => {
                let status = network.status();
                status.peers.iter().map(|peer| json!(peer)).collect()
            }
        }
    }

    /// What rises and falls, for `/metrics`.
    pub(crate) fn gauges(&self) -> Vec<Gauge> {
        let peers = |count: usize| ("tidings_peers", "Connected peers.", count as f64);
        match self {
            Network::Libp2p(network) => vec![peers(network.status().peers.len())],
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => {
                let status = network.status();
                let (daemon, pins) = (status.daemon, status.pins);
                let mut gauges = vec![
                    peers(status.peers.len()),
                    ("tidings_kubo_up", "Whether the Kubo daemon answers.", f64::from(u8::from(daemon.up))),
                    (
                        "tidings_kubo_breaker_opened",
                        "Times that the daemon was left alone for not answering.",
                        daemon.breaker_opened as f64,
                    ),
                    ("tidings_kubo_channels", "Channels listened on.", status.channels as f64),
                    ("tidings_kubo_pins", "Topics whose present folder is pinned.", pins.pinned as f64),
                    (
                        "tidings_kubo_pins_waiting",
                        "Topics whose present folder is not pinned yet.",
                        pins.waiting as f64,
                    ),
                    ("tidings_kubo_pins_failing", "Topics whose last pin failed.", pins.failing as f64),
                    ("tidings_kubo_pins_old", "Old folders that are still pinned.", pins.old as f64),
                ];
                if let Some(memory) = daemon.process.and_then(|process| process.memory) {
                    gauges.push((
                        "tidings_kubo_memory_bytes",
                        "Resident memory of the supervised daemon.",
                        memory as f64,
                    ));
                }
                gauges
            }
        }
    }

    /// What only grows, for `/metrics`.
    pub(crate) fn counters(&self) -> Value {
        match self {
            Network::Libp2p(network) => json!(network.status().counters),
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => json!(network.status().counters),
        }
    }

    /// Connects with a peer and returns its name.
    pub(crate) async fn dial(&self, address: &str) -> Result<Peer, DialFailure> {
        match self {
            Network::Libp2p(network) => network.dial(address).await.map_err(|error| match error {
                DialError::Address(_) => DialFailure::Address(error.to_string()),
                other => DialFailure::Unreachable(other.to_string()),
            }),
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => network.dial(address).await.map_err(|error| match error {
                KuboDialError::Address(_) => DialFailure::Address(error.to_string()),
                other => DialFailure::Unreachable(other.to_string()),
            }),
        }
    }

    /// Stops; returns when that is done.
    pub(crate) async fn shutdown(&self) {
        match self {
            Network::Libp2p(network) => network.shutdown().await,
            #[cfg(feature = "kubo")]
            Network::Kubo(network) => network.shutdown().await,
        }
    }
}
