//! Own announcements, which the daemon brings back: they are not news.
//!
//! They are told apart by their bytes and not by their sender alone, because several nodes may share one daemon, and then
//! its name is the sender of all their announcements.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tidings_ledger::transport::Channel;

/// Announcements that are remembered: more than a daemon holds on their way.
const REMEMBERED: usize = 4096;

/// What was published of late.
#[derive(Debug)]
pub(crate) struct Echoes(Mutex<LruCache<[u8; 32], u32>>);

impl Default for Echoes {
    fn default() -> Self {
        Echoes(Mutex::new(LruCache::new(NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN))))
    }
}

impl Echoes {
    /// This is being published and will come back.
    pub(crate) fn expect(&self, channel: Channel, message: &[u8]) {
        *self.0.lock().get_or_insert_mut(name(channel, message), || 0) += 1;
    }

    /// Whether this is an echo; each is one only once.
    pub(crate) fn take(&self, channel: Channel, message: &[u8]) -> bool {
        let (mut expected, name) = (self.0.lock(), name(channel, message));
        let Some(count) = expected.get_mut(&name) else { return false };
        *count -= 1;
        if *count == 0 {
            expected.pop(&name);
        }
        true
    }
}

fn name(channel: Channel, message: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(channel.topic().as_bytes()).chain_update(message).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_ledger::topic::TopicId;

    #[test]
    fn two_nodes_that_share_a_daemon_hear_each_other_and_not_themselves() {
        let (mine, theirs) = (Echoes::default(), Echoes::default());
        let channel = Channel::new(TopicId::from_bytes([1; 32]));
        mine.expect(channel, b"news");
        assert!(!theirs.take(channel, b"news"));
        assert!(mine.take(channel, b"news"));
        assert!(!mine.take(channel, b"news"), "the same from the other node is no echo");
        assert!(!mine.take(Channel::new(TopicId::from_bytes([2; 32])), b"news"));
    }
}
