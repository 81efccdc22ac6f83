//! Announcing: telling the news once, and the state again and again, as seldom as will do.
//!
//! Suppression follows the idea of SRM (Floyd et al. 1997): whoever is about to say what was just heard stays silent, and
//! jitter makes somebody the first. The jitter is not even but exponential (Nonnenmacher and Biersack 1998): late moments
//! are likelier by far than early ones, so that of ten peers or of ten thousand, only a few are early, and the others hear
//! them in time. With even jitter, a large network all speaks at once.

use std::time::Duration;

use bytes::Bytes;
use cid::Cid;

use super::Replica;
use super::effects::FetchRequest;
use super::step::Step;
use super::timers::Timer;
use super::topics::{CATALOG, Topic};
use crate::announcement::Announcement;
use crate::marks::mark;
use crate::records::Number;
use crate::time::Time;
use crate::topic::TopicId;
use crate::transport::{Channel, Peer};

/// A peer that joined is answered within this time; one of those who could answer does.
pub(super) const WELCOME: Duration = Duration::from_millis(50);

/// A gossip mesh takes in a new neighbour within a heartbeat or two. Until then it hears direct announcements only, so
/// others saying the same is no reason to be silent, and what changed meanwhile is said again at the end.
const NEWCOMER: Duration = Duration::from_millis(2500);

/// A peer that is behind is answered within this time: several times what an announcement takes through a large network,
/// or those who answer do not hear each other in time.
const CORRECTION: Duration = Duration::from_secs(1);

/// A topic's root is said again to those who are behind so often in the long run, and so many times at once before that
/// holds: in a network that is torn and healed again, everybody is behind somebody, and all that they say makes others speak.
const ANSWER_EVERY: Duration = Duration::from_secs(5);
const ANSWERS_AT_ONCE: u32 = 5;

/// So many topics with news are told to mirrors one by one; with more, the catalog that lists them is shorter.
const TOLD_APART: usize = 8;

/// How steep the jitter is: the logarithm of the number of peers among whom a handful still is early.
const STEEPNESS: f64 = 10.0;

impl Replica {
    /// Publishes the topic's root, with what is new as far as it fits.
    pub(super) fn announce(&mut self, step: &mut Step<'_>, number: Number) {
        let period = self.reannounce_period();
        let Some(topic) = self.topics.get_mut(number) else { return };
        // Also of a topic that is empty as yet: its first entries may come by a pull, which sets no timer. And also of one
        // that is not followed, if something was written here: nobody else may have it. A mirror's catalog tells of it.
        if topic.joined || (topic.is_ours && !self.options.mirror) {
            self.timers.set(Timer::Reannounce(number), step.now + period);
        }
        let inline = std::mem::take(&mut topic.fresh);
        let Some(folder) = topic.record.tree.root else { return };
        topic.announced = Some(folder);
        let most = step.now + ANSWER_EVERY * (ANSWERS_AT_ONCE + 1);
        topic.answered = (topic.answered.max(step.now) + ANSWER_EVERY).min(most);
        let announcement = Announcement {
            topic: topic.record.id,
            folder,
            count: topic.record.entries,
            newest: topic.record.newest,
            inline,
        };
        let message = Bytes::from(announcement.encode());
        if self.catalog_news.remove(&number) {
            self.tell_mirrors_of_topic(step, &announcement, message.clone());
        }
        self.say(step, Channel::new(announcement.topic), folder, message);
    }

    fn say(&mut self, step: &mut Step<'_>, channel: Channel, folder: Cid, message: Bytes) {
        self.counters.announced += 1;
        self.known.say(channel, folder, step.now);
        step.effects.publish.push((channel, message));
    }

    /// Mirrors hear of news by the topics' own announcements: who holds a few of the topics that a mirror holds has another
    /// catalog, and each look into it costs a fetch, while the topic's root most often is what the mirror has by then. The
    /// catalog is announced for many topics at once, and as what makes good for all that gets lost.
    pub(super) fn tell_mirrors(&mut self, now: Time, timers: &mut Vec<Timer>) {
        if self.catalog_news.len() > TOLD_APART {
            self.catalog_news.clear();
            timers.push(Timer::Announce(CATALOG));
        } else if !self.catalog_news.is_empty() {
            let period = self.reannounce_period();
            self.timers.by(Timer::Reannounce(CATALOG), now + period);
        }
    }

    fn tell_mirrors_of_topic(&mut self, step: &mut Step<'_>, announcement: &Announcement, message: Bytes) {
        mark!("mirrors are told of a topic and not of a catalog");
        if let Some(catalog) = self.topics.get_mut(CATALOG) {
            catalog.fresh.retain(|file| !announcement.inline.contains(file));
        }
        self.say(step, Channel::new(self.catalog_id), announcement.folder, message);
    }

    /// Answers a peer that began to listen.
    pub(super) fn welcome(&mut self, step: &mut Step<'_>, channel: Channel) {
        let topic = channel.topic();
        let Some(number) = self.topics.number(&topic) else {
            if self.options.mirror && self.listened.len() < self.options.limits.channels {
                self.listened.insert(topic);
            }
            return;
        };
        self.join_for_others(step, number);
        // Whoever holds the topic answers, followed or not.
        if self.topics.get(number).is_some_and(|topic| topic.record.tree.root.is_some()) {
            let delay = WELCOME.mul_f64(self.rng.f64());
            self.timers.by(Timer::Announce(number), step.now + delay);
        }
        let Some(topic) = self.topics.get_mut(number) else { return };
        topic.newcomers_until = step.now + NEWCOMER;
        self.timers.set(Timer::FollowUp(number), topic.newcomers_until);
    }

