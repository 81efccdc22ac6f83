//! Which rows of an import are here already: importing a file twice, or again after it was cut off, writes each comment
//! once.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use tidings_ledger::handle::{Order, Query};
use tidings_ledger::store::StoreError;
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, Time, TopicId, TopicName};

/// Topics of which it is remembered whether they were here before. After that many, all are asked for again.
const TOPICS: usize = 65_536;

/// Pages of entries of one moment that are looked through. Nobody writes so much in a millisecond; test data may.
const PAGES: usize = 16;

/// What was here before the import began.
#[derive(Default)]
pub(super) struct Known {
    /// Only topics that had entries then are searched, so that a first import pays nothing.
    had_entries: HashMap<TopicId, bool>,
}

impl Known {
    /// Whether the author's comment of that time and text is here, or was and has been taken back. A row without a time is
    /// always new. One look-up by time.
    pub(super) fn has(
        &mut self,
        ledger: &Ledger,
        (topic, key, draft): &(TopicName, AuthorKey, Draft),
    ) -> Result<bool, StoreError> {
        let Some(time) = draft.time else { return Ok(false) };
        if !self.had_entries(ledger, topic)? {
            return Ok(false);
        }
        let hash: [u8; 32] = Sha256::digest(&draft.body).into();
        let next = Time::from_millis(time.as_millis() + 1);
        let mut query = Query { order: Order::OldestFirst, from: Some(time), to: Some(next), ..Query::default() };
        for _ in 0..PAGES {
            let page = ledger.topic(topic).read(&query)?;
            // By the hash, which an entry keeps when its body is taken back.
            let same = |entry: &Entry| entry.author() == key.author() && entry.header().body.hash == hash;
            if page.items.iter().any(same) {
                return Ok(true);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    fn had_entries(&mut self, ledger: &Ledger, topic: &TopicName) -> Result<bool, StoreError> {
        let id = topic.id();
        if let Some(had) = self.had_entries.get(&id) {
            return Ok(*had);
        }
        if self.had_entries.len() >= TOPICS {
            self.had_entries.clear();
        }
        let first = ledger.topic(topic).read(&Query { limit: 1, ..Query::default() })?;
        let had = !first.items.is_empty();
        self.had_entries.insert(id, had);
        Ok(had)
    }
}
