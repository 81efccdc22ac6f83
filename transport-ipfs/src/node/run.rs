//! The swarm's task: one loop that turns commands into libp2p calls, and libp2p's events into ours.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{self, ConnectionId, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, mdns};
use tidings_ledger::transport::{Channel, Event, MessageId, Peer, Verdict};
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::dialer::{self, Dialer};
use super::discovery::{self, Discovery, Found, Table};
use super::relays::{self, Relays};
use super::shared::Shared;
use super::stack::{AGENT_NAME, Stack, StackEvent};
use super::{gossip, reach};
use crate::bitswap::{Exchange, Wish};
use crate::config::{Config, KadMode};
use crate::error::DialError;
use crate::events::EventSink;
use crate::standing::REFUSED_AT;

/// How often the node looks after its connections, searches and grudges.
const TICK: Duration = Duration::from_millis(500);
/// Peers dialled for one answer of the DHT, which may name any number.
const MAX_DIALS: usize = 32;
/// How often gossipsub is told of points that fade.
const REFRESH: Duration = Duration::from_secs(30);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

type DialReply = oneshot::Sender<Result<Peer, DialError>>;

/// The swarm and what its task keeps beside it.
pub(super) struct Node {
    swarm: Swarm<Stack>,
    shared: Arc<Shared>,
    exchange: Arc<Exchange>,
    events: EventSink,
    dialer: Dialer,
    discovery: Discovery,
    /// Who waits for a dialled connection.
    dials: HashMap<ConnectionId, (Multiaddr, DialReply)>,
    relays: Relays,
    /// Channels joined, and the most that may be.
    joined: usize,
    max_channels: usize,
    refused: HashSet<PeerId>,
    /// When gossipsub was last told of everybody's points, which fade with time.
    refreshed: Instant,
    kad: KadMode,
}

impl Node {
    pub(super) fn new(
        mut swarm: Swarm<Stack>,
        config: Config,
        shared: Arc<Shared>,
        exchange: Arc<Exchange>,
        events: EventSink,
    ) -> Self {
        let now = Instant::now();
        for address in config.bootstrap.iter().chain(&config.peers) {
            if let Some(peer) = dialer::peer_of(address) {
                swarm.behaviour_mut().limits.bypass_peer_id(&peer);
                discovery::learn(swarm.behaviour_mut(), peer, address, true, true);
            }
        }
        for address in &config.external {
            swarm.add_external_address(address.clone());
        }
        let mut node = Node {
            swarm,
            shared,
            exchange,
            events,
            dialer: Dialer::new(config.bootstrap.into_iter().chain(config.peers), now),
            discovery: Discovery::new(config.network.cid(), config.provide, now),
            dials: HashMap::new(),
            relays: Relays::new(config.nat, now),
            joined: 0,
            max_channels: config.gossip.max_channels,
            refused: HashSet::new(),
            refreshed: now,
            kad: config.kad,
        };
        let listen = node.shared.listen.lock().clone();
        listen.iter().for_each(|address| node.on_listen(address));
        node
    }

