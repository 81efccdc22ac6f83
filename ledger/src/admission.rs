//! Admission: the one door through which an entry comes in, whatever the path (design invariant 2).
//!
//! [`admit`] checks everything that one file can show by itself: its encoding, its limits, its body's hash, its topic
//! and its signature. It reads no clock and no store, so its answer is the same on every machine and in every order of
//! arrival (invariant 3). What only a set can tell (a body that is rightly missing, a fork) the replica decides later,
//! as a function of the set.

mod cache;

pub use cache::AdmissionCache;

use bytes::Bytes;

use crate::entry::{self, Candidate, Entry, EntryId, Malformed};
use crate::topic::{TopicId, TopicName};
use crate::verify::{Signed, verify_batch};

/// An entry file that asks to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The file.
    pub file: Bytes,
    /// The topic that it must belong to; `None` takes it wherever it says.
    pub topic: Option<TopicId>,
}

/// Checks entry files: each is an entry or refused, in the order given.
///
/// O(bytes) and one signature each; signatures are checked together, on all cores with the feature `parallel`.
pub fn admit(submissions: &[Submission]) -> Vec<Result<Entry, Refusal>> {
    let mut results: Vec<Result<Candidate, Refusal>> = decode_all(submissions);
    let signed: Vec<Signed<'_>> = results
        .iter()
        .flatten()
        .map(|candidate| Signed {
            key: *candidate.header.author.as_bytes(),
            signature: candidate.signature,
            message: &candidate.signed,
        })
        .collect();
    let mut good = verify_batch(&signed).into_iter();
    drop(signed);
    let judge = |result: Result<Candidate, Refusal>| {
        let candidate = result?;
        let is_good = good.next().unwrap_or(false);
        if is_good { Ok(Entry::from_verified(candidate)) } else { Err(Refusal::Signature(candidate.id)) }
    };
    results.drain(..).map(judge).collect()
}

#[cfg(feature = "parallel")]
fn decode_all(submissions: &[Submission]) -> Vec<Result<Candidate, Refusal>> {
    use rayon::prelude::*;
    /// Below this, handing work to other cores costs more than it saves.
    const WORTH_IT: usize = 64;
    if submissions.len() < WORTH_IT {
        return submissions.iter().map(decode).collect();
    }
    submissions.par_iter().with_min_len(WORTH_IT / 2).map(decode).collect()
}

#[cfg(not(feature = "parallel"))]
fn decode_all(submissions: &[Submission]) -> Vec<Result<Candidate, Refusal>> {
    submissions.iter().map(decode).collect()
}

fn decode(submission: &Submission) -> Result<Candidate, Refusal> {
    let candidate = entry::decode(&submission.file)?;
    let topic = candidate.header.topic;
    if submission.topic.is_some_and(|expected| expected != topic) {
        return Err(Refusal::Topic { id: candidate.id, found: topic });
    }
    if let Some(name) = &candidate.header.topic_name {
        let named = TopicName::from_canonical(name).map(|name| name.id());
        if named.ok() != Some(topic) {
            return Err(Refusal::TopicName(candidate.id));
        }
    }
    Ok(candidate)
}

/// Why an entry file was refused. Always the fault of whoever made or sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not an entry file.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The signature is not the author's.
    #[error("entry {0}: the signature does not match its author and content")]
    Signature(EntryId),
    /// It belongs to another topic.
    #[error("entry {id} belongs to topic {found}, not to this one")]
    Topic {
        /// The entry.
        id: EntryId,
        /// Its topic.
        found: TopicId,
    },
    /// It carries a topic name that is not canonical or not that of its topic.
    #[error("entry {0} carries a topic name that does not belong to its topic")]
    TopicName(EntryId),
    /// The body is missing though no redaction by its author is known. It may come in together with one.
    #[error("entry {0} has no body, and no redaction by its author is known")]
    NoBody(EntryId),
    /// Its time is in the future. It was kept aside, if there was room, and comes in when its time has come.
    #[error("entry {0} has a time in the future")]
    Future(EntryId),
    /// Nobody here follows its topic.
    #[error("entry {id} belongs to topic {found}, which is not followed here")]
    NotFollowed {
        /// The entry.
        id: EntryId,
        /// Its topic.
        found: TopicId,
    },
    /// A limit that this node's owner set is reached.
    #[error("entry {0} was not taken: this node's storage limit is reached")]
    Limit(EntryId),
}
