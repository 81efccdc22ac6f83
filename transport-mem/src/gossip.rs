//! Announcements: from neighbour to neighbour among those who listen, each message once, and only after a verdict.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tidings_ledger::transport::{Channel, Event, MessageId, PublishError, Verdict};

use crate::hop::Parcel;
use crate::net::{Happening, Index, Inner};

/// One message.
#[derive(Debug)]
pub(crate) struct Gossip {
    pub(crate) id: u64,
    pub(crate) origin: Index,
    pub(crate) channel: Channel,
    pub(crate) data: Bytes,
}

/// The messages that a peer has seen, the latest ones.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    ids: BTreeSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Whether it is new.
    fn add(&mut self, id: u64, most: usize) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

impl Inner {
    pub(crate) fn publish(&mut self, origin: Index, channel: Channel, data: Bytes) -> Result<(), PublishError> {
        let limit = self.limits.message;
        if data.len() > limit {
            return Err(PublishError::TooLarge { len: data.len(), limit });
        }
        let gossip = Arc::new(Gossip { id: self.next_message, origin, channel, data });
        self.next_message += 1;
        let state = &mut self.peers[origin];
        state.traffic.published += 1;
        state.traffic.published_bytes += gossip.data.len() as u64;
        state.seen.add(gossip.id, self.limits.seen);
        let (name, len) = (self.peers[origin].name.clone(), gossip.data.len());
        self.trace.note(self.now, format_args!("{name} publishes message {} of {len} bytes", gossip.id));
        self.relay(origin, None, &gossip);
        Ok(())
    }

    /// Sends the message on to those of the neighbours who listen, as many as the fan-out allows.
    fn relay(&mut self, at: Index, source: Option<Index>, gossip: &Arc<Gossip>) {
        let Some(listeners) = self.peers[at].listeners.get(&gossip.channel) else { return };
        let mut to: Vec<Index> =
            listeners.iter().copied().filter(|to| Some(*to) != source && *to != gossip.origin).collect();
        if to.len() > self.limits.fanout {
            self.rng.shuffle(&mut to);
            to.truncate(self.limits.fanout);
        }
        for to in to {
            self.send_gossip(at, to, gossip);
        }
    }

    fn send_gossip(&mut self, from: Index, to: Index, gossip: &Arc<Gossip>) {
        self.peers[from].traffic.sent += 1;
        let Some(link) = self.wires.get(&(from, to)).map(|wire| wire.link) else { return };
        let len = gossip.data.len();
        if self.chance(link.loss) {
            self.peers[from].traffic.sent_bytes += len as u64;
            self.peers[to].traffic.lost += 1;
            self.saw(Parcel::Announcement, gossip.id, (from, to), None, len);
            self.trace.note(self.now, format_args!("message {} is lost on its way", gossip.id));
            return;
        }
        let is_doubled = self.chance(link.duplicates);
        self.peers[to].traffic.doubled += u64::from(is_doubled);
        let copies = 1 + u32::from(is_doubled);
        for _ in 0..copies {
            let delay = self.travel(from, to, len);
            self.saw(Parcel::Announcement, gossip.id, (from, to), delay, len);
            let Some(delay) = delay else {
                self.peers[to].traffic.lost += 1;
                return;
            };
            let life = self.peers[to].life;
            self.after(delay, Happening::Gossip { from, to, life, gossip: gossip.clone() });
        }
    }

    /// A message reaches a peer.
    pub(crate) fn arrive(&mut self, from: Index, to: Index, gossip: Arc<Gossip>) {
        let most = self.limits.seen;
        let state = &mut self.peers[to];
        if !state.seen.add(gossip.id, most) {
            state.traffic.heard_again += 1;
            return;
        }
        if !state.joined.contains(&gossip.channel) {
            return;
        }
        state.traffic.heard += 1;
        state.traffic.heard_bytes += gossip.data.len() as u64;
        state.unjudged.insert(gossip.id, (gossip.clone(), from));
        let name = state.name.clone();
        self.trace.note(self.now, format_args!("{name} hears message {}", gossip.id));
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
        let Ok(id) = <[u8; 8]>::try_from(&id.0[..]).map(u64::from_be_bytes) else { return };
        let Some((gossip, source)) = self.peers[at].unjudged.remove(&id) else { return };
        let name = self.peers[at].name.clone();
        self.trace.note(self.now, format_args!("{name} judges message {id}: {verdict:?}"));
        if verdict == Verdict::Accept {
            self.relay(at, Some(source), &gossip);
        }
    }

    pub(crate) fn join(&mut self, at: Index, channel: Channel) {
        if self.peers[at].joined.insert(channel) {
            for to in self.neighbours(at) {
                self.send_subscription(at, to, channel, true);
            }
        }
    }

    pub(crate) fn leave(&mut self, at: Index, channel: Channel) {
        if self.peers[at].joined.remove(&channel) {
            for to in self.neighbours(at) {
                self.send_subscription(at, to, channel, false);
            }
        }
    }

    pub(crate) fn send_subscription(&mut self, from: Index, to: Index, channel: Channel, is_on: bool) {
        if let Some(delay) = self.travel(from, to, 0) {
            let life = self.peers[to].life;
            self.after(delay, Happening::Subscription { from, to, life, channel, is_on });
        }
    }

    /// A neighbour says that it listens on a channel, or no longer does.
    pub(crate) fn subscription(&mut self, from: Index, to: Index, channel: Channel, is_on: bool) {
        let listeners = self.peers[to].listeners.entry(channel).or_default();
        let changed = if is_on { listeners.insert(from) } else { listeners.remove(&from) };
        if changed {
            let peer = self.peers[from].name.clone();
            let event = if is_on { Event::Subscribed { channel, peer } } else { Event::Unsubscribed { channel, peer } };
            self.tell(to, event);
        }
    }
}
