//! Fetches: a request goes to one peer after another, those named first, until all is there or nobody is left to ask.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::content::{DAG_PB, sha256};
use tidings_ledger::transport::{Block, FetchError, Fetched, Want};

use crate::conduct::Answer;
use crate::kind::Kind;
use crate::net::{Happening, Index, Inner};
use crate::record::What;
use crate::traffic::CID_BYTES;
use crate::travel::Sent;
use crate::world::PeerId;

/// A peer that does not answer is given this long before the next one is asked as well, in microseconds.
const ASK_NEXT: u64 = 1_000_000;

/// And this long, before it is asked once more: its stream may have broken.
const ASK_AGAIN: u64 = 5_000_000;

/// A fetch under way.
pub(crate) struct Fetching {
    pub(crate) owner: Index,
    /// What is still missing, in the order in which it was asked for.
    order: Vec<Cid>,
    open: BTreeSet<Cid>,
    pub(crate) candidates: VecDeque<Index>,
    /// Who has been a candidate, if others may be found by a lookup.
    has_looked: bool,
    pub(crate) asks: BTreeMap<u64, Ask>,
    next_ask: u64,
    patience: u64,
    /// When the patience ends.
    until: u64,
    pub(crate) ready: VecDeque<Vec<Fetched>>,
    pub(crate) waker: Option<Waker>,
}

/// A request to one peer.
pub(crate) struct Ask {
    to: Index,
    /// What it has not answered.
    missing: BTreeSet<Cid>,
    /// Whether anything has come since that was last looked at.
    is_answering: bool,
    /// Whether it was waited for in vain.
    pub(crate) is_late: bool,
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
        let named = want.ask_first.iter().filter_map(|peer| self.names.get(peer).copied());
        for peer in named.chain(self.neighbours(owner)) {
            if peer != owner && self.is_linked(owner, peer) && !candidates.contains(&peer) {
                candidates.push_back(peer);
            }
        }
        let traffic = &mut self.peers[owner].traffic;
        traffic.rounds += 1;
        traffic.wanted += want.cids.len() as u64;
        let patience = want.patience.as_micros() as u64;
        self.note(What::Fetches { peer: PeerId(owner), fetch: id, blocks: want.cids.len() });
        let open: BTreeSet<Cid> = want.cids.iter().copied().collect();
        self.fetches.insert(
            id,
            Fetching {
                owner,
                order: want.cids,
                open,
                candidates,
                has_looked: false,
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

    /// Asks the next peer for all that is missing.
    pub(crate) fn ask_next(&mut self, id: u64) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if fetch.open.is_empty() {
            return;
        }
        let owner = fetch.owner;
        let Some(to) = fetch.candidates.pop_front() else { return self.nobody_left(id) };
        fetch.order.retain(|cid| fetch.open.contains(cid));
        let cids = fetch.order.clone();
        let ask = fetch.next_ask;
        fetch.next_ask += 1;
        let missing = fetch.open.clone();
        fetch.asks.insert(ask, Ask { to, missing, is_answering: false, is_late: false });
        let timeout = ASK_NEXT.min(fetch.patience / 2);
        self.peers[owner].traffic.asked += 1;
        self.after(timeout, Happening::AskTimeout { fetch: id, ask });
        // A request that a partition swallows is one that is never answered.
        let (cids, life): (Arc<[Cid]>, _) = (cids.into(), self.peers[to].life);
        let arrival = |_| Happening::Ask { fetch: id, ask, from: owner, to, life, cids: cids.clone() };
        let bytes = cids.len() * CID_BYTES as usize;
        self.send(&Sent { kind: Kind::Request, number: id, from: owner, to, bytes }, arrival);
    }

    /// No neighbour is left to ask: looks for others, once. What nobody has may still come, while the patience lasts.
    fn nobody_left(&mut self, id: u64) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if let (Some((takes, _)), false) = (self.limits.lookup, fetch.has_looked) {
            fetch.has_looked = true;
            self.after(takes.as_micros() as u64, Happening::Lookup { fetch: id });
        }
    }

    /// Those who made a block known as held by them are found, connected to, and asked.
    pub(crate) fn looked_up(&mut self, id: u64) {
        let Some(fetch) = self.fetches.get(&id) else { return };
        let (owner, Some((_, link))) = (fetch.owner, self.limits.lookup) else { return };
        let provides = |peer: &Index| self.peers[*peer].provided.iter().any(|cid| fetch.order.contains(cid));
        let found: Vec<Index> = (0..self.peers.len())
            .filter(|peer| *peer != owner && !self.is_linked(owner, *peer))
            .filter(provides)
            .collect();
        for peer in found {
            if self.peers[peer].is_up && self.peers[owner].is_up {
                self.peers[owner].traffic.dialled += 1;
                // Connected, it is a candidate of all that its new neighbour fetches.
                self.connect(owner, peer, link);
            }
        }
        self.ask_next(id);
    }

