//! The bounded queue of events: what does not fit is counted and reported as missed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::Stream;
use tidings_ledger::transport::Event;
use tokio::sync::mpsc;

use crate::counters::Counters;

/// The writing end.
pub(crate) struct EventSink {
    queue: mpsc::Sender<Event>,
    missed: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

/// The reading end.
pub(crate) struct EventStream {
    queue: mpsc::Receiver<Event>,
    missed: Arc<AtomicU64>,
}

/// A queue of `capacity` events.
pub(crate) fn channel(capacity: usize, counters: Arc<Counters>) -> (EventSink, EventStream) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let missed = Arc::new(AtomicU64::new(0));
    (EventSink { queue: sender, missed: missed.clone(), counters }, EventStream { queue: receiver, missed })
}

impl EventSink {
    /// Queues the event, or counts it as missed.
    pub(crate) fn push(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(event) {
            self.missed.fetch_add(1, Ordering::Relaxed);
            self.counters.events_dropped.add(1);
        }
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        // Events are dropped only while the queue is full, so the reader comes by here afterwards.
        match self.missed.swap(0, Ordering::Relaxed) {
            0 => self.queue.poll_recv(cx),
            dropped => Poll::Ready(Some(Event::Missed { dropped: Some(dropped) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt};
    use tidings_ledger::transport::Peer;

    #[test]
    fn a_reader_that_is_too_slow_is_told_what_it_missed() {
        let counters = Arc::new(Counters::default());
        let (sink, mut stream) = channel(2, counters.clone());
        for n in 0..5 {
            sink.push(Event::Connected { peer: Peer::new(n.to_string()) });
        }
        let mut read = || stream.next().now_or_never().flatten();
        assert_eq!(read(), Some(Event::Missed { dropped: Some(3) }));
        assert_eq!(read(), Some(Event::Connected { peer: Peer::new("0") }));
        assert_eq!(read(), Some(Event::Connected { peer: Peer::new("1") }));
        assert_eq!(read(), None);
        assert_eq!(counters.events_dropped.get(), 3);
    }
}
