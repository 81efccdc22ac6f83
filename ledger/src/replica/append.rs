//! Appending: giving drafts their place in a chain, and signing them.

use std::collections::BTreeMap;

use super::Replica;
use super::effects::{Append, AppendError};
use super::insert::Origin;
use super::step::Step;
use crate::author::{Author, AuthorKey};
use crate::entry::{Draft, DraftError, Entry, Place, sign};
use crate::records::{self, Number};
use crate::store::StoreError;
use crate::time::Time;
use crate::topic::TopicId;

/// Drafts of one author for one topic: each is signed after the one before it, whose id it names.
struct Chain {
    topic: TopicId,
    name: String,
    key: AuthorKey,
    /// Where the chain goes on.
    head: Option<(u64, crate::entry::EntryId)>,
    /// The drafts, and which answers are theirs.
    drafts: Vec<(usize, Draft)>,
}

impl Replica {
    /// Signs and takes in; answers in order.
    pub(super) fn append(&mut self, step: &mut Step<'_>, appends: Vec<Append>) -> Result<(), StoreError> {
        let mut answers: Vec<Option<Result<Entry, AppendError>>> = appends.iter().map(|_| None).collect();
        let mut chains: BTreeMap<(Number, Author), Chain> = BTreeMap::new();
        for (at, Append { topic, key, draft }) in appends.into_iter().enumerate() {
            // Nobody would take it, and nothing that is acknowledged may wait in memory.
            if draft.time.is_some_and(|time| time > step.now + self.options.future) {
                answers[at] = Some(Err(AppendError::Future));
                continue;
            }
            let id = topic.id();
            let known = self.topics.number(&id);
            if known.is_none() && self.topics.len() >= self.options.limits.topics {
                answers[at] = Some(Err(AppendError::TooManyTopics));
                continue;
            }
            let number = known.unwrap_or_else(|| self.topics.create(id));
            let slot = (number, key.author());
            if let Some(chain) = chains.get_mut(&slot) {
                chain.drafts.push((at, draft));
                continue;
            }
            let head = self.head(step, number, &slot.1)?;
            chains.insert(slot, Chain { topic: id, name: topic.to_string(), key, head, drafts: vec![(at, draft)] });
        }
        let mut entries = Vec::new();
        for (at, signed) in sign_all(chains.into_values().collect(), step.now) {
            match signed {
                Ok(entry) => entries.push((at, entry)),
                Err(error) => answers[at] = Some(Err(error.into())),
            }
        }
        // In the order of the drafts, so that what the application hears is in the order in which it wrote.
        entries.sort_unstable_by_key(|(at, _)| *at);
        let results = self.insert(step, entries.iter().map(|(_, entry)| entry.clone()).collect(), Origin::Signed)?;
        for ((at, entry), result) in entries.into_iter().zip(results) {
            answers[at] = Some(result.map(|_| entry).map_err(AppendError::Refused));
        }
        step.effects.appended = answers.into_iter().map(|answer| answer.unwrap_or(Err(AppendError::Closed))).collect();
        Ok(())
    }

    /// The head of the author's chain, out of a small cache.
    fn head(
        &mut self,
        step: &Step<'_>,
        number: Number,
        author: &Author,
    ) -> Result<Option<(u64, crate::entry::EntryId)>, StoreError> {
        let key = (number, *author);
        if let Some(head) = self.heads.get(&key) {
            return Ok(Some(*head));
        }
        let head = records::chain_head(step.store, number, author)?;
        if let Some(head) = head {
            self.heads.put(key, head);
        }
        Ok(head)
    }
}

/// Signs each chain in its order; different chains on different cores.
fn sign_all(chains: Vec<Chain>, now: Time) -> Vec<(usize, Result<Entry, DraftError>)> {
    #[cfg(feature = "parallel")]
    if chains.len() > 1 {
        use rayon::prelude::*;
        return chains.into_par_iter().flat_map_iter(|chain| sign_chain(chain, now)).collect();
    }
    chains.into_iter().flat_map(|chain| sign_chain(chain, now)).collect()
}

fn sign_chain(chain: Chain, now: Time) -> Vec<(usize, Result<Entry, DraftError>)> {
    let Chain { topic, name, key, mut head, drafts } = chain;
    let mut signed = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts {
        let (seq, prev) = head.map_or((0, None), |(seq, id)| (seq + 1, Some(id)));
        let place = Place { topic, topic_name: (seq == 0).then(|| name.clone()), seq, prev, now };
        let entry = sign(draft, place, &key);
        if let Ok(entry) = &entry {
            head = Some((seq, entry.id()));
        }
        signed.push((at, entry));
    }
    signed
}
