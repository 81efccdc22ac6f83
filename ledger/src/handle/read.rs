//! Reading: pages of entries and topics, straight from the store and without a lock.

use std::fmt;
use std::ops::{Bound, ControlFlow};
use std::str::FromStr;

use bytes::Bytes;
use cid::Cid;

use crate::author::Author;
use crate::entry::{self, Entry, EntryId};
use crate::folder::{self, damaged};
use crate::records::{self, Number, TopicRecord, chains, entries};
use crate::replica::Fork;
use crate::store::{Direction, KeyRange, Store, StoreError, Table};
use crate::time::Time;
use crate::topic::TopicId;

/// The most that one page holds.
pub const MAX_PAGE: usize = 10_000;

/// Part of a list, and where the rest begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a list. Opaque text that stays good across restarts and whatever is added meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let cursor = Cursor(text.to_owned());
        if cursor.entry().is_some() || cursor.topic().is_some() { Ok(cursor) } else { Err(CursorError) }
    }
}

impl Cursor {
    fn of_entry(time: Time, id: &EntryId) -> Self {
        Cursor(folder::long(time, id))
    }

    fn entry(&self) -> Option<(Time, EntryId)> {
        let (time, _, id) = folder::parts(&self.0)?;
        Some((time, id?))
    }

    fn topic(&self) -> Option<Number> {
        self.0.strip_prefix('t')?.parse().ok()
    }
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: use the one that the page before gave")]
pub struct CursorError;

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The latest time first.
    #[default]
    NewestFirst,
    /// The earliest time first.
    OldestFirst,
}

/// Which entries of a topic to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which way.
    pub order: Order,
    /// Only entries of this time or later.
    pub from: Option<Time>,
    /// Only entries before this time.
    pub to: Option<Time>,
    /// Go on behind this place.
    pub after: Option<Cursor>,
    /// Entries on the page, at most [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Query { order: Order::NewestFirst, from: None, to: None, after: None, limit: 100 }
    }
}

/// What is known of a topic without reading its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicInfo {
    /// Its id.
    pub id: TopicId,
    /// Its canonical name, if an entry or the user told it.
    pub name: Option<String>,
    /// Its folder.
    pub cid: Option<Cid>,
    /// Entries in the folder.
    pub entries: u64,
    /// Bytes of the folder and everything in it, without attachments that were not fetched.
    pub size: u64,
    /// The time of the newest entry.
    pub newest: Option<Time>,
    /// Whether it is followed.
    pub followed: bool,
}

impl From<TopicRecord> for TopicInfo {
    fn from(record: TopicRecord) -> Self {
        TopicInfo {
            id: record.id,
            newest: record.tree.root.map(|_| record.newest),
            cid: record.tree.root,
            entries: record.entries,
            size: record.tree.size,
            name: record.name,
            followed: record.followed,
        }
    }
}

/// What is irregular in a topic: proofs of forks, and gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Places in chains that several entries claim.
    pub forks: Vec<Fork>,
    /// Places in chains that no entry holds though a later one is there.
    pub gaps: Vec<Gap>,
}

/// Missing places in an author's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub author: Author,
    /// The first missing place.
    pub from: u64,
    /// The first place behind the gap that is there.
    pub to: u64,
}

/// The number of a topic. One point look-up.
pub(super) fn number(store: &dyn Store, id: &TopicId) -> Result<Option<Number>, StoreError> {
    let value = store.get(Table::Topics, &records::topics::by_id(id))?;
    value
        .map(|value| value.try_into().map(Number::from_be_bytes).map_err(|_| damaged("the number of a topic")))
        .transpose()
}

/// A topic's record. Two point look-ups.
pub(super) fn record(store: &dyn Store, id: &TopicId) -> Result<Option<TopicRecord>, StoreError> {
    let Some(number) = number(store, id)? else { return Ok(None) };
    let value = store.get(Table::Topics, &records::topics::record(number))?;
    value.map(|value| TopicRecord::read(number, &value)).transpose()
}

