//! Wants that stay in force: a peer that lacked a block when it was asked says so when the block has arrived, as Bitswap does;
//! and a fetch that nobody could answer goes on for as long as its patience lasts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cid::Cid;

use crate::kind::Kind;
use crate::net::{Happening, Index, Inner};
use crate::traffic::CID_BYTES;
use crate::travel::Sent;

/// Wants that one peer keeps in mind; the oldest are forgotten first.
const MOST: usize = 1024;

/// What a peer was asked for and did not have.
#[derive(Default)]
pub(crate) struct Unserved {
    /// The fetches that wait for a block, and when each began to.
    waiting: BTreeMap<Cid, BTreeMap<u64, u64>>,
    /// In the order of asking. Lines that no longer stand above are void.
    order: VecDeque<(u64, Cid, u64)>,
    next: u64,
}

impl Unserved {
    pub(crate) fn add(&mut self, cid: Cid, fetch: u64) {
        self.waiting.entry(cid).or_default().insert(fetch, self.next);
        self.order.push_back((self.next, cid, fetch));
        self.next += 1;
        if self.order.len() > MOST
            && let Some((number, cid, fetch)) = self.order.pop_front()
        {
            self.forget(number, &cid, fetch);
        }
    }

    fn forget(&mut self, number: u64, cid: &Cid, fetch: u64) {
        let Some(fetches) = self.waiting.get_mut(cid) else { return };
        // Asked again meanwhile: that line is still to come.
        if fetches.get(&fetch) == Some(&number) {
            fetches.remove(&fetch);
        }
        if fetches.is_empty() {
            self.waiting.remove(cid);
        }
    }

    /// The fetches that wait for one of these blocks.
    fn take<'a>(&mut self, arrived: impl Iterator<Item = &'a Cid>) -> BTreeSet<u64> {
        let found = arrived.filter_map(|cid| self.waiting.remove(cid));
        found.flat_map(BTreeMap::into_keys).collect()
    }
}

impl Inner {
    /// A peer holds these roots now.
    pub(crate) fn provide(&mut self, peer: Index, roots: Vec<Cid>) {
        let state = &mut self.peers[peer];
        // The latest come first; behind the first that was known before, nothing is new.
        let known = state.provided.first();
        let new = roots.iter().take_while(|root| Some(*root) != known);
        for fetch in state.unserved.take(new) {
            let Some(to) = self.fetches.get(&fetch).map(|found| found.owner) else { continue };
            if self.is_linked(peer, to) {
                let arrival = |_| Happening::Have { fetch, from: peer };
                let bytes = CID_BYTES as usize;
                self.send(&Sent { kind: Kind::Answer, number: fetch, from: peer, to, bytes }, arrival);
            }
        }
        self.peers[peer].provided = roots;
    }

    /// A peer can be asked by those who wait for something: it has it now, or is connected now.
    pub(crate) fn can_be_asked(&mut self, fetch: u64, peer: Index) {
        let Some(found) = self.fetches.get_mut(&fetch) else { return };
        if !found.is_done() && !found.candidates.contains(&peer) {
            found.candidates.push_back(peer);
            if found.asks.values().all(|ask| ask.is_late) {
                self.ask_next(fetch);
            }
        }
    }

    /// Two peers are connected: what one of them waits for, the other may have.
    pub(crate) fn can_be_asked_by(&mut self, peer: Index, owner: Index) {
        let open = self.fetches.iter().filter(|(_, fetch)| fetch.owner == owner);
        let open: Vec<u64> = open.map(|(id, _)| *id).collect();
        for fetch in open {
            self.can_be_asked(fetch, peer);
        }
    }
}
