//! Publishing: what an announcement names is given to the daemon first, so that whoever hears it can fetch it.
//!
//! The announcements of one channel go out in their order; channels do not wait for each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tidings_ledger::announcement::Announcement;
use tidings_ledger::transport::Channel;
use tokio::sync::mpsc;

use crate::blocks;
use crate::rpc::{Backoff, RpcError};
use crate::shared::Shared;

/// Channels on which something is being published.
const AT_ONCE: usize = 16;
/// Announcements of one channel that wait for the one before: enough for a burst; of more, the oldest are given up, and
/// whoever hears the newest learns of them from its folder.
const WAITING: usize = 64;
/// Bytes of all announcements that wait.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// What waits to be published.
#[derive(Default)]
struct Queues {
    waiting: BTreeMap<Channel, VecDeque<(Bytes, Instant)>>,
    /// Channels on which nothing is being published and something waits, in their order.
    idle: VecDeque<Channel>,
    /// Bytes of all that waits.
    bytes: usize,
}

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>, mut messages: mpsc::Receiver<(Channel, Bytes)>) {
    let mut queues = Queues::default();
    let mut running: FuturesUnordered<BoxFuture<'static, Channel>> = FuturesUnordered::new();
    loop {
        while running.len() < AT_ONCE {
            let Some((channel, message, since)) = queues.next() else { break };
            let shared = shared.clone();
            running.push(Box::pin(async move {
                deliver(&shared, channel, message, since).await;
                channel
            }));
        }
        tokio::select! {
            message = messages.recv() => match message {
                Some((channel, message)) => {
                    shared.counters.messages_dropped.add(queues.add(channel, message, Instant::now()));
                }
                None => return,
            },
            Some(channel) = running.next() => queues.done(channel),
        }
    }
}

impl Queues {
    /// Adds a message; says how many older ones of its channel were given up for it.
    fn add(&mut self, channel: Channel, message: Bytes, now: Instant) -> u64 {
        self.bytes += message.len();
        let queue = self.waiting.entry(channel).or_insert_with(|| {
            self.idle.push_back(channel);
            VecDeque::new()
        });
        queue.push_back((message, now));
        let mut given_up = 0;
        while queue.len() > WAITING || (self.bytes > MAX_BYTES && queue.len() > 1) {
            let Some((oldest, _)) = queue.pop_front() else { break };
            self.bytes -= oldest.len();
            given_up += 1;
        }
        given_up
    }

    /// The next message of a channel on which nothing is being published.
    fn next(&mut self) -> Option<(Channel, Bytes, Instant)> {
        while let Some(channel) = self.idle.pop_front() {
            if let Some((message, since)) = self.waiting.get_mut(&channel).and_then(VecDeque::pop_front) {
                self.bytes -= message.len();
                return Some((channel, message, since));
            }
            self.waiting.remove(&channel);
        }
        None
    }

    /// The channel's message is out, or given up.
    fn done(&mut self, channel: Channel) {
        self.idle.push_back(channel);
    }
}

/// Publishes one message; gives up when it is too old.
async fn deliver(shared: &Shared, channel: Channel, message: Bytes, since: Instant) {
    let left = shared.config.times.publish.saturating_sub(since.elapsed());
    if tokio::time::timeout(left, persist(shared, channel, message)).await.is_err() {
        shared.counters.messages_dropped.add(1);
    }
}

async fn persist(shared: &Shared, channel: Channel, message: Bytes) {
    let root = Announcement::decode(&message).ok().map(|announcement| announcement.folder);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        shared.health.up().await;
        match attempt(shared, channel, &message, root).await {
            Ok(()) => {
                shared.counters.messages_published.add(1);
                return;
            }
            Err(error) => {
                tracing::debug!(%channel, %error, "not published yet");
                tokio::time::sleep(backoff.next()).await;
            }
        }
    }
}

async fn attempt(shared: &Shared, channel: Channel, message: &Bytes, root: Option<cid::Cid>) -> Result<(), RpcError> {
    if let Some(root) = root {
        blocks::put(shared, root).await?;
    }
    shared.publish(channel, message.clone()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_ledger::topic::TopicId;

    fn channel(n: u8) -> Channel {
        Channel::new(TopicId::from_bytes([n; 32]))
    }

    #[test]
    fn the_announcements_of_a_channel_keep_their_order_and_no_channel_holds_up_another() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        for n in 0..3 {
            queues.add(channel(1), Bytes::from(vec![n]), now);
        }
        queues.add(channel(2), Bytes::from_static(b"other"), now);
        let next = |queues: &mut Queues| queues.next().map(|(channel, message, _)| (channel, message[0]));
        assert_eq!(next(&mut queues), Some((channel(1), 0)));
        assert_eq!(next(&mut queues), Some((channel(2), b'o')), "while the first is on its way");
        assert_eq!(next(&mut queues), None);
        queues.done(channel(1));
        assert_eq!(next(&mut queues), Some((channel(1), 1)));
        queues.done(channel(2));
        assert_eq!(next(&mut queues), None);
        assert_eq!(queues.waiting.len(), 1, "a channel with nothing to say is forgotten");
    }

    #[test]
    fn a_burst_while_the_daemon_is_away_is_bounded_and_keeps_the_newest() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        let given_up: u64 = (0..100u8).map(|n| queues.add(channel(1), Bytes::from(vec![n]), now)).sum();
        assert_eq!(given_up, 100 - WAITING as u64);
        assert_eq!(queues.next().map(|(_, message, _)| message[0]), Some(100 - WAITING as u8));
        for n in 0..64 {
            for _ in 0..WAITING {
                queues.add(channel(n), Bytes::from(vec![0; 60_000]), now);
            }
        }
        assert!(queues.bytes <= MAX_BYTES + 64 * 60_000, "{}", queues.bytes);
    }
}
