//! Fetches: a request goes to one peer after another, those named first, until all is there or nobody is left to ask.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::Waker;

use bytes::Bytes;
use cid::Cid;
use sha2::{Digest, Sha256};
use tidings_ledger::transport::{Block, FetchError, Fetched, Peer, Want};

use crate::conduct::Answer;
use crate::hop::Parcel;
use crate::net::{Happening, Index, Inner};
use crate::traffic::CID_BYTES;

/// A peer that does not answer is given this long before the next one is asked as well, in microseconds.
const ASK_NEXT: u64 = 1_000_000;

/// Multicodec of a folder node.
const DAG_PB: u64 = 0x70;

/// A fetch under way.
pub(crate) struct Fetching {
    owner: Index,
    /// What is still missing, in the order in which it was asked for.
    order: Vec<Cid>,
    open: BTreeSet<Cid>,
    candidates: VecDeque<Index>,
    /// What each request still misses.
    asks: BTreeMap<u64, BTreeSet<Cid>>,
    next_ask: u64,
    patience: u64,
    /// When the patience ends.
    until: u64,
    pub(crate) ready: VecDeque<Vec<Fetched>>,
    pub(crate) waker: Option<Waker>,
}

impl Fetching {
    pub(crate) fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    fn deliver(&mut self, group: Vec<Fetched>) {
        if group.is_empty() {
            return;
        }
        self.ready.push_back(group);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Answers everything that is still open with an error.
    fn give_up(&mut self) -> u64 {
        let missing: Vec<Cid> = std::mem::take(&mut self.open).into_iter().collect();
        let count = missing.len() as u64;
        self.deliver(missing.into_iter().map(|cid| Fetched { cid, result: Err(FetchError::NotFound) }).collect());
        count
    }
}

impl Inner {
    pub(crate) fn begin_fetch(&mut self, owner: Index, want: Want) -> u64 {
        let id = self.next_fetch;
        self.next_fetch += 1;
        let mut candidates: VecDeque<Index> = VecDeque::new();
        let named = want.ask_first.iter().filter_map(|peer| self.index_of(peer));
        for peer in named.chain(self.neighbours(owner)) {
            if peer != owner && self.is_linked(owner, peer) && !candidates.contains(&peer) {
                candidates.push_back(peer);
            }
        }
        let traffic = &mut self.peers[owner].traffic;
        traffic.rounds += 1;
        traffic.wanted += want.cids.len() as u64;
        let patience = want.patience.as_micros() as u64;
        let (name, count) = (self.peers[owner].name.clone(), want.cids.len());
        self.trace.note(self.now, format_args!("{name} fetches {count} blocks (fetch {id})"));
        let open: BTreeSet<Cid> = want.cids.iter().copied().collect();
        self.fetches.insert(
            id,
            Fetching {
                owner,
                order: want.cids,
                open,
                candidates,
                asks: BTreeMap::new(),
                next_ask: 0,
                patience,
                until: self.now + patience,
                ready: VecDeque::new(),
                waker: None,
            },
        );
        self.after(patience, Happening::Patience { fetch: id });
        self.ask_next(id);
        id
    }

    fn index_of(&self, name: &Peer) -> Option<Index> {
        self.peers.iter().position(|peer| peer.name == *name)
    }

    /// Asks the next peer for all that is missing; gives up when nobody is left and nobody owes an answer.
    fn ask_next(&mut self, id: u64) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if fetch.open.is_empty() {
            return;
        }
        let owner = fetch.owner;
        let Some(to) = fetch.candidates.pop_front() else {
            if fetch.asks.is_empty() {
                let missing = fetch.give_up();
                self.peers[owner].traffic.not_found += missing;
            }
            return;
        };
        fetch.order.retain(|cid| fetch.open.contains(cid));
        let cids = fetch.order.clone();
        let ask = fetch.next_ask;
        fetch.next_ask += 1;
        fetch.asks.insert(ask, fetch.open.clone());
        let timeout = ASK_NEXT.min(fetch.patience / 2);
        self.peers[owner].traffic.asked += 1;
        self.after(timeout, Happening::AskTimeout { fetch: id, ask });
        // A request that a partition swallows is one that is never answered.
        let len = cids.len() * CID_BYTES as usize;
        let delay = self.travel(owner, to, len);
        self.saw(Parcel::Request, id, (owner, to), delay, len);
        if let Some(delay) = delay {
            let life = self.peers[to].life;
            self.after(delay, Happening::Ask { fetch: id, ask, from: owner, to, life, cids });
        }
    }

