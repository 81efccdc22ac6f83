//! The bounded queue of events: what does not fit is counted and reported as missed.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::Stream;
use parking_lot::Mutex;
use tidings_ledger::transport::Event;

use crate::counters::Counters;

/// Bytes of announcements that may wait.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The queue: the transport's tasks write, the ledger's driver reads.
pub(crate) struct Events {
    queue: Mutex<Queue>,
    capacity: usize,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    /// Events that found no place since the reader was last told.
    dropped: u64,
    /// Whether more may have been lost than can be counted.
    missed: bool,
    reader: Option<Waker>,
    closed: bool,
}

impl Events {
    /// A queue of so many events.
    pub(crate) fn new(capacity: usize, counters: Arc<Counters>) -> Self {
        Events { queue: Mutex::default(), capacity, counters }
    }

    /// Queues the event, or counts it as dropped.
    pub(crate) fn push(&self, event: Event) {
        let mut queue = self.queue.lock();
        let weight = weight(&event);
        if queue.closed {
            return;
        }
        if queue.events.len() >= self.capacity || queue.bytes + weight > MAX_BYTES {
            queue.dropped += 1;
            self.counters.events_dropped.add(1);
        } else {
            queue.bytes += weight;
            queue.events.push_back(event);
        }
        wake(queue);
    }

    /// Messages may have been lost on the way to here. Said once, however often it is noted before the reader comes by.
    pub(crate) fn missed(&self) {
        let mut queue = self.queue.lock();
        queue.missed = true;
        wake(queue);
    }

    /// Ends the stream once it is read out.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        wake(queue);
    }
}

fn wake(mut queue: parking_lot::MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn weight(event: &Event) -> usize {
    match event {
        Event::Message { data, .. } => data.len(),
        _ => 0,
    }
}

/// The reading end.
pub(crate) struct EventStream(pub(crate) Arc<Events>);

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.0.queue.lock();
        let dropped = std::mem::take(&mut queue.dropped);
        if std::mem::take(&mut queue.missed) {
            return Poll::Ready(Some(Event::Missed { dropped: None }));
        }
        if dropped > 0 {
            return Poll::Ready(Some(Event::Missed { dropped: Some(dropped) }));
        }
        if let Some(event) = queue.events.pop_front() {
            queue.bytes -= weight(&event);
            return Poll::Ready(Some(event));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        queue.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt};
    use tidings_ledger::transport::Peer;

    fn event(n: usize) -> Event {
        Event::Connected { peer: Peer::new(n.to_string()) }
    }

    #[test]
    fn a_reader_that_is_too_slow_is_told_what_it_missed() {
        let counters = Arc::new(Counters::default());
        let events = Arc::new(Events::new(2, counters.clone()));
        let mut stream = EventStream(events.clone());
        (0..5).for_each(|n| events.push(event(n)));
        let mut read = || stream.next().now_or_never().flatten();
        assert_eq!(read(), Some(Event::Missed { dropped: Some(3) }));
        assert_eq!((read(), read(), read()), (Some(event(0)), Some(event(1)), None));
        assert_eq!(counters.events_dropped.get(), 3);
    }

    #[test]
    fn a_gap_in_the_subscriptions_is_told_once_and_wakes_the_reader() {
        let events = Arc::new(Events::new(2, Arc::default()));
        let mut stream = EventStream(events.clone());
        let woken = Arc::new(Woken::default());
        let waker = futures::task::waker(woken.clone());
        assert!(stream.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        (0..3).for_each(|_| events.missed());
        assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!(stream.next().now_or_never().flatten(), Some(Event::Missed { dropped: None }));
        assert!(stream.next().now_or_never().is_none(), "it was said once");
        events.close();
        assert_eq!(stream.next().now_or_never(), Some(None));
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl futures::task::ArcWake for Woken {
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
