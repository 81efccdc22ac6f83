//! What keeps a gossip mesh: at each heartbeat it is filled up or trimmed, and others are told what messages there were.

use std::sync::Arc;

use crate::gossip::{Cached, ChannelNo, Gossip};
use crate::kind::Kind;
use crate::net::{Happening, Index, Inner};
use crate::travel::Sent;

/// A message between the meshes of two neighbours.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    /// "You are in my mesh now."
    Graft(ChannelNo),
    /// "You are not, or no longer, and not for a while."
    Prune(ChannelNo),
    /// "I have these messages."
    IHave(Arc<[u64]>),
    /// "Send me those."
    IWant(Vec<u64>),
}

/// Bytes of a control message, and of each message's name in it.
const CONTROL_BYTES: u64 = 16;
const NAME_BYTES: u64 = 40;

impl Control {
    fn bytes(&self) -> u64 {
        match self {
            Control::Graft(_) | Control::Prune(_) => CONTROL_BYTES + NAME_BYTES,
            Control::IHave(ids) => CONTROL_BYTES + NAME_BYTES * ids.len() as u64,
            Control::IWant(ids) => CONTROL_BYTES + NAME_BYTES * ids.len() as u64,
        }
    }
}

impl Inner {
    /// The channel's mesh may need somebody: the next heartbeat sees to it.
    pub(crate) fn feed(&mut self, at: Index, channel: ChannelNo) {
        self.peers[at].gossip.hungry.insert(channel);
        self.beat(at);
    }

    /// The message can be asked for, for a while.
    pub(crate) fn keep_for_others(&mut self, at: Index, gossip: Arc<Gossip>) {
        let cached = Cached { gossip, age: 0, asked: Default::default() };
        self.peers[at].gossip.cache.insert(cached.gossip.id, cached);
        self.beat(at);
    }

    /// Lets the next heartbeat come. Peers do not beat in step: each has its own beginning.
    fn beat(&mut self, at: Index) {
        if std::mem::replace(&mut self.peers[at].gossip.is_beating, true) {
            return;
        }
        let period = (self.limits.mesh.heartbeat.as_micros() as u64).max(1);
        // A multiple of the golden ratio's fraction spreads the beginnings evenly, without drawing any.
        let phase = (at as u64).wrapping_mul(618_034) % period;
        let rest = period - (self.now + period - phase) % period;
        let life = self.peers[at].life;
        self.after(rest, Happening::Heartbeat { at, life });
    }

    pub(crate) fn heartbeat(&mut self, at: Index) {
        self.peers[at].gossip.is_beating = false;
        let hungry: Vec<ChannelNo> = self.peers[at].gossip.hungry.iter().copied().collect();
        for channel in hungry {
            if !self.fill(at, channel) {
                self.peers[at].gossip.hungry.remove(&channel);
            }
        }
        self.tell_what_there_was(at);
        let gossip = &self.peers[at].gossip;
        if !gossip.hungry.is_empty() || !gossip.cache.is_empty() {
            self.beat(at);
        }
    }

    /// Fills the mesh up, or trims it; says whether it still needs somebody.
    fn fill(&mut self, at: Index, channel: ChannelNo) -> bool {
        let (now, mesh) = (self.now, self.limits.mesh);
        let Some(listening) = self.peers[at].gossip.channels.get_mut(&channel) else { return false };
        if !listening.is_joined {
            return false;
        }
        listening.backoff.retain(|_, until| *until > now);
        if listening.mesh.len() > mesh.high {
            let mut members: Vec<Index> = listening.mesh.iter().copied().collect();
            self.rng.shuffle(&mut members);
            for to in members.split_off(mesh.degree) {
                self.send_away(at, to, channel);
            }
            return false;
        }
        if listening.mesh.len() >= mesh.low {
            return false;
        }
        let mut outside: Vec<Index> = listening.listeners.difference(&listening.mesh).copied().collect();
        outside.retain(|peer| !listening.backoff.contains_key(peer));
        self.rng.shuffle(&mut outside);
        outside.truncate(mesh.degree - listening.mesh.len());
        listening.mesh.extend(&outside);
        let lacks = listening.mesh.len() < mesh.low && listening.mesh.len() < listening.listeners.len();
        for to in outside {
            self.send_control(at, to, Control::Graft(channel));
        }
        lacks
    }

    /// Takes a member out of the mesh, for a while.
    fn send_away(&mut self, at: Index, to: Index, channel: ChannelNo) {
        let until = self.now + self.limits.mesh.backoff.as_micros() as u64;
        if let Some(listening) = self.peers[at].gossip.channels.get_mut(&channel) {
            listening.mesh.remove(&to);
            listening.backoff.insert(to, until);
        }
        self.send_control(at, to, Control::Prune(channel));
    }

