//! One topic, as its user sees it.

use std::sync::Arc;

use bytes::Bytes;

use super::core::Core;
use super::read::{self, Audit, Page, Query, TopicInfo};
use super::subscription::Subscription;
use crate::admission::{Refusal, Submission};
use crate::author::AuthorKey;
use crate::entry::{Draft, Entry, EntryId};
use crate::records::TopicRecord;
use crate::replica::{Append, AppendError, Input};
use crate::store::StoreError;
use crate::topic::{TopicId, TopicName};

/// A topic of a ledger. Cheap to clone; making one does nothing yet.
#[derive(Clone)]
pub struct Topic {
    pub(super) core: Arc<Core>,
    pub(super) name: TopicName,
    pub(super) id: TopicId,
}

impl Topic {
    /// Its id.
    pub fn id(&self) -> TopicId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// Follows it: receives its announcements and holds its entries from now on.
    pub fn follow(&self) -> Result<(), StoreError> {
        self.core.step(Input::Follow(self.name.clone())).map(drop)
    }

    /// Follows it no longer. What is held stays.
    pub fn unfollow(&self) -> Result<(), StoreError> {
        self.core.step(Input::Unfollow(self.id)).map(drop)
    }

    /// Whether it is followed.
    pub fn is_followed(&self) -> Result<bool, StoreError> {
        self.core.ask(|replica| replica.is_followed(&self.id))
    }

    /// Signs the draft and appends it. When this returns, the entry is durable; it is announced right after.
    ///
    /// Costs one signature and one commit, which concurrent callers share.
    pub async fn append(&self, key: &AuthorKey, draft: Draft) -> Result<Entry, AppendError> {
        let append = Append { topic: self.name.clone(), key: key.clone(), draft };
        self.core.append(vec![append]).await.pop().unwrap_or(Err(AppendError::Closed))
    }

    /// Appends several in one commit. The first error ends the answer; drafts after a bad one are appended all the same.
    pub async fn append_all(&self, key: &AuthorKey, drafts: Vec<Draft>) -> Result<Vec<Entry>, AppendError> {
        let appends =
            drafts.into_iter().map(|draft| Append { topic: self.name.clone(), key: key.clone(), draft }).collect();
        self.core.append(appends).await.into_iter().collect()
    }

    /// Appends an entry that takes back the body and attachments of an earlier one of the same author, everywhere.
    pub async fn redact(&self, key: &AuthorKey, entry: EntryId) -> Result<Entry, AppendError> {
        self.append(key, Draft::new("redact", "").redacting(entry)).await
    }

    /// Takes in entry files that were signed elsewhere; says of each whether it was new.
    pub fn submit(&self, files: Vec<Bytes>) -> Result<Vec<Result<bool, Refusal>>, StoreError> {
        let submissions: Vec<Submission> =
            files.into_iter().map(|file| Submission { file, topic: Some(self.id) }).collect();
        super::submit(&self.core, self.core.admit(&submissions))
    }

    /// A page of entries.
    pub fn read(&self, query: &Query) -> Result<Page<Entry>, StoreError> {
        read::page(&*self.core.store, &self.id, query)
    }

    /// What is known of the topic: its folder's CID, how many entries are in it. As of the last settling, which is at
    /// most some milliseconds old; see [`Ledger::flush`](super::Ledger::flush).
    pub fn info(&self) -> Result<TopicInfo, StoreError> {
        let record = read::record(&*self.core.store, &self.id)?;
        let mut info = TopicInfo::from(record.unwrap_or_else(|| TopicRecord::new(0, self.id)));
        info.name.get_or_insert_with(|| self.name.to_string());
        Ok(info)
    }

    /// Forks and gaps. O(entries of the topic).
    pub fn audit(&self) -> Result<Audit, StoreError> {
        read::audit(&*self.core.store, &self.id)
    }

    /// What happens in this topic from now on; `capacity` notices wait for a slow reader.
    pub fn subscribe(&self, capacity: usize) -> Subscription {
        self.core.subscribers.add(Some(self.id), capacity)
    }
}
