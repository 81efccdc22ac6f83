//! What one peer wants of us: bounded, in the order of asking.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};

use cid::Cid;

use super::message::Entry;

/// Wants for blocks that are not here, kept in case they arrive; the oldest are forgotten first.
const UNSERVED: usize = 256;

/// A bounded wantlist, first come, first served.
#[derive(Debug, Default)]
pub(crate) struct Wantlist {
    wants: HashMap<Cid, Want>,
    /// What was asked for and is not here (yet).
    unserved: HashMap<Cid, Want>,
    /// The order in which that was found. Lines whose number is not the want's are void.
    unserved_order: VecDeque<(Cid, u64)>,
    /// Order of asking. Lines whose number is not the want's are void (cancelled, or asked again).
    order: VecDeque<(Cid, u64)>,
    next: u64,
}

/// One want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) cid: Cid,
    /// HAVE suffices.
    pub(crate) have: bool,
    pub(crate) send_dont_have: bool,
    number: u64,
}

impl Wantlist {
    /// How many wants there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.wants.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }

    /// Forgets everything (the peer sent a full list).
    pub(crate) fn clear(&mut self) {
        self.wants.clear();
        self.order.clear();
        self.unserved.clear();
        self.unserved_order.clear();
    }

    /// Takes one line of a message. Returns `false` when there is no room for it.
    pub(crate) fn apply(&mut self, entry: &Entry, limit: usize) -> bool {
        if entry.cancel {
            self.wants.remove(&entry.cid);
            self.unserved.remove(&entry.cid);
            self.compact();
            return true;
        }
        if self.wants.len() >= limit && !self.wants.contains_key(&entry.cid) {
            return false;
        }
        // A want-have does not weaken a want-block that is waiting.
        if let Some(known) = self.wants.get_mut(&entry.cid) {
            known.have &= entry.have;
            known.send_dont_have |= entry.send_dont_have;
            return true;
        }
        let number = self.number();
        let want = Want { cid: entry.cid, have: entry.have, send_dont_have: entry.send_dont_have, number };
        self.wants.insert(entry.cid, want);
        self.order.push_back((entry.cid, number));
        true
    }

