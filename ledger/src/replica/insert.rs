//! Taking admitted entries in: the set grows, and everything that is a function of the set follows.
//!
//! The result depends on the set alone (design invariants 1 and 3): a redaction that comes before what it redacts, after
//! it, or with it, leads to the same rows, names and folder.

use std::time::Duration;

use super::Replica;
use super::effects::{Fork, Notice};
use super::step::Step;
use super::timers::Timer;
use super::topics::CATALOG;
use crate::admission::Refusal;
use crate::content;
use crate::entry::{Entry, EntryId};
use crate::folder::{self, File, Item, Ranked};
use crate::marks::mark;
use crate::records::{Location, Locations, Number, entries, notes};
use crate::store::{StoreError, Table};

/// Entries in one step from which on they are a bulk: more of them will follow, and nobody waits for each.
const BULK: usize = 64;

/// How long a bulk may gather before it is folded into the folders; up to four times as long when it goes to many topics,
/// because each of them is then written anew for a few entries.
const BULK_GAP: Duration = Duration::from_millis(500);
const TOPICS_PER_GAP: usize = 64;
const MOST_GAPS: usize = 4;

/// Entries of one topic, written here, that are folded in at once: peers begin to fetch them while more are written, and
/// that many share the nodes they change. What a pull brings is folded in when it ends.
const BULK_MOST: u64 = 2048;

/// How an entry came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Signed just now, behind the head of its author's chain: nothing can be known of it yet, so nothing is looked up.
    Signed,
    /// Submitted here: it goes into any topic, and out with the next announcement.
    Here,
    /// Announced or fetched: it must be of a topic that is held, and within the limits.
    Peer,
}

impl Replica {
    /// Takes entries in; says of each whether it was new.
    pub(super) fn insert(
        &mut self,
        step: &mut Step<'_>,
        arrived: Vec<Entry>,
        origin: Origin,
    ) -> Result<Vec<Result<bool, Refusal>>, StoreError> {
        step.is_bulk |= arrived.len() >= BULK;
        let mut results = Vec::with_capacity(arrived.len());
        let mut bodiless = Vec::new();
        for entry in arrived {
            if entry.is_redacted() {
                bodiless.push((results.len(), entry));
                results.push(Ok(false));
            } else {
                let result = self.insert_one(step, entry, origin)?;
                results.push(result);
            }
        }
        // A body may be missing because of a redaction that came in the same batch, in any order: so these come last. A
        // redaction may itself be redacted; it stands behind its target in the author's chain, so the latest come first.
        bodiless.sort_by_key(|(_, entry): &(usize, Entry)| std::cmp::Reverse(entry.header().seq));
        for (at, entry) in bodiless {
            results[at] = self.insert_one(step, entry, origin)?;
        }
        for result in &results {
            self.counters.count(result);
        }
        Ok(results)
    }