    /// A peer is asked for blocks and answers, in portions.
    pub(crate) fn serve(&mut self, fetch: u64, ask: u64, from: Index, to: Index, cids: &[Cid]) {
        let most = self.limits.answer;
        let mut portions: Vec<(usize, Vec<(Cid, Option<Bytes>)>)> = vec![Default::default()];
        for (at, cid) in cids.iter().enumerate() {
            let (block, wait) = match self.answer(to, cid, at) {
                Answer::Bytes(block) => (Some(block), None),
                Answer::Late(block, wait) => (Some(block), Some(wait)),
                Answer::DontHave => (None, None),
                Answer::Silence => continue,
            };
            let len = block.as_ref().map_or(CID_BYTES as usize, Bytes::len);
            if block.is_none() {
                self.peers[to].unserved.add(*cid, fetch);
            } else {
                self.peers[to].traffic.served += 1;
                self.peers[to].traffic.served_bytes += len as u64;
            }
            if let Some(wait) = wait {
                self.answer_later(fetch, ask, to, wait.as_micros() as u64, (*cid, block));
                continue;
            }
            if portions.last().is_none_or(|(bytes, _)| *bytes >= most) {
                portions.push(Default::default());
            }
            if let Some((bytes, blocks)) = portions.last_mut() {
                *bytes += len;
                blocks.push((*cid, block));
            }
        }
        for (bytes, blocks) in portions.into_iter().filter(|(_, blocks)| !blocks.is_empty()) {
            let arrival = |_| Happening::Answer { fetch, ask, from: to, blocks: blocks.clone() };
            self.send(&Sent { kind: Kind::Answer, number: fetch, from: to, to: from, bytes }, arrival);
        }
    }

    /// What the peer says when it is asked for this block, the how-manieth of one request.
    fn answer(&mut self, peer: Index, cid: &Cid, at: usize) -> Answer {
        let serving = self.peers[peer].serving;
        // A store that cannot be read serves nothing; its owner learns of it from its own reads.
        let honest = self.peers[peer].blocks.get(cid).unwrap_or_default();
        if let Some(conduct) = self.peers[peer].conduct.clone() {
            return conduct.answer(cid, honest);
        }
        let Some(block) = honest else { return Answer::DontHave };
        let answer = if at >= serving.most || self.chance(serving.silent) {
            Answer::Silence
        } else if self.chance(serving.denied) {
            Answer::DontHave
        } else if self.chance(serving.wrong) {
            Answer::Bytes(block.iter().map(|byte| !byte).collect())
        } else if self.chance(serving.late) {
            let wait = serving.late_by.mul_f64(-(1.0 - self.rng.f64()).ln());
            Answer::Late(block, wait)
        } else {
            return Answer::Bytes(block);
        };
        self.peers[peer].traffic.misserved += 1;
        answer
    }

    fn answer_later(&mut self, fetch: u64, ask: u64, from: Index, wait: u64, block: (Cid, Option<Bytes>)) {
        self.after(wait, Happening::Answer { fetch, ask, from, blocks: vec![block] });
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
                asked.is_answering = true;
                asked.missing.remove(&cid);
            }
            let Some(bytes) = block else { continue };
            if *cid.hash().digest() != sha256(&bytes) {
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
        let is_answered = fetch.asks.get(&ask).is_none_or(|asked| asked.missing.is_empty());
        if is_answered {
            fetch.asks.remove(&ask);
        }
        self.note(What::Got { peer: PeerId(owner), from: PeerId(from), fetch: id, blocks: count });
        if is_answered {
            self.ask_next(id);
        }
    }

    /// A request was not answered in time: the next peer is asked as well, or this one again if nobody else is left.
    pub(crate) fn ask_timeout(&mut self, id: u64, ask: u64) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        let Some(asked) = fetch.asks.get_mut(&ask) else { return };
        let answers = std::mem::take(&mut asked.is_answering);
        let was_late = std::mem::replace(&mut asked.is_late, !answers);
        let silent = asked.to;
        let has_others = !fetch.candidates.is_empty();
        if was_late && !answers {
            fetch.asks.remove(&ask);
            fetch.candidates.push_back(silent);
        } else {
            self.after(ASK_AGAIN - ASK_NEXT, Happening::AskTimeout { fetch: id, ask });
        }
        if has_others || was_late {
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
        self.note(What::GaveUp { peer: PeerId(owner), fetch: id, blocks: missing as usize });
    }
}
