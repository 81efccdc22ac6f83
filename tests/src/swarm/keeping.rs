//! What was acknowledged, and of whom it may still be demanded.

use std::collections::{BTreeMap, BTreeSet};

use tidings_ledger::{Entry, EntryId};

/// The acknowledged entries.
#[derive(Default)]
pub(super) struct Keeping(BTreeMap<EntryId, Kept>);

struct Kept {
    entry: Entry,
    /// Whether some peer has to have it: not so, once its last copy was destroyed.
    is_demanded: bool,
    /// The peers that acknowledged it and were not made to lose it since.
    at: BTreeSet<usize>,
}

impl Keeping {
    /// A peer acknowledged an entry.
    pub(super) fn acknowledged(&mut self, peer: usize, entry: Entry) {
        let kept = Kept { entry, is_demanded: true, at: BTreeSet::new() };
        self.0.entry(kept.entry.id()).or_insert(kept).at.insert(peer);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that some peer must have.
    pub(super) fn demanded(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(|kept| kept.is_demanded).map(|kept| &kept.entry)
    }

    /// Those that this peer must have.
    pub(super) fn demanded_of(&self, peer: usize) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(move |kept| kept.at.contains(&peer)).map(|kept| &kept.entry)
    }

    /// All of one topic, in the order of their ids.
    pub(super) fn of(&self, topic: tidings_ledger::TopicId) -> Vec<&Entry> {
        self.0.values().map(|kept| &kept.entry).filter(|entry| entry.topic() == topic).collect()
    }

    /// A peer was made to lose something: what it has no more is not demanded of it, and what nobody has any more of
    /// nobody.
    pub(super) fn destroyed(
        &mut self,
        peer: usize,
        has: impl Fn(&Entry) -> bool,
        is_anywhere: impl Fn(&Entry) -> bool,
    ) {
        for kept in self.0.values_mut() {
            if kept.at.contains(&peer) && !has(&kept.entry) {
                kept.at.remove(&peer);
            }
            kept.is_demanded &= is_anywhere(&kept.entry);
        }
    }
}
