//! The way bytes travel: TCP and WebSocket (noise, yamux), QUIC, names by DNS, and relays.

use std::io;
use std::sync::Arc;

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport, dns, noise, quic, relay, tcp, websocket};

use crate::counters::Counters;
use crate::error::StartError;
use crate::meter::Metered;
use crate::yamux;

type Carrier = Boxed<(PeerId, StreamMuxerBox)>;

/// Builds the transport, and the behaviour that reserves places on relays for it.
pub(super) fn build(
    key: &Keypair,
    counters: &Arc<Counters>,
) -> Result<(Carrier, relay::client::Behaviour), StartError> {
    let (relayed, relay_client) = relay::client::new(key.public().to_peer_id());
    let relayed = secure(relayed, key, counters)?;
    let web = secure(websocket::Config::new(named(tcp_transport(), tcp_transport)), key, counters)?;
    // Names are resolved around both: a resolver takes every address, so that nothing after it would be tried.
    let tcp = [secure(tcp_transport(), key, counters)?, secure(tcp_transport(), key, counters)?];
    let [first, second] = tcp.map(|tcp| both(quic_transport(key, counters), tcp));
    let plain = named(first, || second).boxed();
    let all = relayed
        .or_transport(web)
        .map(|either, _| either.into_inner())
        .or_transport(plain)
        .map(|either, _| either.into_inner())
        .boxed();
    Ok((all, relay_client))
}

/// Nagle's algorithm is off (libp2p's default, named here because latency hangs on it).
fn tcp_transport() -> tcp::tokio::Transport {
    tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
}

fn quic_transport(key: &Keypair, counters: &Arc<Counters>) -> Carrier {
    let counters = counters.clone();
    quic::tokio::Transport::new(quic::Config::new(key))
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(Metered::new(muxer, counters.clone()))))
        .map_err(|error| match error {
            quic::Error::Io(error) => error,
            other => io::Error::other(other),
        })
        .boxed()
}

fn both(one: Carrier, other: Carrier) -> Carrier {
    one.or_transport(other).map(|either, _| either.into_inner()).boxed()
}

/// Resolves names, by the system's resolver or, where that has no configuration, by the library's default.
fn named<T>(transport: T, again: impl FnOnce() -> T) -> dns::tokio::Transport<T> {
    dns::tokio::Transport::system(transport).unwrap_or_else(|error| {
        tracing::warn!(%error, "no DNS configuration; using a default");
        dns::tokio::Transport::custom(again(), dns::ResolverConfig::default(), dns::ResolverOpts::default())
    })
}

fn secure<T>(transport: T, key: &Keypair, counters: &Arc<Counters>) -> Result<Carrier, StartError>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Dial: Send + 'static,
{
    let noise = noise::Config::new(key).map_err(|error| StartError::Stack(error.to_string()))?;
    let counters = counters.clone();
    Ok(transport
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Upgrade)
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(Metered::new(muxer, counters.clone()))))
        .map_err(io::Error::other)
        .boxed())
}
