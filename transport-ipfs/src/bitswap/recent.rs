//! Hashes of blocks that came or were given up lately: a block that comes late is a duplicate, not an offence.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use multihash::Multihash;

/// How many are remembered (24 bytes each).
const KEPT: usize = 65_536;

/// A bounded set of hashes, the oldest forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    known: HashSet<u64>,
    order: VecDeque<u64>,
    keys: RandomState,
}

impl Recent {
    /// Remembers a hash.
    pub(crate) fn insert(&mut self, hash: &Multihash<64>) {
        let mark = self.keys.hash_one(hash.digest());
        if !self.known.insert(mark) {
            return;
        }
        self.order.push_back(mark);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether it is remembered.
    pub(crate) fn contains(&self, hash: &Multihash<64>) -> bool {
        self.known.contains(&self.keys.hash_one(hash.digest()))
    }
}
