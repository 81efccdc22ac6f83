//! Who listens, and who is connected. The daemon does not tell of changes, so it is asked again and again, within a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;
use tidings_ledger::transport::{Channel, Event, Peer};
use tokio::sync::Notify;

use crate::config::is_peer_id;
use crate::rpc::{Call, RpcError};
use crate::shared::Shared;

/// Channels looked at in one round; with more of them, each has its turn less often.
const CHANNELS: usize = 64;
/// Peers that are kept of a channel, and of the swarm.
const PEERS: usize = 4096;
/// The swarm is looked at in every so many rounds.
const SWARM: u32 = 4;
/// Static peers that are not connected are dialled this often.
const REDIAL: Duration = Duration::from_secs(15);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    seen: Mutex<Seen>,
    /// Told when a channel was joined.
    joined: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    channels: BTreeMap<Channel, BTreeSet<Peer>>,
    /// Channels in the order in which they have their turn.
    turns: std::collections::VecDeque<Channel>,
    connected: BTreeMap<Peer, String>,
}

impl Presence {
    pub(super) fn join(&self, channel: Channel) {
        let mut seen = self.seen.lock();
        seen.channels.insert(channel, BTreeSet::new());
        seen.turns.push_front(channel);
        drop(seen);
        self.joined.notify_one();
    }

    pub(super) fn leave(&self, channel: Channel) {
        let mut seen = self.seen.lock();
        seen.channels.remove(&channel);
        seen.turns.retain(|other| *other != channel);
    }

    /// Channels joined.
    pub(crate) fn channels(&self) -> usize {
        self.seen.lock().channels.len()
    }

    /// Connected peers, with their addresses.
    pub(crate) fn connected(&self) -> Vec<(Peer, String)> {
        self.seen.lock().connected.iter().map(|(peer, address)| (peer.clone(), address.clone())).collect()
    }

    /// Whether the daemon was connected with the peer when it was last asked.
    pub(crate) fn is_connected(&self, peer: &Peer) -> bool {
        self.seen.lock().connected.contains_key(peer)
    }

    /// Forgets everybody: the daemon was away, and whoever is there now is told anew.
    fn forget(&self) -> Vec<Event> {
        let mut seen = self.seen.lock();
        seen.channels.values_mut().for_each(BTreeSet::clear);
        std::mem::take(&mut seen.connected).into_keys().map(|peer| Event::Disconnected { peer }).collect()
    }

    /// The channels whose turn it is.
    fn turn(&self) -> Vec<Channel> {
        let mut seen = self.seen.lock();
        let count = CHANNELS.min(seen.turns.len());
        let turn: Vec<Channel> = seen.turns.iter().take(count).copied().collect();
        seen.turns.rotate_left(count);
        turn
    }

    fn listeners(&self, channel: Channel, now: BTreeSet<Peer>) -> Vec<Event> {
        let mut seen = self.seen.lock();
        let Some(before) = seen.channels.get_mut(&channel) else { return Vec::new() };
        let came = now.difference(before).cloned().map(|peer| Event::Subscribed { channel, peer });
        let left = before.difference(&now).cloned().map(|peer| Event::Unsubscribed { channel, peer });
        let events = came.chain(left).collect();
        *before = now;
        events
    }

    fn swarm(&self, now: BTreeMap<Peer, String>) -> Vec<Event> {
        let mut seen = self.seen.lock();
        let before = std::mem::replace(&mut seen.connected, now);
        let now = &seen.connected;
        let came = now.keys().filter(|peer| !before.contains_key(*peer)).cloned().map(|peer| Event::Connected { peer });
        let left =
            before.keys().filter(|peer| !now.contains_key(*peer)).cloned().map(|peer| Event::Disconnected { peer });
        came.chain(left).collect()
    }
}

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut last_life = 0;
    let mut round: u32 = 0;
    let mut redialled: Option<Instant> = None;
    loop {
        let life = shared.health.up().await;
        if life != last_life {
            tell(&shared, shared.presence.forget());
            (last_life, round, redialled) = (life, 0, None);
        }
        if let Err(error) = look(&shared, round).await {
            tracing::debug!(%error, "cannot see who is there");
        }
        if redialled.is_none_or(|at| at.elapsed() >= REDIAL) {
            redialled = Some(Instant::now());
            redial(&shared);
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(shared.config.times.look_every) => {}
            () = shared.presence.joined.notified() => {}
        }
    }
}