    /// Newcomers are part of the mesh by now: tell them what they may have missed.
    pub(super) fn follow_up(&mut self, step: &mut Step<'_>, number: Number) {
        if self.topics.get(number).is_some_and(|topic| topic.announced != topic.record.tree.root) {
            mark!("a newcomer is told what it missed");
            self.announce(step, number);
        }
    }

    /// A mirror takes in the first entries of a topic: those who listened before it was known here are told.
    pub(super) fn tell_listeners(&mut self, step: &mut Step<'_>, number: Number, topic: TopicId) {
        if self.listened.remove(&topic) {
            mark!("listeners waited for a topic");
            self.join_for_others(step, number);
            self.local_news.insert(number);
        }
    }

    /// Announces soon, unless somebody else says the same before.
    pub(super) fn announce_within(&mut self, now: Time, number: Number, span: Duration) {
        let joined = self.topics.get(number).is_some_and(|topic| topic.joined && topic.record.tree.root.is_some());
        if joined {
            let delay = span.mul_f64(self.lot());
            self.timers.by(Timer::Announce(number), now + delay);
        }
    }

    /// Somebody announced a root that is behind ours.
    pub(super) fn correct(&mut self, now: Time, number: Number) {
        let Some(topic) = self.topics.get(number).filter(|topic| topic.joined && topic.record.tree.root.is_some())
        else {
            return;
        };
        let earliest = topic.answered - ANSWER_EVERY * ANSWERS_AT_ONCE;
        let delay = CORRECTION.mul_f64(self.lot());
        self.timers.by(Timer::Announce(number), earliest.max(now + delay));
    }

    /// Somebody announced what may be ahead of ours, and it is going to be pulled: that answers whoever is behind better than
    /// we could. Once the pull has ended, we speak if we know more.
    pub(super) fn hold_back(&mut self, now: Time, number: Number) {
        if !self.has_to_speak(now, number) && self.timers.clear(Timer::Announce(number)) {
            mark!("an answer waits for a pull");
        }
    }

    /// Whether there is something to announce that others could not say as well.
    fn has_to_speak(&self, now: Time, number: Number) -> bool {
        let has_news = |topic: &Topic| !topic.fresh.is_empty() || self.local_news.contains(&number);
        self.topics.get(number).is_some_and(|topic| has_news(topic) || now < topic.newcomers_until)
    }

    /// Somebody announced our own root: there is nothing to add. Says whether that spares us an announcement.
    pub(super) fn agree(&mut self, now: Time, number: Number) -> bool {
        let period = self.reannounce_period();
        let spared = !self.has_to_speak(now, number) && self.timers.clear(Timer::Announce(number));
        if self.topics.get(number).is_some_and(|topic| topic.joined) {
            self.timers.set(Timer::Reannounce(number), now + period);
        }
        spared
    }

    /// Joins the topic's channel.
    pub(super) fn join(&mut self, step: &mut Step<'_>, number: Number) {
        let period = self.reannounce_period();
        let Some(topic) = self.topics.get_mut(number) else { return };
        if !topic.joined {
            topic.joined = true;
            self.joined += 1;
            step.effects.join.push(Channel::new(topic.record.id));
            self.timers.set(Timer::Reannounce(number), step.now + period);
        }
    }

    /// Leaves the topic's channel.
    pub(super) fn leave(&mut self, step: &mut Step<'_>, number: Number) {
        let Some(topic) = self.topics.get_mut(number) else { return };
        if topic.joined {
            topic.joined = false;
            topic.is_ours = false;
            self.joined -= 1;
            step.effects.leave.push(Channel::new(topic.record.id));
            self.timers.clear(Timer::Reannounce(number));
            self.timers.clear(Timer::Announce(number));
        }
    }

    /// A mirror joins the channels of those of its topics that somebody listens on: not all, there may be very many.
    fn join_for_others(&mut self, step: &mut Step<'_>, number: Number) {
        if !self.options.mirror || number == CATALOG {
            return;
        }
        if self.joined < self.options.limits.channels {
            self.join(step, number);
        } else {
            self.counters.channels_refused += 1;
        }
    }

    /// The time to the next announcement of an unchanged root: a quarter of jitter, so that peers do not speak at once.
    fn reannounce_period(&mut self) -> Duration {
        let lot = self.lot();
        self.options.reannounce.mul_f64(0.75 + 0.5 * lot)
    }

    /// A part of a span of time, near to its end for most and near to its beginning for few.
    fn lot(&mut self) -> f64 {
        (self.rng.f64() * STEEPNESS.exp_m1()).ln_1p() / STEEPNESS
    }
}

/// Merges requests that go to the same peers, so that a transport sees few large ones.
pub(super) fn merge(requests: Vec<FetchRequest>) -> Vec<FetchRequest> {
    let mut merged: Vec<(Vec<Peer>, FetchRequest)> = Vec::new();
    for request in requests {
        match merged.iter_mut().find(|(peers, _)| *peers == request.ask_first) {
            Some((_, into)) => into.cids.extend(request.cids),
            None => merged.push((request.ask_first.clone(), request)),
        }
    }
    merged.into_iter().map(|(_, request)| request).collect()
}
