//! Hearing: what an announcement brings, whom it makes speak, and whether it goes on to others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Replica;
use super::insert::Origin;
use super::step::Step;
use super::topics::CATALOG;
use crate::admission::Refusal;
use crate::announcement::{Announcement, AnnouncementError};
use crate::entry::Entry;
use crate::marks::mark;
use crate::records::Number;
use crate::store::StoreError;
use crate::time::Time;
use crate::topic::TopicId;
use crate::transport::{Channel, Demerit, Peer, Verdict};

/// A catalog that changed so lately differs from others' by what is on its way to them or from them; so theirs are looked
/// into this much later, and not once for each announcement.
const CATALOG_REST: Duration = Duration::from_secs(1);

/// An unknown root with no more entries than ours is pulled this much later, unless somebody says meanwhile that it has what
/// is here: twice the time within which somebody does.
const DOUBT: Duration = Duration::from_secs(2);

/// How an announced root stands to our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Same {
        /// We were about to say it ourselves.
        spared: bool,
    },
    /// All that it holds is here, and more.
    Behind,
    /// It may hold something that is not here.
    Unknown,
}

impl Replica {
    /// An announcement: take in what is inline, compare roots, and pull or answer if they differ.
    pub(super) fn heard(
        &mut self,
        step: &mut Step<'_>,
        channel: Channel,
        from: &Peer,
        announcement: Result<Announcement, AnnouncementError>,
        entries: Vec<Result<Entry, Refusal>>,
    ) -> Result<Verdict, StoreError> {
        self.counters.heard += 1;
        // Mirrors hear of single topics on the catalog's channel, too.
        let for_mirrors = channel.topic() == self.catalog_id;
        let announcement = match announcement {
            Ok(announcement) if announcement.topic == channel.topic() || for_mirrors => announcement,
            Err(AnnouncementError::Version(_)) => {
                self.counters.heard_newer += 1;
                return Ok(Verdict::Ignore);
            }
            _ => {
                self.demerits(step, [(from.clone(), Demerit::BadAnnouncement)]);
                return Ok(Verdict::Reject);
            }
        };
        let sent = entries.len();
        let good: Vec<Entry> = entries.into_iter().flatten().collect();
        let topic = announcement.topic;
        let is_catalog = topic == self.catalog_id;
        if good.len() < sent || good.iter().any(|entry| !is_catalog && entry.topic() != topic) {
            self.demerits(step, [(from.clone(), Demerit::BadEntry)]);
            return Ok(Verdict::Reject);
        }
        let wanted = if for_mirrors { self.options.mirror } else { self.options.mirror || self.is_followed(&topic) };
        if !wanted {
            return Ok(Verdict::Ignore);
        }
        let had_inline = !good.is_empty();
        let is_news = self.take_inline(step, good)?;
        let standing = self.compare(step, from, &announcement, had_inline)?;
        let goes_on = is_news || self.goes_on(step.now, channel, &announcement, had_inline, standing);
        if !goes_on {
            self.counters.heard_enough += 1;
            return Ok(Verdict::Ignore);
        }
        self.known.say(channel, announcement.folder, step.now);
        Ok(Verdict::Accept)
    }

    /// Takes inline entries in; says whether any was new.
    fn take_inline(&mut self, step: &mut Step<'_>, entries: Vec<Entry>) -> Result<bool, StoreError> {
        let touched: BTreeSet<TopicId> = entries.iter().map(Entry::topic).collect();
        let results = self.insert(step, entries, Origin::Peer)?;
        let is_news = results.iter().any(|result| result.as_ref().is_ok_and(|new| *new));
        if is_news {
            for topic in touched {
                if let Some(number) = self.topics.number(&topic) {
                    self.settle(step, number)?;
                }
            }
        }
        Ok(is_news)
    }

    /// Compares an announced root with our own, and sees to what follows from that.
    fn compare(
        &mut self,
        step: &mut Step<'_>,
        from: &Peer,
        announcement: &Announcement,
        had_inline: bool,
    ) -> Result<Standing, StoreError> {
        let Announcement { topic, folder, .. } = announcement;
        let number = self.topics.number(topic);
        if number == Some(CATALOG) {
            self.settle(step, CATALOG)?;
        }
        let ours = number.and_then(|number| self.topics.get(number)).and_then(|topic| topic.record.tree.root);
        if ours == Some(*folder) {
            self.counters.heard_same += u64::from(!had_inline);
            self.goals.agreed(topic, folder);
            let spared = number.is_some_and(|number| self.agree(step.now, number));
            return Ok(Standing::Same { spared });
        }
        if self.is_held(step, folder)? || self.known.is_behind(folder) {
            // All that they have is here, and more.
            mark!("an announced root is behind ours");
            if let Some(number) = number {
                self.correct(step.now, number);
            }
            return Ok(Standing::Behind);
        }
        let not_before = self.look_into_from(step.now, *topic, had_inline);
        let is_doubtful = self.is_doubtful(announcement);
        let not_before = if is_doubtful { step.now + DOUBT } else { not_before };
        let is_considered = self.consider(step.now, *topic, *folder, Some(from), not_before)?;
        if is_considered && is_doubtful {
            mark!("who seems to be behind is told before it is asked");
            self.goals.doubt(topic, folder);
        }
        match number {
            Some(number) if is_doubtful => self.correct(step.now, number),
            Some(number) if is_considered => self.hold_back(step.now, number),
            _ => {}
        }
        Ok(Standing::Unknown)
    }

    /// Whether an unknown root has no more entries than ours. When many write at once, each announces a root that only it ever
    /// had, and all have the same a moment later. So what is here is said first; if the announcer agrees, there is nothing
    /// to fetch, and if it has something else, it says so.
    fn is_doubtful(&self, announcement: &Announcement) -> bool {
        let ours = self.topics.by_id(&announcement.topic).map_or(0, |topic| topic.record.entries);
        announcement.topic != self.catalog_id && announcement.count <= ours
    }

    /// When an unknown root is to be pulled: not while it is likely that what it has comes by itself.
    fn look_into_from(&self, now: Time, topic: TopicId, had_inline: bool) -> Time {
        let settled = self.topics.get(CATALOG).and_then(|catalog| catalog.settled);
        if topic == self.catalog_id && settled.is_some_and(|settled| now < settled + CATALOG_REST) {
            mark!("a catalog is looked into once all is quiet");
            return now + CATALOG_REST;
        }
        if had_inline { now + self.options.grace } else { now }
    }

    /// Whether an announcement that brought no new entry is of use to others.
    fn goes_on(
        &self,
        now: Time,
        channel: Channel,
        announcement: &Announcement,
        had_inline: bool,
        standing: Standing,
    ) -> bool {
        let root = &announcement.folder;
        match standing {
            // Somebody else may know it, or need it.
            Standing::Unknown => true,
            // Whom we were about to tell may hear us, and not those who said it.
            Standing::Same { spared } => spared || !self.known.was_said_lately(channel, root, now),
            // We answer it, so nobody else has to. But what was overtaken on its way brings others its entries.
            Standing::Behind => {
                let answered = self.topics.by_id(&announcement.topic).is_some_and(|topic| topic.joined);
                !answered || (had_inline && !self.known.was_said(channel, root))
            }
        }
    }

    /// News may have been lost: say what is here, so that whoever has more says so.
    pub(super) fn missed(&mut self, now: Time) {
        self.counters.missed += 1;
        let joined: Vec<Number> = std::iter::once(CATALOG)
            .chain(self.topics.iter().filter(|topic| topic.joined).map(|topic| topic.record.number))
            .collect();
        for number in joined {
            self.correct(now, number);
        }
    }
}