fn tell(shared: &Shared, events: Vec<Event>) {
    events.into_iter().for_each(|event| shared.events.push(event));
}

/// One round.
async fn look(shared: &Shared, round: u32) -> Result<(), RpcError> {
    if round.is_multiple_of(SWARM) {
        let now = connected(shared).await?;
        tell(shared, shared.presence.swarm(now));
    }
    for channel in shared.presence.turn() {
        let now = listeners(shared, channel).await?;
        tell(shared, shared.presence.listeners(channel, now));
    }
    Ok(())
}

async fn listeners(shared: &Shared, channel: Channel) -> Result<BTreeSet<Peer>, RpcError> {
    #[derive(Deserialize)]
    struct Peers {
        #[serde(rename = "Strings", default)]
        peers: Option<Vec<String>>,
    }
    let topic = crate::rpc::encode(channel.to_string().as_bytes());
    let peers: Peers = shared.rpc.json(Call::new("pubsub/peers", shared.config.times.call).arg(topic)).await?;
    let peers = peers.peers.unwrap_or_default();
    Ok(peers.into_iter().filter(|peer| is_peer_id(peer)).take(PEERS).map(Peer::new).collect())
}

async fn connected(shared: &Shared) -> Result<BTreeMap<Peer, String>, RpcError> {
    #[derive(Deserialize)]
    struct Swarm {
        #[serde(rename = "Peers", default)]
        peers: Option<Vec<Connection>>,
    }
    #[derive(Deserialize)]
    struct Connection {
        #[serde(rename = "Addr", default)]
        address: String,
        #[serde(rename = "Peer", default)]
        peer: String,
    }
    let swarm: Swarm = shared.rpc.json(Call::new("swarm/peers", shared.config.times.call)).await?;
    let peers = swarm.peers.unwrap_or_default().into_iter().filter(|found| is_peer_id(&found.peer)).take(PEERS);
    Ok(peers.map(|found| (Peer::new(found.peer), found.address.chars().take(256).collect())).collect())
}

/// Connects with the static peers that are not.
fn redial(shared: &Arc<Shared>) {
    for address in &shared.config.peers {
        let peer = address.rsplit_once("/p2p/").map(|(_, peer)| Peer::new(peer));
        if peer.is_some_and(|peer| shared.presence.is_connected(&peer)) {
            continue;
        }
        let (shared, address) = (shared.clone(), address.clone());
        tokio::spawn(async move {
            if let Err(error) = shared.connect(&address).await {
                tracing::debug!(address, %error, "a peer is not reached");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_ledger::topic::TopicId;

    fn peers(names: &[&str]) -> BTreeSet<Peer> {
        names.iter().map(|name| Peer::new(*name)).collect()
    }

    fn channel(n: usize) -> Channel {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&n.to_le_bytes());
        Channel::new(TopicId::from_bytes(id))
    }

    #[test]
    fn a_listener_is_told_of_once_and_again_after_the_daemon_was_away() {
        let presence = Presence::default();
        presence.join(channel(0));
        let told = |presence: &Presence, names: &[&str]| presence.listeners(channel(0), peers(names)).len();
        assert_eq!(told(&presence, &["a", "b"]), 2);
        assert_eq!(told(&presence, &["a", "b"]), 0);
        assert_eq!(told(&presence, &["b"]), 1, "one left");
        presence.forget();
        assert_eq!(
            presence.listeners(channel(0), peers(&["b"])),
            [Event::Subscribed { channel: channel(0), peer: Peer::new("b") }]
        );
    }

    #[test]
    fn a_channel_among_thousands_has_its_turn() {
        let presence = Presence::default();
        (0..1000).for_each(|n| presence.join(channel(n)));
        assert_eq!(presence.turn()[0], channel(999), "the newest first");
        let seen: BTreeSet<Channel> = (0..1000 / CHANNELS + 1).flat_map(|_| presence.turn()).collect();
        assert_eq!(seen.len(), 1000);
        presence.leave(channel(5));
        assert!((0..20).all(|_| !presence.turn().contains(&channel(5))));
    }
}
