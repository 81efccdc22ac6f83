//! Roots that were heard of and say nothing new.
//!
//! A network says the same many times: what was lost is announced again, newcomers are told, echoes come late. So that this
//! stays cheap in a large one, what says nothing new goes no further than the first who knows it, but for once in a while.

use std::num::NonZeroUsize;
use std::time::Duration;

use cid::Cid;
use lru::LruCache;

use crate::time::Time;
use crate::transport::Channel;

/// Roots that are remembered, for each purpose. One is about 150 bytes.
const MOST: NonZeroUsize = NonZeroUsize::new(8192).expect("not zero");

/// The current root of a channel is passed on once in this time: seldom enough that echoes die out, far more often than it
/// is announced by itself.
const QUIET: Duration = Duration::from_secs(10);

/// What is known of roots, in memory only: to forget one costs a message or a small pull.
#[derive(Debug)]
pub(super) struct Known {
    /// When a root was last passed on, or announced from here, by channel.
    said: LruCache<(Channel, Cid), Time>,
    /// Roots that were pulled and whose entries are all here. Their nodes need not be: the sets were united.
    behind: LruCache<Cid, ()>,
}

impl Default for Known {
    fn default() -> Self {
        Known { said: LruCache::sparse(MOST), behind: LruCache::sparse(MOST) }
    }
}

impl Known {
    /// The root is announced from here, or passed on.
    pub(super) fn say(&mut self, channel: Channel, root: Cid, now: Time) {
        self.said.put((channel, root), now);
    }

    /// Whether the root was ever said on this channel, as far as that is remembered.
    pub(super) fn was_said(&self, channel: Channel, root: &Cid) -> bool {
        self.said.contains(&(channel, *root))
    }

    /// Whether the root was said on this channel just now.
    pub(super) fn was_said_lately(&self, channel: Channel, root: &Cid, now: Time) -> bool {
        self.said.peek(&(channel, *root)).is_some_and(|said| now < *said + QUIET)
    }

    /// All that the root holds is here.
    pub(super) fn caught_up(&mut self, root: Cid) {
        self.behind.put(root, ());
    }

    /// Whether all that the root holds is here. A set only grows, so this stays true.
    pub(super) fn is_behind(&mut self, root: &Cid) -> bool {
        self.behind.get(root).is_some()
    }
}
