//! The handle that an embedder uses: open, append, read, subscribe.

mod arriving;
mod clock;
mod core;
mod driver;
mod files;
mod library;
mod read;
mod subscription;
mod topic;
mod transfer;

pub use clock::Clock;
#[cfg(feature = "tokio")]
pub use clock::SystemClock;
pub use driver::Driver;
pub use library::Library;
pub use read::{Audit, Cursor, CursorError, Gap, MAX_PAGE, Order, Page, Query, TopicInfo};
pub use subscription::Subscription;
pub use topic::Topic;

#[cfg(test)]
pub(crate) use read::page;

use std::sync::Arc;

use cid::Cid;
use serde::Serialize;

use crate::admission::{AdmissionCache, Refusal, Submission};
use crate::author::AuthorKey;
use crate::entry::{Draft, Entry, EntryId};
use crate::replica::{Append, AppendError, Counters, Input, Options};
use crate::store::{Store, StoreError};
use crate::topic::{TopicId, TopicName};
use crate::transport::Transport;

use self::arriving::Arriving;
use self::core::Core;

/// A replicated ledger of signed entries. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Ledger {
    core: Arc<Core>,
}

/// The state of a whole ledger in one CID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogInfo {
    /// The catalog's root.
    pub cid: Option<Cid>,
    /// Topics held.
    pub topics: u64,
    /// Entries in all of them.
    pub entries: u64,
}

/// How a ledger is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The catalog's root.
    pub catalog: Option<String>,
    /// Topics held.
    pub topics: u64,
    /// Entries in all of them.
    pub entries: u64,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Pulls under way.
    pub pulling: usize,
    /// Topics whose pull has not begun.
    pub waiting: usize,
    /// What was counted since the ledger was opened.
    pub counters: Counters,
    /// The last failure of the store.
    pub last_error: Option<String>,
}

impl Ledger {
    /// Opens the ledger in the store and connects it to a network. Run the [`Driver`] for anything to move.
    pub fn open(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Ledger, Driver), StoreError> {
        Self::open_any(store, Some(transport), clock, options)
    }

    /// Opens the ledger in the store without a network, to read it and to append to it.
    pub fn offline(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Result<Ledger, StoreError> {
        let (ledger, _) = Self::open_any(store, None, clock, options)?;
        Ok(ledger)
    }

    fn open_any(
        store: Arc<dyn Store>,
        transport: Option<Arc<dyn Transport>>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Ledger, Driver), StoreError> {
        let (core, inbox) = Core::open(store, transport, clock, options)?;
        let core = Arc::new(core);
        Ok((Ledger { core: core.clone() }, Driver { core, inbox, arriving: Arriving::default() }))
    }

    /// Checks what comes in together with the other ledgers of this process that share the cache. Only the first call counts.
    pub fn share_admission(&self, cache: Arc<AdmissionCache>) {
        let _ = self.core.admission.set(cache);
    }

    /// The topic of this name.
    pub fn topic(&self, name: &TopicName) -> Topic {
        Topic { core: self.core.clone(), name: name.clone(), id: name.id() }
    }

    /// The topic with this id, if it is held and its name is known.
    pub fn topic_by_id(&self, id: &TopicId) -> Result<Option<Topic>, StoreError> {
        let record = read::record(&*self.core.store, id)?;
        let name = record.and_then(|record| record.name).and_then(|name| TopicName::from_canonical(&name).ok());
        Ok(name.map(|name| self.topic(&name)))
    }

    /// A page of the topics held, in the order in which they were first seen.
    pub fn topics(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<TopicInfo>, StoreError> {
        read::topics(&*self.core.store, after, limit)
    }

    /// The state of everything held. It follows the folders within a quarter of a second; [`Ledger::flush`] does not wait.
    pub fn catalog(&self) -> Result<CatalogInfo, StoreError> {
        self.core.ask(|replica| {
            let (cid, topics, entries) = replica.catalog();
            CatalogInfo { cid, topics, entries }
        })
    }

    /// The entry with this id, of whatever topic.
    pub fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        read::entry(&*self.core.store, id)
    }

    /// Appends to any topics by any authors in one commit; answers in order. Different authors are signed for on
    /// different cores.
    pub async fn append_all(&self, drafts: Vec<(TopicName, AuthorKey, Draft)>) -> Vec<Result<Entry, AppendError>> {
        let appends = drafts.into_iter().map(|(topic, key, draft)| Append { topic, key, draft }).collect();
        self.core.append(appends).await
    }

    /// Takes in entry files of any topics that were signed elsewhere; says of each whether it was new.
    pub fn submit(&self, files: Vec<bytes::Bytes>) -> Result<Vec<Result<bool, Refusal>>, StoreError> {
        let submissions: Vec<Submission> = files.into_iter().map(|file| Submission { file, topic: None }).collect();
        submit(&self.core, self.core.admit(&submissions))
    }

    /// What happens from now on; `capacity` notices wait for a slow reader.
    pub fn subscribe(&self, capacity: usize) -> Subscription {
        self.core.subscribers.add(None, capacity)
    }

    /// Folds what is pending into the folders and the catalog, so that their CIDs are those of all entries.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.core.step(Input::Flush).map(drop)
    }

    /// How it is doing.
    pub fn status(&self) -> Result<Status, StoreError> {
        let store_bytes = self.core.store.size()?;
        let last_error = self.core.last_error.lock().as_ref().map(ToString::to_string);
        self.core.ask(|replica| {
            let (cid, topics, entries) = replica.catalog();
            let (pulling, waiting) = replica.pulling();
            let (catalog, counters) = (cid.map(|cid| cid.to_string()), replica.counters());
            Status { catalog, topics, entries, store_bytes, pulling, waiting, counters, last_error }
        })
    }

    /// Folds what is pending and ends the driver and all subscriptions. Appending fails from now on.
    pub fn close(&self) {
        self.core.close();
    }
}

/// Takes admitted entries in; what admission refused keeps its place in the answer.
fn submit(core: &Core, admitted: Vec<Result<Entry, Refusal>>) -> Result<Vec<Result<bool, Refusal>>, StoreError> {
    let mut answers: Vec<Result<bool, Refusal>> = Vec::with_capacity(admitted.len());
    let mut entries = Vec::new();
    for result in admitted {
        answers.push(result.map(|entry| {
            entries.push(entry);
            false
        }));
    }
    let mut taken = core.step(Input::Submit(entries))?.submitted.into_iter();
    for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
        if let Some(result) = taken.next() {
            *answer = result;
        }
    }
    Ok(answers)
}
