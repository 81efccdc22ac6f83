//! Live notices: a bounded stream that says so when its reader is too slow.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use futures::Stream;
use parking_lot::Mutex;

use crate::replica::Notice;
use crate::topic::TopicId;

/// A stream of [`Notice`]s. Dropping it ends the subscription.
///
/// It holds a fixed number of notices. What finds no room is left out and counted, and the reader is told at that place
/// with [`Notice::Lagged`]; nothing is dropped silently.
pub struct Subscription(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    notices: VecDeque<Notice>,
    capacity: usize,
    /// Notices left out since the last one that found room.
    lagged: u64,
    waker: Option<Waker>,
    closed: bool,
}

impl Stream for Subscription {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut queue = self.0.lock();
        if let Some(notice) = queue.notices.pop_front() {
            return Poll::Ready(Some(notice));
        }
        if queue.lagged > 0 {
            return Poll::Ready(Some(Notice::Lagged(std::mem::take(&mut queue.lagged))));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Queue {
    fn push(&mut self, notice: Notice) {
        if self.lagged > 0 && self.notices.len() + 1 < self.capacity {
            self.notices.push_back(Notice::Lagged(std::mem::take(&mut self.lagged)));
        }
        if self.lagged > 0 || self.notices.len() >= self.capacity {
            self.lagged += 1;
        } else {
            self.notices.push_back(notice);
        }
    }
}

/// All subscriptions of one ledger.
#[derive(Default)]
pub(super) struct Subscribers(Mutex<Vec<Subscriber>>);

struct Subscriber {
    queue: Weak<Mutex<Queue>>,
    topic: Option<TopicId>,
}

impl Subscribers {
    /// A new subscription, to one topic or to everything.
    pub(super) fn add(&self, topic: Option<TopicId>, capacity: usize) -> Subscription {
        // Two: a notice and the word that some were left out.
        let queue = Arc::new(Mutex::new(Queue { capacity: capacity.max(2), ..Queue::default() }));
        self.0.lock().push(Subscriber { queue: Arc::downgrade(&queue), topic });
        Subscription(queue)
    }

    /// Tells everybody concerned.
    pub(super) fn tell(&self, notices: &[Notice]) {
        if notices.is_empty() {
            return;
        }
        self.0.lock().retain(|subscriber| {
            let Some(queue) = subscriber.queue.upgrade() else { return false };
            let mut queue = queue.lock();
            let before = (queue.notices.len(), queue.lagged);
            for notice in notices {
                if subscriber.topic.is_none() || topic_of(notice) == subscriber.topic {
                    queue.push(notice.clone());
                }
            }
            let waker = if before == (queue.notices.len(), queue.lagged) { None } else { queue.waker.take() };
            drop(queue);
            if let Some(waker) = waker {
                waker.wake();
            }
            true
        });
    }

    /// Ends all subscriptions, once they are read out.
    pub(super) fn close(&self) {
        for subscriber in self.0.lock().drain(..) {
            let Some(queue) = subscriber.queue.upgrade() else { continue };
            let waker = {
                let mut queue = queue.lock();
                queue.closed = true;
                queue.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// The topic that a notice is about.
fn topic_of(notice: &Notice) -> Option<TopicId> {
    match notice {
        Notice::Entry(entry) => Some(entry.topic()),
        Notice::Redacted { topic, .. } | Notice::Folder { topic, .. } => Some(*topic),
        Notice::Fork(fork) => Some(fork.topic),
        Notice::Catalog { .. } | Notice::Lagged(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::content::node_cid;

    fn folder(topic: u8, entries: u64) -> Notice {
        Notice::Folder { topic: TopicId::from_bytes([topic; 32]), cid: node_cid(&[topic]), entries }
    }

    /// What can be read at once.
    fn read(subscription: &mut Subscription) -> Vec<Notice> {
        std::iter::from_fn(|| subscription.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_slow_reader_is_told_where_and_how_many_were_left_out() {
        let subscribers = Subscribers::default();
        let mut slow = subscribers.add(None, 3);
        subscribers.tell(&(0..10).map(|entries| folder(1, entries)).collect::<Vec<_>>());
        assert_eq!(read(&mut slow), [folder(1, 0), folder(1, 1), folder(1, 2), Notice::Lagged(7)]);
        subscribers.tell(&[folder(1, 10)]);
        assert_eq!(read(&mut slow), [folder(1, 10)]);
    }

    #[test]
    fn who_listens_to_one_topic_hears_nothing_of_others() {
        let subscribers = Subscribers::default();
        let mut one = subscribers.add(Some(TopicId::from_bytes([1; 32])), 10);
        let mut all = subscribers.add(None, 10);
        subscribers.tell(&[folder(1, 1), folder(2, 1)]);
        assert_eq!(read(&mut one), [folder(1, 1)]);
        assert_eq!(read(&mut all), [folder(1, 1), folder(2, 1)]);
    }

    #[test]
    fn a_closed_ledger_lets_its_readers_read_to_the_end() {
        let subscribers = Subscribers::default();
        let mut reader = subscribers.add(None, 10);
        subscribers.tell(&[folder(1, 1)]);
        subscribers.close();
        assert_eq!(reader.next().now_or_never(), Some(Some(folder(1, 1))));
        assert_eq!(reader.next().now_or_never(), Some(None), "the end, and not for ever pending");
    }
}
