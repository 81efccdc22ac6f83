//! Wants that stay in force: a peer that lacked a block when it was asked says so when the block has arrived, as Bitswap does;
//! and a fetch that nobody could answer goes on for as long as its patience lasts.

use std::collections::{BTreeSet, VecDeque};

use cid::Cid;

use crate::kind::Kind;
use crate::net::{Happening, Index, Inner};
use crate::traffic::CID_BYTES;
use crate::travel::Sent;

/// Wants that one peer keeps in mind; the oldest are forgotten first.
const MOST: usize = 1024;

/// What a peer was asked for and did not have.
#[derive(Default)]
pub(crate) struct Unserved(VecDeque<(Cid, u64)>);

impl Unserved {
    pub(crate) fn add(&mut self, cid: Cid, fetch: u64) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((cid, fetch));
    }

    /// The fetches that wait for one of these blocks.
    fn take(&mut self, arrived: &[Cid]) -> BTreeSet<u64> {
        let mut fetches = BTreeSet::new();
        self.0.retain(|(cid, fetch)| {
            let waits = arrived.contains(cid);
            if waits {
                fetches.insert(*fetch);
            }
            !waits
        });
        fetches
    }
}

impl Inner {
    /// A peer holds these roots now.
    pub(crate) fn provide(&mut self, peer: Index, roots: Vec<Cid>) {
        for fetch in self.peers[peer].unserved.take(&roots) {
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
            if found.asks.is_empty() {
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
