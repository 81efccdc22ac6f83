//! What every node should hold, known from the workload and from no node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::future::BoxFuture;
use tidings_ledger::handle::{Clock, Order, Query};
use tidings_ledger::store::MemoryStore;
use tidings_ledger::{Author, Entry, EntryId, Ledger, Options, Time, TopicId, TopicName};

/// The sets that were written, topic by topic.
#[derive(Default, Clone)]
pub struct Oracle {
    topics: BTreeMap<TopicId, Set>,
}

#[derive(Clone)]
struct Set {
    name: TopicName,
    entries: BTreeSet<EntryId>,
    /// The files as they were written, bodies and all.
    files: Vec<Bytes>,
    /// What was redacted, and by whom: only by its own author does that count.
    redacted: BTreeSet<(EntryId, Author)>,
}

impl Oracle {
    /// An entry was written.
    pub fn wrote(&mut self, topic: &TopicName, entry: &Entry) {
        let set = self.topics.entry(topic.id()).or_insert_with(|| Set {
            name: topic.clone(),
            entries: BTreeSet::new(),
            files: Vec::new(),
            redacted: BTreeSet::new(),
        });
        if set.entries.insert(entry.id()) {
            set.files.push(entry.to_file().into());
            set.redacted.extend(entry.header().redacts.iter().map(|target| (*target, entry.author())));
        }
    }

    /// How many entries the topic should have.
    pub fn count(&self, topic: &TopicName) -> u64 {
        self.topics.get(&topic.id()).map_or(0, |set| set.entries.len() as u64)
    }

    /// How many topics there should be.
    pub fn topics(&self) -> u64 {
        self.topics.len() as u64
    }

    /// What the topic's folder should be: computed by a fresh replica that gets everything in one import.
    pub fn folder(&self, topic: &TopicName) -> Option<Cid> {
        let set = self.topics.get(&topic.id())?;
        let ledger = fresh();
        import(&ledger, &set.files);
        ledger.topic(&set.name).info().expect("a fresh ledger is readable").cid
    }

    /// What the catalog should be, with all topics in it.
    pub fn catalog(&self) -> Option<Cid> {
        let ledger = fresh();
        for set in self.topics.values() {
            import(&ledger, &set.files);
        }
        ledger.catalog().expect("a fresh ledger is readable").cid
    }

    /// Says what is wrong with a node's copy of a topic; `None` if nothing is.
    pub fn difference(&self, ledger: &Ledger, topic: &TopicName) -> Option<String> {
        let (empty, nothing) = (BTreeSet::new(), BTreeSet::new());
        let set = self.topics.get(&topic.id());
        let (expected, redacted) = set.map_or((&empty, &nothing), |set| (&set.entries, &set.redacted));
        let found = entries(ledger, topic);
        let ids: BTreeSet<EntryId> = found.iter().map(Entry::id).collect();
        if ids.len() != found.len() {
            return Some("an entry is listed twice".to_owned());
        }
        if ids != *expected {
            let (missing, extra) = (expected.difference(&ids).count(), ids.difference(expected).count());
            return Some(format!("{missing} entries are missing, {extra} are too many"));
        }
        let wrong = found.iter().find(|entry| entry.is_redacted() != redacted.contains(&(entry.id(), entry.author())));
        if let Some(entry) = wrong {
            let is = if entry.is_redacted() { "has no body" } else { "still has its body" };
            return Some(format!("entry {} {is}", entry.id()));
        }
        let info = match ledger.topic(topic).info() {
            Ok(info) => info,
            Err(error) => return Some(error.to_string()),
        };
        if info.entries != expected.len() as u64 {
            return Some(format!("{} entries are counted, there are {}", info.entries, expected.len()));
        }
        let folder = self.folder(topic);
        (info.cid != folder).then(|| format!("the folder is {:?}, it should be {folder:?}", info.cid))
    }

    /// Panics unless every one of the ledgers holds the topic as it should be.
    pub fn check(&self, ledgers: &[Ledger], topic: &TopicName) {
        for (at, ledger) in ledgers.iter().enumerate() {
            if let Some(difference) = self.difference(ledger, topic) {
                panic!("node {at}, topic {topic}: {difference}");
            }
        }
    }
}

/// All entries of a topic, oldest first, read page by page.
pub(crate) fn entries(ledger: &Ledger, topic: &TopicName) -> Vec<Entry> {
    let topic = ledger.topic(topic);
    let mut query = Query { order: Order::OldestFirst, limit: 500, ..Query::default() };
    let mut entries = Vec::new();
    loop {
        let page = topic.read(&query).expect("a page reads");
        entries.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return entries,
        }
    }
}

/// A ledger of its own, without network, far enough in time that nothing is from its future.
fn fresh() -> Ledger {
    Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(FarFuture), Options::default()).expect("memory opens")
}

fn import(ledger: &Ledger, files: &[Bytes]) {
    let results = ledger.submit(files.to_vec()).expect("memory takes it");
    assert!(results.iter().all(Result::is_ok), "the oracle's own files are refused: {results:?}");
    ledger.flush().expect("memory takes it");
}

/// A clock at which nothing is from the future.
pub(crate) struct FarFuture;

impl Clock for FarFuture {
    fn now(&self) -> Time {
        Time::MAX
    }

    fn sleep_until(&self, _: Time) -> BoxFuture<'static, ()> {
        Box::pin(futures::future::pending())
    }
}
