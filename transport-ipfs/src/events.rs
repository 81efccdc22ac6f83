//! The bounded queue of events: what does not fit is counted and reported as missed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::Stream;
use tidings_ledger::transport::Event;
use tokio::sync::mpsc;

use crate::counters::Counters;

/// Bytes of announcements that may wait. At the usual kilobyte the number of events is the limit; this one is for a flood
/// of the longest.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The writing end.
pub(crate) struct EventSink {
    queue: mpsc::Sender<Event>,
    missed: Arc<AtomicU64>,
    /// Bytes of announcements in the queue.
    bytes: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

/// The reading end.
pub(crate) struct EventStream {
    queue: mpsc::Receiver<Event>,
    missed: Arc<AtomicU64>,
    bytes: Arc<AtomicUsize>,
}

/// A queue of `capacity` events.
pub(crate) fn channel(capacity: usize, counters: Arc<Counters>) -> (EventSink, EventStream) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let (missed, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let sink = EventSink { queue: sender, missed: missed.clone(), bytes: bytes.clone(), counters };
    (sink, EventStream { queue: receiver, missed, bytes })
}

impl EventSink {
    /// Queues the event, or counts it as missed. Returns whether it was queued.
    pub(crate) fn push(&self, event: Event) -> bool {
        let len = weight(&event);
        let fits = self.bytes.load(Ordering::Relaxed) + len <= MAX_BYTES;
        match self.queue.try_reserve() {
            Ok(place) if fits => {
                self.bytes.fetch_add(len, Ordering::Relaxed);
                place.send(event);
                true
            }
            // Nobody reads any more.
            Err(mpsc::error::TrySendError::Closed(())) => false,
            _ => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                self.counters.events_dropped.add(1);
                false
            }
        }
    }
}

fn weight(event: &Event) -> usize {
    match event {
        Event::Message { data, .. } => data.len(),
        _ => 0,
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        // Events are dropped only while the queue is full, so the reader comes by here afterwards.
        match self.missed.swap(0, Ordering::Relaxed) {
            0 => {
                let event = self.queue.poll_recv(cx);
                if let Poll::Ready(Some(event)) = &event {
                    self.bytes.fetch_sub(weight(event), Ordering::Relaxed);
                }
                event
            }
            dropped => Poll::Ready(Some(Event::Missed { dropped: Some(dropped) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt};
    use tidings_ledger::topic::TopicId;
    use tidings_ledger::transport::{Channel, MessageId, Peer};

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

    #[test]
    fn a_flood_of_long_announcements_does_not_fill_the_memory() {
        let (sink, mut stream) = channel(1_000_000, Arc::new(Counters::default()));
        let message = || Event::Message {
            channel: Channel::new(TopicId::from_bytes([0; 32])),
            from: Peer::new("x"),
            id: MessageId(bytes::Bytes::new()),
            data: bytes::Bytes::from_static(&[0; 65_536]),
        };
        let queued = (0..10_000).filter(|_| sink.push(message())).count();
        assert_eq!(queued, MAX_BYTES / 65_536);
        let missed = stream.next().now_or_never().flatten();
        assert_eq!(missed, Some(Event::Missed { dropped: Some(10_000 - queued as u64) }));
        assert_eq!(stream.next().now_or_never().flatten(), Some(message()));
        assert!(sink.push(message()), "reading makes room");
    }
}
