//! Announcements: from neighbour to neighbour among those who listen, each message once, and only after a verdict.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tidings_ledger::transport::{Channel, Event, MessageId, PublishError, Verdict};

use crate::kind::Kind;
use crate::net::{Happening, Index, Inner};
use crate::record::What;
use crate::travel::Sent;
use crate::world::PeerId;

/// A channel, by the order in which it was first heard of: a fraction of its name's size.
pub(crate) type ChannelNo = u32;

/// One message.
#[derive(Debug)]
pub(crate) struct Gossip {
    pub(crate) id: u64,
    pub(crate) origin: Index,
    pub(crate) channel: Channel,
    pub(crate) number: ChannelNo,
    pub(crate) data: Bytes,
}

/// What a peer knows for gossip; lost with its process.
#[derive(Debug, Default)]
pub(crate) struct Gossiping {
    pub(crate) channels: BTreeMap<ChannelNo, Listening>,
    /// Which channels are joined, by name.
    pub(crate) joined: BTreeSet<Channel>,
    pub(crate) seen: Seen,
    /// Messages that wait for a verdict, and from whom they came.
    pub(crate) unjudged: BTreeMap<u64, (Arc<Gossip>, Index)>,
    /// Messages that others may still ask for.
    pub(crate) cache: BTreeMap<u64, Cached>,
    /// Channels whose mesh may need something.
    pub(crate) hungry: BTreeSet<ChannelNo>,
    /// Whether a heartbeat is going to come. There is none while nothing is to do.
    pub(crate) is_beating: bool,
}

/// One channel, as one peer sees it.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    pub(crate) is_joined: bool,
    /// Which neighbours listen, as far as they told.
    pub(crate) listeners: BTreeSet<Index>,
    /// Those of them to whom messages are passed on.
    pub(crate) mesh: BTreeSet<Index>,
    /// Who is not to be taken into the mesh before this time.
    pub(crate) backoff: BTreeMap<Index, u64>,
}

/// A message that others may ask for.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) gossip: Arc<Gossip>,
    /// Heartbeats since it came.
    pub(crate) age: usize,
    /// How often it was sent to those who asked.
    pub(crate) asked: BTreeMap<Index, u32>,
}

/// The messages that a peer has seen lately.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    ids: BTreeSet<u64>,
    order: VecDeque<(u64, u64)>,
}

impl Seen {
    /// Whether it is new. Forgets what was seen before `since`, and what is more than `most`.
    fn add(&mut self, id: u64, now: u64, since: u64, most: usize) -> bool {
        while let Some((at, oldest)) = self.order.front().copied() {
            if at >= since && self.order.len() < most {
                break;
            }
            self.order.pop_front();
            self.ids.remove(&oldest);
        }
        let is_new = self.ids.insert(id);
        if is_new {
            self.order.push_back((now, id));
        }
        is_new
    }

    pub(crate) fn has(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }
}

impl Inner {
    /// The number of a channel.
    pub(crate) fn channel(&mut self, channel: Channel) -> ChannelNo {
        let next = self.channels.len() as ChannelNo;
        *self.channels.entry(channel).or_insert(next)
    }

    pub(crate) fn publish(&mut self, origin: Index, channel: Channel, data: Bytes) -> Result<(), PublishError> {
        let limit = self.limits.message;
        if data.len() > limit {
            return Err(PublishError::TooLarge { len: data.len(), limit });
        }
        let number = self.channel(channel);
        let gossip = Arc::new(Gossip { id: self.next_message, origin, channel, number, data });
        self.next_message += 1;
        let bytes = gossip.data.len();
        let traffic = &mut self.peers[origin].traffic;
        traffic.published += 1;
        traffic.published_bytes += bytes as u64;
        self.see(origin, gossip.id);
        self.note(What::Published { peer: PeerId(origin), message: gossip.id, channel, bytes });
        for to in self.first_hearers(origin, number) {
            self.send_gossip(origin, to, &gossip);
        }
        self.keep_for_others(origin, gossip);
        Ok(())
    }

    /// To whom an own message goes.
    fn first_hearers(&mut self, origin: Index, channel: ChannelNo) -> Vec<Index> {
        let mesh = self.limits.mesh;
        let Some(listening) = self.peers[origin].gossip.channels.get(&channel) else { return Vec::new() };
        if mesh.flood_publish && listening.listeners.len() <= self.limits.fanout {
            return listening.listeners.iter().copied().collect();
        }
        if !mesh.flood_publish && listening.is_joined && !listening.mesh.is_empty() {
            return listening.mesh.iter().copied().collect();
        }
        // On a channel that was not joined there is no mesh; gossipsub picks some, and so does this.
        let most = if mesh.flood_publish { self.limits.fanout } else { mesh.degree };
        let mut some: Vec<Index> = listening.listeners.iter().copied().collect();
        self.rng.shuffle(&mut some);
        some.truncate(most);
        some
    }

