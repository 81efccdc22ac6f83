//! The topics that a replica holds, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::folder::{Changes, damaged};
use crate::records::{self, Number, TopicRecord};
use crate::store::{Direction, Store, StoreError, Table};
use crate::time::Time;
use crate::topic::TopicId;

/// The number of the catalog.
pub(super) const CATALOG: Number = 0;

/// A topic (or the catalog, which is one in every respect that matters here).
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) record: TopicRecord,
    /// Whether its channel is joined.
    pub(super) joined: bool,
    /// Changes that the tree has not got yet.
    pub(super) pending: Changes,
    /// Entries among them.
    pub(super) pending_entries: u64,
    /// Whether a file that the tree still lists is gone, for a redaction.
    pub(super) lists_what_is_gone: bool,
    /// Serials of the notes that keep what is pending over a crash.
    pub(super) notes: Vec<u64>,
    /// Files that were written here and not announced yet, as far as they fit into one announcement.
    pub(super) fresh: Vec<Bytes>,
    /// Whether something was written here since the replica was opened.
    pub(super) is_ours: bool,
    /// When the tree was last brought up to date.
    pub(super) settled: Option<Time>,
    /// Until then no answer is due beyond those that may come at once: each announcement moves it on.
    pub(super) answered: Time,
    /// The root that was last announced from here.
    pub(super) announced: Option<cid::Cid>,
    /// Until then somebody who began to listen may not be part of the mesh yet, and hear only direct neighbours.
    pub(super) newcomers_until: Time,
    /// Nodes that this took, and entries that it folded in.
    pub(super) last_nodes: u32,
    pub(super) last_entries: u64,
}

impl Topic {
    pub(super) fn new(record: TopicRecord) -> Self {
        Topic {
            record,
            joined: false,
            pending: Changes::new(),
            pending_entries: 0,
            lists_what_is_gone: false,
            notes: Vec::new(),
            fresh: Vec::new(),
            is_ours: false,
            settled: None,
            answered: Time::default(),
            announced: None,
            newcomers_until: Time::default(),
            last_nodes: 0,
            last_entries: 0,
        }
    }
}

/// All topics, by number and by id.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_number: BTreeMap<Number, Topic>,
    by_id: BTreeMap<TopicId, Number>,
}

impl Topics {
    /// Reads all records. O(topics).
    pub(super) fn load(store: &dyn Store, catalog: TopicId) -> Result<Self, StoreError> {
        let mut topics = Topics::default();
        let (from, to) = (records::topics::RECORDS, records::topics::RECORDS_END);
        for (key, value) in records::collect(store, Table::Topics, from, to, Direction::Forward, usize::MAX)? {
            let number = key.get(1..).and_then(|number| number.try_into().ok()).map(Number::from_be_bytes);
            let number = number.ok_or_else(|| damaged("the number of a topic"))?;
            topics.add(TopicRecord::read(number, &value)?);
        }
        match topics.by_number.get(&CATALOG) {
            None => topics.add(TopicRecord::new(CATALOG, catalog)),
            // Another network's catalog lists the same folders, so it stays what it is under another name.
            Some(found) if found.record.id != catalog => {
                let record = TopicRecord { id: catalog, ..found.record.clone() };
                topics.by_id.remove(&found.record.id);
                topics.add(record);
            }
            Some(_) => {}
        }
        Ok(topics)
    }

    fn add(&mut self, record: TopicRecord) {
        self.by_id.insert(record.id, record.number);
        self.by_number.insert(record.number, Topic::new(record));
    }

    /// Makes room for a new topic.
    pub(super) fn create(&mut self, id: TopicId) -> Number {
        let number = self.by_number.last_key_value().map_or(CATALOG, |(number, _)| *number) + 1;
        self.add(TopicRecord::new(number, id));
        number
    }

    pub(super) fn number(&self, id: &TopicId) -> Option<Number> {
        self.by_id.get(id).copied()
    }

    pub(super) fn get(&self, number: Number) -> Option<&Topic> {
        self.by_number.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Topic> {
        self.by_number.get_mut(&number)
    }

    pub(super) fn by_id(&self, id: &TopicId) -> Option<&Topic> {
        self.number(id).and_then(|number| self.get(number))
    }

    /// The topics without the catalog, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.by_number.range(CATALOG + 1..).map(|(_, topic)| topic)
    }

    /// How many topics there are, without the catalog.
    pub(super) fn len(&self) -> usize {
        self.by_number.len() - 1
    }

    /// Numbers of topics with something pending, without the catalog.
    pub(super) fn unsettled(&self) -> Vec<Number> {
        self.by_number
            .range(CATALOG + 1..)
            .filter(|(_, topic)| !topic.pending.is_empty())
            .map(|(number, _)| *number)
            .collect()
    }
}