/// A page of topics, in the order in which they were first seen. O(log n + page).
pub(super) fn topics(store: &dyn Store, after: Option<&Cursor>, limit: usize) -> Result<Page<TopicInfo>, StoreError> {
    let limit = limit.min(MAX_PAGE);
    let from = after.and_then(Cursor::topic).unwrap_or(0).saturating_add(1);
    let (from, to) = (records::topics::record(from), records::topics::RECORDS_END);
    let found = records::collect(store, Table::Topics, &from, to, Direction::Forward, limit)?;
    let mut items = Vec::with_capacity(found.len());
    let mut last = 0;
    for (key, value) in found {
        last = key.get(1..).and_then(|number| number.try_into().ok()).map_or(0, Number::from_be_bytes);
        items.push(TopicRecord::read(last, &value)?.into());
    }
    let next = (items.len() == limit).then(|| Cursor(format!("t{last}")));
    Ok(Page { items, next })
}

/// The entry with this id. Two point look-ups.
pub(super) fn entry(store: &dyn Store, id: &EntryId) -> Result<Option<Entry>, StoreError> {
    match records::locate(store, id)? {
        Some(location) => records::load_entry(store, &location).map(Some),
        None => Ok(None),
    }
}

/// A page of a topic's entries. O(log n + page).
pub(crate) fn page(store: &dyn Store, topic: &TopicId, query: &Query) -> Result<Page<Entry>, StoreError> {
    let limit = query.limit.min(MAX_PAGE);
    let Some(number) = number(store, topic)? else { return Ok(Page { items: Vec::new(), next: None }) };
    let after = query
        .after
        .as_ref()
        .and_then(Cursor::entry)
        .map(|(time, id)| entries::key(&records::Location { number, time, id }));
    let from = entries::from(number, query.from.unwrap_or_default());
    let to = query.to.map_or_else(|| entries::end(number), |to| entries::from(number, to));
    let (mut from, mut to) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
    let way = match query.order {
        Order::NewestFirst => Direction::Backward,
        Order::OldestFirst => Direction::Forward,
    };
    match (&after, query.order) {
        (Some(after), Order::OldestFirst) => from = Bound::Excluded(after),
        (Some(after), Order::NewestFirst) => to = Bound::Excluded(after),
        (None, _) => {}
    }
    let mut items = Vec::new();
    let mut broken = false;
    if limit > 0 {
        store.scan(Table::Entries, KeyRange { from, to }, way, &mut |_, file| {
            match entry::read_stored(&Bytes::copy_from_slice(file)) {
                Some(entry) => items.push(entry),
                None => broken = true,
            }
            if broken || items.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    if broken {
        return Err(damaged("an entry does not read back"));
    }
    let next =
        if items.len() == limit { items.last().map(|last| Cursor::of_entry(last.time(), &last.id())) } else { None };
    Ok(Page { items, next })
}

/// Looks through all chains of a topic. O(entries).
pub(super) fn audit(store: &dyn Store, topic: &TopicId) -> Result<Audit, StoreError> {
    let mut audit = Audit::default();
    let Some(number) = number(store, topic)? else { return Ok(audit) };
    let (from, to) = (number.to_be_bytes(), entries::end(number));
    let mut expected: Option<(Author, u64)> = None;
    store.scan(Table::Chains, records::range(&from, &to), Direction::Forward, &mut |key, value| {
        let Some((author, seq)) = chains::read(key) else { return ControlFlow::Continue(()) };
        let next = expected.filter(|(known, _)| *known == author).map_or(0, |(_, next)| next);
        if seq > next {
            audit.gaps.push(Gap { author, from: next, to: seq });
        }
        expected = Some((author, seq + 1));
        let ids = chains::ids(value);
        if ids.len() > 1 {
            audit.forks.push(Fork { topic: *topic, author, seq, entries: ids });
        }
        ControlFlow::Continue(())
    })?;
    Ok(audit)
}