    /// A peer is asked for blocks and answers, in portions.
    pub(crate) fn serve(&mut self, fetch: u64, ask: u64, from: Index, to: Index, cids: &[Cid]) {
        let most = self.limits.answer;
        let (blocks, conduct) = (self.peers[to].blocks.clone(), self.peers[to].conduct.clone());
        let mut portion = Vec::new();
        let mut bytes = 0;
        let mut portions = Vec::new();
        for cid in cids {
            // A store that cannot be read serves nothing; its owner learns of it from its own reads.
            let honest = blocks.get(cid).unwrap_or_default();
            let answer = match &conduct {
                Some(conduct) => conduct.answer(cid, honest),
                None => honest.map_or(Answer::DontHave, Answer::Bytes),
            };
            let block = match answer {
                Answer::Bytes(block) => Some(block),
                Answer::DontHave => None,
                Answer::Silence => continue,
            };
            self.peers[to].traffic.served += u64::from(block.is_some());
            bytes += block.as_ref().map_or(CID_BYTES as usize, Bytes::len);
            portion.push((*cid, block));
            if bytes >= most {
                portions.push((std::mem::take(&mut bytes), std::mem::take(&mut portion)));
            }
        }
        portions.push((bytes, portion));
        for (len, blocks) in portions.into_iter().filter(|(_, blocks)| !blocks.is_empty()) {
            let delay = self.travel(to, from, len);
            self.saw(Parcel::Answer, fetch, (to, from), delay, len);
            if let Some(delay) = delay {
                self.after(delay, Happening::Answer { fetch, ask, from: to, blocks });
            }
        }
    }

    /// Blocks arrive. What does not hash to its CID is as good as not there.
    pub(crate) fn answered(&mut self, id: u64, ask: u64, from: Index, blocks: Vec<(Cid, Option<Bytes>)>) {
        let now = self.now;
        let sender = self.peers[from].name.clone();
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        let traffic = &mut self.peers[fetch.owner].traffic;
        let mut group = Vec::new();
        for (cid, block) in blocks {
            if let Some(asked) = fetch.asks.get_mut(&ask) {
                asked.remove(&cid);
            }
            let Some(bytes) = block else { continue };
            if cid.hash().digest() != &Sha256::digest(&bytes)[..] {
                traffic.wrong += 1;
                continue;
            }
            if !fetch.open.remove(&cid) {
                continue;
            }
            if cid.codec() == DAG_PB {
                traffic.nodes += 1;
                traffic.node_bytes += bytes.len() as u64;
            } else {
                traffic.files += 1;
                traffic.file_bytes += bytes.len() as u64;
            }
            group.push(Fetched { cid, result: Ok(Block { bytes, from: sender.clone() }) });
        }
        if !group.is_empty() {
            fetch.until = now + fetch.patience;
        }
        let (count, owner) = (group.len(), fetch.owner);
        fetch.deliver(group);
        let is_answered = fetch.asks.get(&ask).is_none_or(BTreeSet::is_empty);
        if is_answered {
            fetch.asks.remove(&ask);
        }
        let name = self.peers[owner].name.clone();
        self.trace.note(now, format_args!("{name} gets {count} blocks from {sender} (fetch {id})"));
        if is_answered {
            self.ask_next(id);
        }
    }

    pub(crate) fn ask_timeout(&mut self, id: u64, ask: u64) {
        if self.fetches.get(&id).is_some_and(|fetch| fetch.asks.contains_key(&ask) && !fetch.candidates.is_empty()) {
            self.ask_next(id);
        }
    }

    pub(crate) fn patience(&mut self, id: u64) {
        let now = self.now;
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if fetch.open.is_empty() {
            return;
        }
        if fetch.until > now {
            let rest = fetch.until - now;
            self.after(rest, Happening::Patience { fetch: id });
            return;
        }
        let owner = fetch.owner;
        let missing = fetch.give_up();
        self.peers[owner].traffic.not_found += missing;
        let name = self.peers[owner].name.clone();
        self.trace.note(now, format_args!("{name} gives up on {missing} blocks (fetch {id})"));
    }
}
