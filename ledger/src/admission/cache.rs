//! Admission for many ledgers in one process: each file is checked once, however many of them it reaches.

use lru::LruCache;
use parking_lot::Mutex;

use super::{Refusal, Submission, admit};
use crate::content::sha256;
use crate::entry::Entry;

/// Remembers which files were admitted, by their content.
///
/// Whether a file is admitted depends on its bytes alone (design invariant 3), so ledgers that share a cache decide as
/// they would by themselves, and a simulation of a thousand peers checks a signature once and not a thousand times. What
/// was refused is not remembered: a liar cannot fill the cache.
pub struct AdmissionCache(Mutex<LruCache<[u8; 32], Entry>>);

impl AdmissionCache {
    /// A cache of at most so many entries.
    pub fn new(most: usize) -> Self {
        let most = most.try_into().unwrap_or(std::num::NonZeroUsize::MIN);
        AdmissionCache(Mutex::new(LruCache::sparse(most)))
    }

    /// The same as [`admit`], with less work. O(bytes), and one signature for each file that is not known.
    pub fn admit(&self, submissions: &[Submission]) -> Vec<Result<Entry, Refusal>> {
        let digests: Vec<[u8; 32]> = submissions.iter().map(|submission| sha256(&submission.file)).collect();
        let known: Vec<Option<Entry>> = {
            let mut cache = self.0.lock();
            // What is asked for by its topic, too, takes the long way when the topic is another one.
            let fits = |entry: &&Entry, topic: Option<_>| topic.is_none_or(|topic| topic == entry.topic());
            let pairs = digests.iter().zip(submissions);
            pairs
                .map(|(digest, submission)| cache.get(digest).filter(|entry| fits(entry, submission.topic)).cloned())
                .collect()
        };
        let unknown: Vec<Submission> = known
            .iter()
            .zip(submissions)
            .filter(|(known, _)| known.is_none())
            .map(|(_, submission)| submission.clone())
            .collect();
        let mut checked = admit(&unknown).into_iter();
        let mut cache = self.0.lock();
        let results = known.into_iter().zip(digests).filter_map(|(known, digest)| match known {
            Some(entry) => Some(Ok(entry)),
            None => checked.next().inspect(|result| {
                if let Ok(entry) = result {
                    cache.put(digest, entry.clone());
                }
            }),
        });
        results.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;
    use crate::handle::Clock;
    use crate::store::MemoryStore;
    use crate::{AuthorKey, Draft, Ledger, Options, Time, TopicName};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Time {
            Time::from_millis(1_795_219_200_000)
        }

        fn sleep_until(&self, _: Time) -> BoxFuture<'static, ()> {
            Box::pin(futures::future::pending())
        }
    }

    fn entry(text: &str) -> Entry {
        let ledger = Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(Still), Options::default());
        let ledger = ledger.expect("memory opens");
        let topic = ledger.topic(&TopicName::parse("room:cache").expect("a good name"));
        let key = AuthorKey::from_seed(&[1; 32]);
        topic.append(&key, Draft::new("post", text)).now_or_never().expect("at once").expect("a good draft")
    }

    fn submissions(files: &[Bytes]) -> Vec<Submission> {
        files.iter().map(|file| Submission { file: file.clone(), topic: None }).collect()
    }

    #[test]
    fn a_cache_admits_what_admission_admits_and_nothing_else() {
        let good: Bytes = entry("one").to_file().into();
        let mut forged = entry("two").to_file();
        *forged.last_mut().expect("not empty") ^= 1;
        let files = [good.clone(), forged.into(), good, Bytes::from_static(b"junk")];
        let cache = AdmissionCache::new(1);
        let expected = admit(&submissions(&files));
        for _ in 0..3 {
            assert_eq!(cache.admit(&submissions(&files)), expected);
        }
    }

    #[test]
    fn a_known_entry_of_another_topic_is_refused_all_the_same() {
        let entry = entry("one");
        let file: Bytes = entry.to_file().into();
        let cache = AdmissionCache::new(8);
        assert!(cache.admit(&submissions(std::slice::from_ref(&file)))[0].is_ok());
        let elsewhere = Submission { file, topic: Some(TopicName::parse("room:other").expect("a good name").id()) };
        assert!(matches!(cache.admit(&[elsewhere])[..], [Err(Refusal::Topic { .. })]));
    }
}
