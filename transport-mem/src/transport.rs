//! Both verbs for one simulated peer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cid::Cid;
use futures::{Stream, StreamExt};
use tidings_ledger::transport::{
    Broadcast, Channel, Demerit, Event, Events, Fetch, FetchError, FetchStream, Fetched, MessageId, Peer, PublishError,
    Verdict, Want,
};

use crate::net::{Index, Inner, Net};
use crate::record::What;
use crate::world::PeerId;

/// A peer's transport in a simulated network. After the peer's crash the object is dead, and a new life has a new one.
pub struct MemTransport {
    net: Arc<Net>,
    me: Index,
    life: u32,
}

impl MemTransport {
    pub(crate) fn new(net: Arc<Net>, me: Index, life: u32) -> Self {
        MemTransport { net, me, life }
    }

    /// Does something with the network, if this life of the peer still lasts.
    fn alive<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        let mut net = self.net.lock();
        net.is_alive(self.me, self.life).then(|| work(&mut net))
    }
}

impl Broadcast for MemTransport {
    fn join(&self, channel: Channel) {
        self.alive(|net| net.join(self.me, channel));
    }

    fn leave(&self, channel: Channel) {
        self.alive(|net| net.leave(self.me, channel));
    }

    fn publish(&self, channel: Channel, message: Bytes) -> Result<(), PublishError> {
        self.alive(|net| net.publish(self.me, channel, message)).unwrap_or(Err(PublishError::Closed))
    }

    fn judge(&self, message: MessageId, verdict: Verdict) {
        self.alive(|net| net.judge(self.me, &message, verdict));
    }

    fn events(&self) -> Events {
        let is_first = self.alive(|net| !std::mem::replace(&mut net.peers[self.me].events_taken, true));
        if is_first != Some(true) {
            return futures::stream::empty().boxed();
        }
        EventStream { net: self.net.clone(), me: self.me, life: self.life }.boxed()
    }
}

impl Fetch for MemTransport {
    fn fetch(&self, want: Want) -> FetchStream {
        let cids = want.cids.clone();
        match self.alive(|net| net.begin_fetch(self.me, want)) {
            Some(fetch) => AnswerStream { net: self.net.clone(), fetch }.boxed(),
            None => {
                let closed = |cid| Fetched { cid, result: Err(FetchError::Closed) };
                futures::stream::iter([cids.into_iter().map(closed).collect()]).boxed()
            }
        }
    }

    fn demerit(&self, peer: &Peer, demerit: Demerit) {
        self.alive(|net| {
            // Who is out of reach withheld nothing.
            let is_near = net.names.get(peer).is_some_and(|peer| net.is_linked(self.me, *peer));
            if demerit == Demerit::Withheld && !is_near {
                return;
            }
            let state = &mut net.peers[self.me];
            state.traffic.demerits += 1;
            state.demerits.push((peer.clone(), demerit));
            let against = peer.to_string();
            net.note(What::Demerit { peer: PeerId(self.me), against, demerit });
        });
    }

    fn provide(&self, roots: Vec<Cid>) {
        self.alive(|net| net.provide(self.me, roots));
    }
}

struct EventStream {
    net: Arc<Net>,
    me: Index,
    life: u32,
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut net = self.net.lock();
        if !net.is_alive(self.me, self.life) {
            return Poll::Ready(None);
        }
        let state = &mut net.peers[self.me];
        if let Some(event) = state.inbox.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.dropped > 0 {
            return Poll::Ready(Some(Event::Missed { dropped: Some(std::mem::take(&mut state.dropped)) }));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

struct AnswerStream {
    net: Arc<Net>,
    fetch: u64,
}

impl Stream for AnswerStream {
    type Item = Vec<Fetched>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Vec<Fetched>>> {
        let mut net = self.net.lock();
        let Some(fetch) = net.fetches.get_mut(&self.fetch) else { return Poll::Ready(None) };
        if let Some(group) = fetch.ready.pop_front() {
            return Poll::Ready(Some(group));
        }
        if fetch.is_done() {
            return Poll::Ready(None);
        }
        fetch.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        // Taken out under the lock and dropped after it.
        let fetch = self.net.lock().fetches.remove(&self.fetch);
        drop(fetch);
    }
}
