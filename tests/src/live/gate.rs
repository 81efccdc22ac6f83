//! A transport behind a gate: what a partition separates gets lost there, and what passes is counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cid::Cid;
use futures::channel::mpsc;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tidings_ledger::transport::{
    Broadcast, Channel, Demerit, Event, Events, Fetch, FetchError, FetchStream, Fetched, MessageId, Peer, PublishError,
    Transport, Verdict, Want,
};

/// Who cannot hear whom, for all gates of a network.
#[derive(Debug, Default)]
pub struct Walls(Mutex<BTreeSet<(Peer, Peer)>>);

impl Walls {
    /// Separates these pairs, in both directions.
    pub fn close(&self, pairs: Vec<(Peer, Peer)>) {
        let both = pairs.into_iter().flat_map(|(a, b)| [(a.clone(), b.clone()), (b, a)]);
        self.0.lock().extend(both);
    }

    /// Lets these pairs hear each other again.
    pub fn open(&self, pairs: &[(Peer, Peer)]) {
        self.0.lock().retain(|(a, b)| !pairs.iter().any(|(x, y)| (a, b) == (x, y) || (b, a) == (x, y)));
    }

    /// Lets everybody hear everybody again.
    pub fn open_all(&self) {
        self.0.lock().clear();
    }

    fn between(&self, a: &Peer, b: &Peer) -> bool {
        self.0.lock().contains(&(a.clone(), b.clone()))
    }
}

/// One node's transport as its ledger sees it.
///
/// Behind a wall, messages by the other side are dropped on arrival and blocks from there count as not found. Nobody is
/// told, so what heals afterwards heals by itself. Messages are told apart by their signer: also what a third node passes
/// on is lost.
pub struct Gate {
    inner: Arc<dyn Transport>,
    me: Peer,
    walls: Arc<Walls>,
    pace: u32,
    wanted: AtomicU64,
    demerits: Mutex<Vec<(Peer, Demerit)>>,
    /// Events that the transport knows nothing of.
    told: mpsc::UnboundedSender<Event>,
    tell: Mutex<Option<mpsc::UnboundedReceiver<Event>>>,
}

impl Gate {
    /// A gate before this transport; time in requests is so many times faster than the transport's.
    pub fn new(inner: Arc<dyn Transport>, me: Peer, walls: Arc<Walls>, pace: u32) -> Self {
        let (told, tell) = mpsc::unbounded();
        let (wanted, demerits) = (AtomicU64::new(0), Mutex::default());
        Gate { inner, me, walls, pace, wanted, demerits, told, tell: Mutex::new(Some(tell)) }
    }

    /// Tells the ledger that a peer is gone.
    pub fn lose(&self, peer: Peer) {
        let _ = self.told.unbounded_send(Event::Disconnected { peer });
    }

    /// Blocks asked for so far.
    pub fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// What the ledger held against others so far.
    pub fn demerits(&self) -> Vec<(Peer, Demerit)> {
        self.demerits.lock().clone()
    }
}

impl Broadcast for Gate {
    fn join(&self, channel: Channel) {
        self.inner.join(channel);
    }

    fn leave(&self, channel: Channel) {
        self.inner.leave(channel);
    }

    fn publish(&self, channel: Channel, message: Bytes) -> Result<(), PublishError> {
        self.inner.publish(channel, message)
    }

    fn judge(&self, message: MessageId, verdict: Verdict) {
        self.inner.judge(message, verdict);
    }

    fn events(&self) -> Events {
        let (inner, me, walls) = (self.inner.clone(), self.me.clone(), self.walls.clone());
        let heard = self.inner.events().filter_map(move |event| {
            let kept = match event {
                Event::Message { from, id, .. } if walls.between(&me, &from) => {
                    inner.judge(id, Verdict::Ignore);
                    None
                }
                other => Some(other),
            };
            futures::future::ready(kept)
        });
        match self.tell.lock().take() {
            Some(tell) => stream::select(heard, tell).boxed(),
            None => heard.boxed(),
        }
    }
}

impl Fetch for Gate {
    fn fetch(&self, want: Want) -> FetchStream {
        self.wanted.fetch_add(want.cids.len() as u64, Ordering::Relaxed);
        let (me, walls) = (self.me.clone(), self.walls.clone());
        let ask_first = want.ask_first.into_iter().filter(|peer| !walls.between(&me, peer)).collect();
        let want = Want { cids: want.cids, ask_first, patience: want.patience / self.pace };
        let answers = self.inner.fetch(want).map(move |group| {
            let pass = |fetched: Fetched| match fetched.result {
                Ok(block) if walls.between(&me, &block.from) => {
                    Fetched { cid: fetched.cid, result: Err(FetchError::NotFound) }
                }
                result => Fetched { cid: fetched.cid, result },
            };
            group.into_iter().map(pass).collect()
        });
        answers.boxed()
    }

    fn demerit(&self, peer: &Peer, demerit: Demerit) {
        self.demerits.lock().push((peer.clone(), demerit));
        self.inner.demerit(peer, demerit);
    }

    fn provide(&self, roots: Vec<Cid>) {
        self.inner.provide(roots);
    }
}