    /// The peer leaves the channel: its mesh is no more.
    pub(crate) fn disband(&mut self, at: Index, channel: ChannelNo) {
        let Some(listening) = self.peers[at].gossip.channels.get_mut(&channel) else { return };
        listening.is_joined = false;
        for to in std::mem::take(&mut listening.mesh) {
            self.send_control(at, to, Control::Prune(channel));
        }
    }

    /// Tells some of those outside of the mesh of the messages of the last heartbeats, and forgets older ones.
    fn tell_what_there_was(&mut self, at: Index) {
        let mesh = self.limits.mesh;
        let gossip = &mut self.peers[at].gossip;
        let mut told: Vec<(ChannelNo, Vec<u64>)> = Vec::new();
        for (id, cached) in &gossip.cache {
            if cached.age >= mesh.gossip {
                continue;
            }
            match told.iter_mut().find(|(channel, _)| *channel == cached.gossip.number) {
                Some((_, ids)) => ids.push(*id),
                None => told.push((cached.gossip.number, vec![*id])),
            }
        }
        gossip.cache.retain(|_, cached| {
            cached.age += 1;
            cached.age < mesh.history
        });
        for (channel, ids) in told {
            let Some(listening) = self.peers[at].gossip.channels.get(&channel) else { continue };
            let mut outside: Vec<Index> = listening.listeners.difference(&listening.mesh).copied().collect();
            let most = mesh.lazy.max(outside.len() / 4);
            if outside.len() > most {
                self.rng.shuffle(&mut outside);
                outside.truncate(most);
            }
            let ids: Arc<[u64]> = ids.into();
            for to in outside {
                self.send_control(at, to, Control::IHave(ids.clone()));
            }
        }
    }

    fn send_control(&mut self, from: Index, to: Index, control: Control) {
        let traffic = &mut self.peers[from].traffic;
        traffic.controls += 1;
        traffic.control_bytes += control.bytes();
        let bytes = control.bytes() as usize;
        let arrival = |life| Happening::Control { from, to, life, control: control.clone() };
        self.send(&Sent { kind: Kind::Control, number: 0, from, to, bytes }, arrival);
    }

    /// A neighbour's control message arrives.
    pub(crate) fn control(&mut self, from: Index, at: Index, control: Control) {
        match control {
            Control::Graft(channel) => self.grafted(from, at, channel),
            Control::Prune(channel) => {
                let until = self.now + self.limits.mesh.backoff.as_micros() as u64;
                let Some(listening) = self.peers[at].gossip.channels.get_mut(&channel) else { return };
                listening.mesh.remove(&from);
                listening.backoff.insert(from, until);
                if listening.is_joined {
                    self.feed(at, channel);
                }
            }
            Control::IHave(ids) => {
                let seen = &self.peers[at].gossip.seen;
                let unseen: Vec<u64> = ids.iter().copied().filter(|id| !seen.has(*id)).collect();
                if !unseen.is_empty() {
                    self.send_control(at, from, Control::IWant(unseen));
                }
            }
            Control::IWant(ids) => self.asked_again(from, at, ids),
        }
    }

    /// A neighbour has taken this peer into its mesh: so it is in this peer's, if there is room.
    fn grafted(&mut self, from: Index, at: Index, channel: ChannelNo) {
        let (now, high) = (self.now, self.limits.mesh.high);
        let listening = self.peers[at].gossip.channels.entry(channel).or_default();
        let is_welcome = listening.is_joined
            && listening.mesh.len() < high
            && listening.backoff.get(&from).is_none_or(|until| *until <= now);
        if is_welcome {
            listening.mesh.insert(from);
        } else if !listening.mesh.contains(&from) {
            self.send_away(at, from, channel);
        }
    }

    fn asked_again(&mut self, from: Index, at: Index, ids: Vec<u64>) {
        let most = self.limits.mesh.retransmissions;
        for id in ids {
            let Some(cached) = self.peers[at].gossip.cache.get_mut(&id) else { continue };
            let times = cached.asked.entry(from).or_default();
            *times += 1;
            if *times <= most {
                let gossip = cached.gossip.clone();
                self.peers[from].traffic.recovered += 1;
                self.send_gossip(at, from, &gossip);
            }
        }
    }

    /// A neighbour is gone.
    pub(crate) fn forget_neighbour(&mut self, at: Index, gone: Index) {
        let gossip = &mut self.peers[at].gossip;
        let mut hungry = Vec::new();
        for (number, listening) in &mut gossip.channels {
            listening.listeners.remove(&gone);
            if listening.mesh.remove(&gone) {
                hungry.push(*number);
            }
        }
        for channel in hungry {
            self.feed(at, channel);
        }
    }
}