    /// Runs until the handle says stop, or is dropped.
    pub(super) async fn run(
        mut self,
        backlog: Vec<SwarmEvent<StackEvent>>,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut wishes: mpsc::Receiver<Wish>,
    ) {
        for event in backlog {
            self.on_event(event);
        }
        let standing = self.shared.standing.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let reply = loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Stop(reply)) => break Some(reply),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(wish) = wishes.recv() => self.on_wish(wish),
                () = standing.changed.notified() => self.on_standing(),
                _ = tick.tick() => self.on_tick(),
            }
        };
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.exchange.close();
        self.say_goodbye().await;
        drop(self);
        if let Some(reply) = reply {
            let _ = reply.send(());
        }
    }

    async fn say_goodbye(&mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // An error means that it is gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closing = async {
            while self.swarm.network_info().num_peers() > 0 {
                self.swarm.select_next_some().await;
            }
        };
        // A peer that does not answer is left as it is.
        let _ = tokio::time::timeout(GOODBYE, closing).await;
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Join(channel) => self.join(channel),
            Command::Leave(channel) => {
                let topic = IdentTopic::new(channel.to_string());
                if self.swarm.behaviour_mut().gossip.unsubscribe(&topic) {
                    self.joined -= 1;
                }
            }
            Command::Publish(channel, data) => {
                self.shared.publishes.fetch_sub(1, Ordering::Relaxed);
                self.publish(channel, data.into());
            }
            Command::Judge(id, verdict) => {
                self.shared.verdicts.fetch_sub(1, Ordering::Relaxed);
                self.judge(&id, verdict);
            }
            Command::Provide(roots) => self.discovery.wish(roots, self.swarm.behaviour_mut()),
            Command::Dial(address, reply) => self.dial(address, reply),
            // Handled by the loop.
            Command::Stop(_) => {}
        }
    }

    fn join(&mut self, channel: Channel) {
        let topic = IdentTopic::new(channel.to_string());
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if self.joined >= self.max_channels && gossip.topics().all(|joined| *joined != topic.hash()) {
            tracing::warn!(%channel, limit = self.max_channels, "too many channels are joined; this one is not");
            self.shared.counters.joins_refused.add(1);
            return;
        }
        match gossip.subscribe(&topic) {
            Ok(true) => {
                self.joined += 1;
                if let Err(error) = gossip.set_topic_params(topic, gossip::topic_score()) {
                    tracing::warn!(%channel, error, "cannot score a channel");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%channel, %error, "cannot join a channel"),
        }
    }

    fn publish(&mut self, channel: Channel, data: Vec<u8>) {
        let counters = &self.shared.counters;
        match self.swarm.behaviour_mut().gossip.publish(gossip::topic_of(channel), data) {
            Ok(_) => counters.messages_published.add(1),
            // Nobody listens: the news will go out when somebody does.
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => counters.messages_published.add(1),
            Err(error) => {
                counters.messages_dropped.add(1);
                tracing::debug!(%channel, %error, "an announcement was not sent");
            }
        }
    }

    fn judge(&mut self, id: &MessageId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let Some((source, id)) = gossip::open_handle(id) else {
            return;
        };
        if !self.swarm.behaviour_mut().gossip.report_message_validation_result(&id, &source, acceptance) {
            self.shared.counters.verdicts_dropped.add(1);
        }
    }

    fn dial(&mut self, address: Multiaddr, reply: DialReply) {
        let options: DialOpts = match dialer::peer_of(&address) {
            Some(peer) if self.swarm.is_connected(&peer) => {
                let _ = reply.send(Ok(self.shared.peers.lock().name(&peer)));
                return;
            }
            Some(peer) => {
                DialOpts::peer_id(peer).addresses(vec![address.clone()]).condition(PeerCondition::Always).build()
            }
            None => DialOpts::unknown_peer_id().address(address.clone()).build(),
        };
        let id = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => drop(self.dials.insert(id, (address, reply))),
            Err(error) => {
                let failed = DialError::Failed { address: address.to_string(), reason: reason(&error) };
                let _ = reply.send(Err(failed));
            }
        }
    }

    fn dial_peer(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        if peer == self.shared.me || self.refused.contains(&peer) {
            return;
        }
        let options = DialOpts::peer_id(peer)
            .addresses(addresses)
            .extend_addresses_through_behaviour()
            .condition(PeerCondition::DisconnectedAndNotDialing);
        match self.swarm.dial(options.build()) {
            Ok(()) => {}
            Err(swarm::DialError::NoAddresses) => self.discovery.locate(peer, self.swarm.behaviour_mut()),
            Err(error) => tracing::trace!(%peer, %error, "not dialled"),
        }
    }

    fn on_wish(&mut self, wish: Wish) {
        match wish {
            Wish::Dial(peer) => self.dial_peer(peer, Vec::new()),
            Wish::Search(cid) => self.discovery.search(cid, self.swarm.behaviour_mut()),
        }
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        for options in self.dialer.due(now) {
            let id = options.connection_id();
            if let Err(error) = self.swarm.dial(options) {
                tracing::debug!(%error, "not dialled");
                self.dialer.failed(id, now);
            }
        }
        let members = self.shared.peers.lock().members();
        self.discovery.tick(self.swarm.behaviour_mut(), members, now);
        self.reserve(now);
        self.forgive(now);
    }

    /// Reserves a place on a relay, when one is needed.
    fn reserve(&mut self, now: Instant) {
        if let Some((relay, address)) = self.relays.due(now) {
            match self.swarm.listen_on(address) {
                Ok(id) => self.relays.reserving(id, relay),
                Err(error) => tracing::debug!(%relay, %error, "no place on a relay"),
            }
        }
    }

    /// Lets those back in whose points have faded, and tells gossipsub how all others stand.
    fn forgive(&mut self, now: Instant) {
        let standing = self.shared.standing.clone();
        if now.duration_since(self.refreshed) >= REFRESH {
            self.refreshed = now;
            for (peer, points) in standing.all(now) {
                self.swarm.behaviour_mut().gossip.set_application_score(&peer, -points);
            }
        }
        let forgiven: Vec<PeerId> =
            self.refused.iter().filter(|peer| standing.of(peer, now) < REFUSED_AT / 2.0).copied().collect();
        for peer in forgiven {
            self.refused.remove(&peer);
            self.swarm.behaviour_mut().refused.unblock_peer(peer);
        }
    }

    /// Somebody's points changed: tell gossipsub, and refuse who has too many.
    fn on_standing(&mut self) {
        for (peer, points) in self.shared.standing.news(Instant::now()) {
            let stack = self.swarm.behaviour_mut();
            stack.gossip.set_application_score(&peer, -points);
            if points >= REFUSED_AT && self.refused.insert(peer) {
                tracing::info!(%peer, points, "refusing a peer for what it did");
                self.shared.counters.peers_refused.add(1);
                stack.refused.block_peer(peer);
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<StackEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_stack_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.dialer.connected(peer_id, connection_id);
                let first = self.shared.peers.lock().opened(peer_id, connection_id, &endpoint);
                if let Some((_, reply)) = self.dials.remove(&connection_id) {
                    let _ = reply.send(Ok(self.shared.peers.lock().name(&peer_id)));
                }
                if let Some(peer) = first {
                    self.events.push(Event::Connected { peer });
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                let last = self.shared.peers.lock().closed(&peer_id, connection_id);
                if let Some(peer) = last {
                    self.dialer.disconnected(&peer_id, connection_id, Instant::now());
                    self.relays.lost(&peer_id);
                    self.events.push(Event::Disconnected { peer });
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.dialer.failed(connection_id, Instant::now());
                if let Some((address, reply)) = self.dials.remove(&connection_id) {
                    let failed = DialError::Failed { address: address.to_string(), reason: reason(&error) };
                    let _ = reply.send(Err(failed));
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                self.shared.listen.lock().push(address.clone());
                self.on_listen(&address);
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.shared.listen.lock().retain(|known| *known != address);
                self.swarm.remove_external_address(&address);
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                self.relays.closed(listener_id);
                self.shared.listen.lock().retain(|known| !addresses.contains(known));
                tracing::warn!(?addresses, ?reason, "no longer listening");
            }
            SwarmEvent::ExternalAddrConfirmed { .. } | SwarmEvent::ExternalAddrExpired { .. } => self.on_external(),
            _ => {}
        }
    }

    fn on_stack_event(&mut self, event: StackEvent) {
        match event {
            StackEvent::Gossip(event) => self.on_gossip(event),
            StackEvent::Identify(identify::Event::Received { peer_id, info, .. }) => self.on_identified(peer_id, &info),
            StackEvent::Ping(event) => {
                if let Ok(rtt) = event.result {
                    self.shared.peers.lock().measured(&event.peer, rtt);
                }
            }
            StackEvent::Lan(event) => self.on_kad(Table::Lan, event),
            StackEvent::Wan(event) => self.on_kad(Table::Wan, event),
            StackEvent::Autonat(event) => self.relays.tested(&event.tested_addr, event.result.is_ok()),
            StackEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    discovery::learn(self.swarm.behaviour_mut(), peer, &address, true, false);
                    if !self.shared.peers.lock().contains(&peer) {
                        self.dial_peer(peer, vec![address]);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let (Some(channel), Some(source)) = (gossip::channel_of(&message.topic), message.source) else {
                    return;
                };
                self.shared.counters.messages_received.add(1);
                let from = self.shared.peers.lock().name(&source);
                let id = gossip::handle(&propagation_source, &message_id);
                if !self.events.push(Event::Message { channel, from, id, data: message.data.into() }) {
                    // Nobody will judge it: let gossipsub forget it.
                    let gossip = &mut self.swarm.behaviour_mut().gossip;
                    gossip.report_message_validation_result(
                        &message_id,
                        &propagation_source,
                        MessageAcceptance::Ignore,
                    );
                }
            }
            gossipsub::Event::Subscribed { peer_id, topic } => {
                if let Some(channel) = gossip::channel_of(&topic) {
                    let peer = self.shared.peers.lock().name(&peer_id);
                    self.events.push(Event::Subscribed { channel, peer });
                }
            }
            gossipsub::Event::Unsubscribed { peer_id, topic } => {
                if let Some(channel) = gossip::channel_of(&topic) {
                    let peer = self.shared.peers.lock().name(&peer_id);
                    self.events.push(Event::Unsubscribed { channel, peer });
                }
            }
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                tracing::debug!(peer = %peer_id, ?failed_messages, "a peer is too slow for its announcements");
                self.shared.counters.messages_dropped.add(1);
            }
            gossipsub::Event::GossipsubNotSupported { .. } => {}
        }
    }

    fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        let member = info.agent_version.starts_with(AGENT_NAME);
        self.shared.peers.lock().identified(&peer, &info.agent_version, member);
        if member {
            self.exchange.is_kin(&peer);
        }
        let speaks = |name: &str| info.protocols.iter().any(|protocol| protocol.as_ref() == name);
        if speaks(relays::HOP)
            && let Some(address) = self.shared.peers.lock().dialled(&peer)
        {
            self.relays.found(peer, address);
        }
        let (lan, wan) = (speaks("/ipfs/lan/kad/1.0.0"), speaks("/ipfs/kad/1.0.0"));
        // A peer may claim any number of addresses.
        for address in info.listen_addrs.iter().take(32) {
            discovery::learn(self.swarm.behaviour_mut(), peer, address, lan, wan);
        }
    }

    fn on_kad(&mut self, table: Table, event: libp2p::kad::Event) {
        let members = self.shared.peers.lock().members();
        match self.discovery.on_event(table, event, members, Instant::now()) {
            Some(Found::Providers { cid, providers }) => {
                for peer in providers.iter().take(MAX_DIALS) {
                    if !self.shared.peers.lock().contains(peer) {
                        self.dial_peer(*peer, Vec::new());
                    }
                }
                self.exchange.found(&providers, &cid);
            }
            Some(Found::Peer { peer, addresses }) => self.dial_peer(peer, addresses),
            None => {}
        }
    }

    /// A local address counts as reachable for the local DHT, whose records carry only such addresses.
    fn on_listen(&mut self, address: &Multiaddr) {
        if self.kad != KadMode::Off && reach::is_local(address) {
            self.swarm.add_external_address(address.clone());
        }
    }

    /// What is known of our reachability changed: with a public address we serve the public DHT.
    fn on_external(&mut self) {
        let external: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        let public = external.iter().any(|address| !reach::is_local(address));
        *self.shared.external.lock() = external;
        if self.kad == KadMode::Auto {
            let mode = if public { libp2p::kad::Mode::Server } else { libp2p::kad::Mode::Client };
            if let Some(wan) = self.swarm.behaviour_mut().wan.as_mut() {
                wan.set_mode(Some(mode));
            }
        }
    }
}

/// An error with its causes, on one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text.replace('\n', " ")
}