    /// Takes note that the peer has seen the message; says whether that is new.
    fn see(&mut self, peer: Index, message: u64) -> bool {
        let (now, mesh) = (self.now, self.limits.mesh);
        let since = now.saturating_sub(mesh.seen.as_micros() as u64);
        self.peers[peer].gossip.seen.add(message, now, since, mesh.seen_most)
    }

    pub(crate) fn send_gossip(&mut self, from: Index, to: Index, gossip: &Arc<Gossip>) {
        let traffic = &mut self.peers[from].traffic;
        traffic.sent += 1;
        let (kind, number, bytes) = (Kind::Announcement, gossip.id, gossip.data.len());
        let arrival = |life| Happening::Gossip { from, to, life, gossip: gossip.clone() };
        self.send(&Sent { kind, number, from, to, bytes }, arrival);
    }

    /// A message reaches a peer.
    pub(crate) fn arrive(&mut self, from: Index, to: Index, gossip: Arc<Gossip>) {
        if !self.see(to, gossip.id) {
            self.peers[to].traffic.heard_again += 1;
            return;
        }
        let state = &mut self.peers[to];
        let is_joined = state.gossip.channels.get(&gossip.number).is_some_and(|listening| listening.is_joined);
        // What one published oneself, and has forgotten, comes back by a replay.
        if !is_joined || gossip.origin == to {
            return;
        }
        state.traffic.heard += 1;
        state.traffic.heard_bytes += gossip.data.len() as u64;
        state.gossip.unjudged.insert(gossip.id, (gossip.clone(), from));
        self.note(What::Heard { peer: PeerId(to), from: PeerId(from), message: gossip.id });
        let event = Event::Message {
            channel: gossip.channel,
            from: self.peers[gossip.origin].name.clone(),
            id: MessageId(Bytes::copy_from_slice(&gossip.id.to_be_bytes())),
            data: gossip.data.clone(),
        };
        self.tell(to, event);
    }

    /// The verdict on a message: only what is accepted goes on.
    pub(crate) fn judge(&mut self, at: Index, id: &MessageId, verdict: Verdict) {
        let Ok(message) = <[u8; 8]>::try_from(&id.0[..]).map(u64::from_be_bytes) else { return };
        let Some((gossip, source)) = self.peers[at].gossip.unjudged.remove(&message) else { return };
        self.note(What::Judged { peer: PeerId(at), message, verdict });
        if verdict != Verdict::Accept {
            return;
        }
        let mesh = self.peers[at].gossip.channels.get(&gossip.number).map(|listening| &listening.mesh);
        let to: Vec<Index> = mesh.into_iter().flatten().copied().collect();
        for to in to.into_iter().filter(|to| *to != source && *to != gossip.origin) {
            self.send_gossip(at, to, &gossip);
        }
        self.keep_for_others(at, gossip);
    }

    pub(crate) fn join(&mut self, at: Index, channel: Channel) {
        if !self.peers[at].gossip.joined.insert(channel) {
            return;
        }
        let number = self.channel(channel);
        self.peers[at].gossip.channels.entry(number).or_default().is_joined = true;
        for to in self.neighbours(at) {
            self.send_subscription(at, to, channel, true);
        }
        self.feed(at, number);
    }

    pub(crate) fn leave(&mut self, at: Index, channel: Channel) {
        if !self.peers[at].gossip.joined.remove(&channel) {
            return;
        }
        let number = self.channel(channel);
        self.disband(at, number);
        for to in self.neighbours(at) {
            self.send_subscription(at, to, channel, false);
        }
    }

    pub(crate) fn send_subscription(&mut self, from: Index, to: Index, channel: Channel, is_on: bool) {
        let arrival = |life| Happening::Subscription { from, to, life, channel, is_on };
        self.send(&Sent { kind: Kind::Subscription, number: 0, from, to, bytes: 0 }, arrival);
    }

    /// Tells a neighbour of every channel that it does not know this peer to listen on.
    pub(crate) fn tell_subscriptions(&mut self, of: Index, to: Index) {
        let known = &self.peers[to].gossip.channels;
        let is_known = |channel: &&Channel| {
            let listening = self.channels.get(channel).and_then(|number| known.get(number));
            listening.is_some_and(|listening| listening.listeners.contains(&of))
        };
        let unknown: Vec<Channel> =
            self.peers[of].gossip.joined.iter().filter(|channel| !is_known(channel)).copied().collect();
        for channel in unknown {
            self.send_subscription(of, to, channel, true);
        }
    }

    /// A neighbour says that it listens on a channel, or no longer does.
    pub(crate) fn subscription(&mut self, from: Index, to: Index, channel: Channel, is_on: bool) {
        let number = self.channel(channel);
        let listening = self.peers[to].gossip.channels.entry(number).or_default();
        let changed = if is_on {
            listening.listeners.insert(from)
        } else {
            listening.mesh.remove(&from);
            listening.listeners.remove(&from)
        };
        if !changed {
            return;
        }
        if listening.is_joined {
            self.feed(to, number);
        }
        let peer = self.peers[from].name.clone();
        let event = if is_on { Event::Subscribed { channel, peer } } else { Event::Unsubscribed { channel, peer } };
        self.tell(to, event);
    }
}