    fn insert_one(
        &mut self,
        step: &mut Step<'_>,
        entry: Entry,
        origin: Origin,
    ) -> Result<Result<bool, Refusal>, StoreError> {
        let id = entry.id();
        let fresh = origin == Origin::Signed;
        let mut locations = if fresh { Locations::default() } else { step.locations(&id)? };
        if locations.find(&id).is_some() {
            return Ok(Ok(false));
        }
        if entry.time() > step.now + self.options.future {
            self.defer(entry);
            return Ok(Err(Refusal::Future(id)));
        }
        let number = match self.place(&entry, origin) {
            Ok(number) => number,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // A topic's first entries may be folded into its folder later than they are committed; without its record, nothing
        // would find them again after a crash.
        if self.topics.get(number).is_some_and(|topic| topic.record.tree.root.is_none()) {
            self.unsaved.insert(number);
        }
        self.tell_listeners(step, number, entry.topic());
        let redacted = !fresh && step.is_redacted(number, &id, &entry.author())?;
        if entry.is_redacted() && !redacted {
            return Ok(Err(Refusal::NoBody(id)));
        }
        if redacted && !entry.is_redacted() {
            mark!("a redaction was there before its target");
        }
        let entry = if redacted { entry.redacted() } else { entry };
        let location = Location { number, time: entry.time(), id };
        locations.insert(location);
        step.set_locations(&id, locations);
        let file = self.write(step, &location, &entry);
        self.name(step, &location, &entry, &file)?;
        self.learn(number, &entry);
        if let ids @ [_, _, ..] = &step.chain(number, &entry, fresh)?[..] {
            let fork =
                Fork { topic: entry.topic(), author: entry.author(), seq: entry.header().seq, entries: ids.to_vec() };
            step.effects.notices.push(Notice::Fork(fork));
        }
        for target in &entry.header().redacts {
            self.redact(step, &location, &entry, target)?;
        }
        if origin != Origin::Peer {
            self.freshen(number, file.file);
        }
        self.remember_arrival(step, &location, origin);
        step.effects.notices.push(Notice::Entry(entry.clone()));
        step.set_entry(entry);
        Ok(Ok(true))
    }

    /// The topic that the entry goes to, if it may.
    fn place(&mut self, entry: &Entry, origin: Origin) -> Result<Number, Refusal> {
        let topic = entry.topic();
        let known = self.topics.number(&topic);
        if origin == Origin::Peer {
            let wanted = self.options.mirror
                || known.and_then(|number| self.topics.get(number)).is_some_and(|topic| topic.record.followed);
            if !wanted {
                return Err(Refusal::NotFollowed { id: entry.id(), found: topic });
            }
            if self.store_is_full() {
                mark!("an entry finds no room");
                return Err(Refusal::Limit(entry.id()));
            }
        }
        match known {
            Some(CATALOG) => Err(Refusal::NotFollowed { id: entry.id(), found: topic }),
            Some(number) => Ok(number),
            None if self.topics.len() >= self.options.limits.topics => Err(Refusal::Limit(entry.id())),
            None => Ok(self.topics.create(topic)),
        }
    }

    /// Writes the entry's file and where to find it by its CID.
    fn write(&mut self, step: &mut Step<'_>, location: &Location, entry: &Entry) -> Filed {
        let file = entry.to_file();
        let digest = content::sha256(&file);
        self.stored_bytes += file.len() as u64 + 256;
        let key = entries::key(location);
        step.effects.commit.put(Table::Files, digest, key.as_slice());
        step.effects.commit.put(Table::Entries, key, file.as_slice());
        if !entry.is_redacted() {
            for link in &entry.header().links {
                step.effects.commit.put(Table::Notes, notes::attached(link.cid.hash().digest(), &location.id), []);
            }
        }
        Filed { file, digest }
    }

    /// Gives the entry its name in the folder. Who has the same short name and not the smallest id is listed under the
    /// long one.
    fn name(&mut self, step: &Step<'_>, location: &Location, entry: &Entry, file: &Filed) -> Result<(), StoreError> {
        let Location { number, time, id } = *location;
        let namesakes: Vec<Location> =
            step.locations(&id)?.namesakes(number, time).filter(|other| other.id != id).collect();
        let is_first = namesakes.first().is_none_or(|first| id < first.id);
        if let (true, Some(first)) = (is_first, namesakes.first()) {
            let other = step.entry(first)?;
            self.list(number, folder::long(time, &first.id), &other, &Filed::of(&other));
        }
        let key = if is_first { folder::short(time, &id) } else { folder::long(time, &id) };
        self.list(number, key, entry, file);
        Ok(())
    }

    /// Lists the entry's file in the folder under this name.
    fn list(&mut self, number: Number, key: String, entry: &Entry, file: &Filed) {
        let Some(topic) = self.topics.get_mut(number) else { return };
        let ranked = ranked(key, entry, file);
        topic.pending.insert(ranked.item.key.clone(), Some(ranked));
    }

    /// What the entry tells about its topic.
    fn learn(&mut self, number: Number, entry: &Entry) {
        let Some(topic) = self.topics.get_mut(number) else { return };
        topic.pending_entries += 1;
        topic.record.newest = topic.record.newest.max(entry.time());
        if topic.record.name.is_none() {
            topic.record.name.clone_from(&entry.header().topic_name);
        }
        let head = (entry.header().seq, entry.id());
        let key = (number, entry.author());
        if let Some(known) = self.heads.get_mut(&key)
            && (head.0 > known.0 || (head.0 == known.0 && head.1 < known.1))
        {
            *known = head;
        }
    }

    /// Carries out what a redacting entry asks for, now or when its target comes.
    fn redact(
        &mut self,
        step: &mut Step<'_>,
        by: &Location,
        redactor: &Entry,
        target: &EntryId,
    ) -> Result<(), StoreError> {
        if !step.redact(by.number, target, &redactor.author())? {
            return Ok(());
        }
        let Some(location) = step.locations(target)?.find(target) else { return Ok(()) };
        if location.number != by.number {
            return Ok(());
        }
        let entry = step.entry(&location)?;
        if entry.author() != redactor.author() || entry.is_redacted() {
            mark!("a redaction takes nothing away");
            return Ok(());
        }
        step.effects.commit.delete(Table::Files, content::sha256(&entry.to_file()));
        for link in &entry.header().links {
            step.effects.commit.delete(Table::Notes, notes::attached(link.cid.hash().digest(), target));
            if let Some(orphan) = notes::orphan(&link.cid) {
                step.effects.commit.put(Table::Notes, orphan, []);
            }
        }
        let entry = entry.redacted();
        let file = self.write(step, &location, &entry);
        let first = step.locations(target)?.namesakes(location.number, location.time).next();
        let is_first = first.is_none_or(|first| first.id == *target);
        let key = if is_first { folder::short(location.time, target) } else { folder::long(location.time, target) };
        self.list(location.number, key, &entry, &file);
        if let Some(topic) = self.topics.get_mut(location.number) {
            topic.lists_what_is_gone = true;
        }
        self.remember_arrival(step, &location, Origin::Peer);
        step.effects.notices.push(Notice::Redacted { topic: entry.topic(), entry: *target });
        step.set_entry(entry);
        Ok(())
    }

    /// Keeps the file for the next announcements, as far as it fits.
    fn freshen(&mut self, number: Number, file: Vec<u8>) {
        let file = bytes::Bytes::from(file);
        let (inline, most) = (self.options.inline, self.options.inline_most);
        for number in [number, CATALOG] {
            let Some(topic) = self.topics.get_mut(number) else { continue };
            topic.is_ours = true;
            let held: usize = topic.fresh.iter().map(|file| file.len() + 5).sum();
            let room = if topic.fresh.is_empty() { most.max(inline) } else { inline.saturating_sub(held) };
            if file.len() <= room {
                topic.fresh.push(file.clone());
            }
        }
        self.local_news.insert(number);
    }

    /// Notes that the topic's tree has to change, so that a crash before it did is made good.
    fn remember_arrival(&mut self, step: &mut Step<'_>, location: &Location, origin: Origin) {
        let note = step.arrived.entry(location.number).or_default();
        note.extend_from_slice(&location.time.as_millis().to_be_bytes());
        note.extend_from_slice(location.id.as_bytes());
        let topic = self.topics.get(location.number);
        let is_much = origin != Origin::Peer && topic.is_some_and(|topic| topic.pending_entries >= BULK_MOST);
        let at = match topic.and_then(|topic| topic.settled) {
            _ if is_much => step.now,
            _ if step.is_bulk => {
                let gaps = (1 + self.breadth / TOPICS_PER_GAP).min(MOST_GAPS);
                step.now + BULK_GAP * gaps as u32
            }
            None => step.now,
            Some(settled) => step.now.max(settled + self.settle_gap(location.number)),
        };
        self.timers.by(Timer::Settle(location.number), at);
    }
}

/// An entry's file and its SHA-256.
pub(super) struct Filed {
    file: Vec<u8>,
    digest: [u8; 32],
}

impl Filed {
    pub(super) fn of(entry: &Entry) -> Self {
        let file = entry.to_file();
        Filed { digest: content::sha256(&file), file }
    }
}

/// The entry as the folder lists it.
pub(super) fn ranked(key: String, entry: &Entry, file: &Filed) -> Ranked {
    let links = if entry.is_redacted() { &[][..] } else { &entry.header().links };
    let files = links.iter().map(|link| File { name: link.name.clone(), cid: link.cid, size: link.size }).collect();
    let cid = content::cid(content::RAW, &file.digest);
    Ranked { item: Item { key, cid, size: file.file.len() as u64, files }, rank: folder::rank(entry.id().as_bytes()) }
}

/// The entries that have this name or the beginning of it, by what a name in a folder tells.
pub(super) fn known_by_name(
    store: &dyn crate::store::Store,
    number: Number,
    name: &str,
) -> Result<Option<Location>, StoreError> {
    let Some((time, prefix, rest)) = folder::parts(name) else { return Ok(None) };
    let locations = Locations::load(store, &prefix)?;
    let mut namesakes = locations.namesakes(number, time);
    Ok(match rest {
        None => namesakes.next(),
        Some(id) => namesakes.find(|location| location.id == id),
    })
}