    /// Takes out the next wants, at most `count`.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Want> {
        let mut taken = Vec::with_capacity(count.min(self.wants.len()));
        while taken.len() < count {
            let Some((cid, number)) = self.order.pop_front() else {
                break;
            };
            if self.wants.get(&cid).is_some_and(|want| want.number == number) {
                taken.extend(self.wants.remove(&cid));
            }
        }
        taken
    }

    /// Puts wants that were taken, and not served yet, back to the front.
    pub(crate) fn put_back(&mut self, wants: Vec<Want>) {
        for want in wants.into_iter().rev() {
            // Asked again meanwhile: that line is as good.
            if let Slot::Vacant(slot) = self.wants.entry(want.cid) {
                slot.insert(want);
                self.order.push_front((want.cid, want.number));
            }
        }
    }

    /// Keeps wants for blocks that are not here: a peer that heard of a folder through us asks for it before we have it.
    pub(crate) fn keep_unserved(&mut self, wants: Vec<Want>) {
        for mut want in wants {
            // A number of its own: if it was kept before, the line of then is void, and does not take it along.
            want.number = self.number();
            self.unserved_order.push_back((want.cid, want.number));
            self.unserved.insert(want.cid, want);
        }
        // Void lines count, too, so the queue is bounded whatever a peer asks for and cancels.
        let excess = self.unserved_order.len().saturating_sub(UNSERVED);
        for (cid, number) in self.unserved_order.drain(..excess) {
            if self.unserved.get(&cid).is_some_and(|want| want.number == number) {
                self.unserved.remove(&cid);
            }
        }
    }

    /// These blocks are here now. Says whether one of them was waited for.
    pub(crate) fn arrived(&mut self, cids: &[Cid]) -> bool {
        if self.unserved.is_empty() {
            return false;
        }
        let mut served: Vec<Want> = cids.iter().filter_map(|cid| self.unserved.remove(cid)).collect();
        served.sort_unstable_by_key(|want| want.number);
        let any = !served.is_empty();
        self.put_back(served);
        any
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Void lines must not pile up under a peer that asks and cancels for ever.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.wants.len() + 1024 {
            let wants = &self.wants;
            self.order.retain(|(cid, number)| wants.get(cid).is_some_and(|want| want.number == *number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitswap::prefix::{DAG_PB, Prefix};

    fn cid(n: u32) -> Cid {
        Cid::new_v1(DAG_PB, *Prefix::V0.cid_of(&n.to_be_bytes()).expect("sha2-256").hash())
    }

    fn want(n: u32) -> Entry {
        Entry { cid: cid(n), cancel: false, have: false, send_dont_have: true }
    }

    #[test]
    fn an_endless_wantlist_is_cut_at_the_limit() {
        let mut list = Wantlist::default();
        let taken = (0..100).filter(|n| list.apply(&want(*n), 10)).count();
        assert_eq!((taken, list.len()), (10, 10));
    }

    #[test]
    fn asking_and_cancelling_for_ever_leaves_nothing_behind() {
        let mut list = Wantlist::default();
        for n in 0..100_000 {
            list.apply(&want(n), 10);
            list.apply(&Entry { cancel: true, ..want(n) }, 10);
        }
        assert!(list.is_empty());
        assert!(list.order.len() <= 1024);
    }

    #[test]
    fn a_cancelled_want_is_not_served() {
        let mut list = Wantlist::default();
        for n in 0..3 {
            list.apply(&want(n), 10);
        }
        list.apply(&Entry { cancel: true, ..want(1) }, 10);
        let cids: Vec<_> = list.take(10).iter().map(|want| want.cid).collect();
        assert_eq!(cids, [cid(0), cid(2)]);
    }

    #[test]
    fn what_arrives_later_is_sent_to_whoever_asked_for_it_and_still_wants_it() {
        let mut list = Wantlist::default();
        for n in 0..3 {
            list.apply(&want(n), 10);
        }
        let wants = list.take(10);
        list.keep_unserved(wants);
        list.apply(&Entry { cancel: true, ..want(1) }, 10);
        assert!(!list.arrived(&[cid(1), cid(7)]), "cancelled, never asked for");
        assert!(list.arrived(&[cid(2)]));
        assert_eq!(list.take(10).iter().map(|want| want.cid).collect::<Vec<_>>(), [cid(2)]);
        assert!(!list.arrived(&[cid(2)]), "once");
    }

    #[test]
    fn an_endless_list_of_what_is_not_here_is_cut_at_the_limit() {
        let mut list = Wantlist::default();
        for n in 0..10_000 {
            list.apply(&want(n), 10);
            let wants = list.take(1);
            list.keep_unserved(wants);
        }
        assert_eq!(list.unserved.len(), UNSERVED);
        assert!(list.is_empty(), "nothing to send");
    }

    #[test]
    fn what_is_missing_once_more_is_forgotten_no_earlier_than_the_rest() {
        let mut list = Wantlist::default();
        let keep = |list: &mut Wantlist, n| {
            list.apply(&want(n), 10);
            let wants = list.take(1);
            list.keep_unserved(wants);
        };
        keep(&mut list, 0);
        assert!(list.arrived(&[cid(0)]));
        let gone_again = list.take(1);
        list.keep_unserved(gone_again);
        (1..UNSERVED as u32).for_each(|n| keep(&mut list, n));
        assert!(list.arrived(&[cid(0)]), "its first line is over the limit, its second is not");
    }

    #[test]
    fn what_is_put_back_comes_first_again() {
        let mut list = Wantlist::default();
        for n in 0..4 {
            list.apply(&want(n), 10);
        }
        let taken = list.take(2);
        list.put_back(taken);
        let cids: Vec<_> = list.take(3).iter().map(|want| want.cid).collect();
        assert_eq!(cids, [cid(0), cid(1), cid(2)]);
    }
}
