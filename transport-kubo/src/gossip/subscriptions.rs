//! Channels listened on: for each, one call that never ends, opened again whenever it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_ledger::transport::Channel;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::message::Line;
use crate::rpc::{Backoff, Call, Lines, RpcError, encode};
use crate::shared::Shared;

/// The longest line: the megabyte that gossipsub carries at most, in base64, and its envelope. A message that is too long
/// for an announcement must not end the subscription, or anybody could end it.
const MAX_LINE: usize = 2 * 1024 * 1024;
/// Subscriptions break together; the replica hears of it once.
const GATHER: Duration = Duration::from_millis(300);
/// A subscription that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(30);

/// What the handle asks.
pub(crate) enum Command {
    Join(Channel),
    Leave(Channel),
}

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>, mut commands: mpsc::UnboundedReceiver<Command>) {
    // The tasks end with the set.
    let mut tasks = JoinSet::new();
    let mut joined: BTreeMap<Channel, AbortHandle> = BTreeMap::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Join(channel)) => join(&shared, &mut tasks, &mut joined, channel),
                Some(Command::Leave(channel)) => {
                    shared.presence.leave(channel);
                    if let Some(task) = joined.remove(&channel) {
                        task.abort();
                    }
                }
                None => return,
            },
            // They end by being told to.
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn join(shared: &Arc<Shared>, tasks: &mut JoinSet<()>, joined: &mut BTreeMap<Channel, AbortHandle>, channel: Channel) {
    if joined.contains_key(&channel) {
        return;
    }
    if joined.len() >= shared.config.limits.channels {
        shared.counters.joins_refused.add(1);
        tracing::warn!(%channel, limit = shared.config.limits.channels, "not joined: too many channels");
        return;
    }
    shared.presence.join(channel);
    joined.insert(channel, tasks.spawn(listen(shared.clone(), channel)));
}

/// Listens on one channel until the task is ended.
async fn listen(shared: Arc<Shared>, channel: Channel) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let mut is_first = true;
    loop {
        let life = shared.health.up().await;
        match open(&shared, channel).await {
            Ok(lines) => {
                if !std::mem::take(&mut is_first) {
                    shared.counters.subscriptions_broken.add(1);
                    shared.gap.notify_one();
                }
                let begun = Instant::now();
                tokio::select! {
                    error = read(&shared, channel, lines) => tracing::debug!(%channel, %error, "a subscription broke"),
                    () = shared.health.over(life) => {}
                }
                if begun.elapsed() >= GOOD {
                    backoff.reset();
                }
            }
            Err(error) => tracing::debug!(%channel, %error, "not subscribed"),
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn open(shared: &Shared, channel: Channel) -> Result<Lines, RpcError> {
    let topic = encode(channel.to_string().as_bytes());
    let call = Call::new("pubsub/sub", shared.config.times.call).arg(topic).limit(MAX_LINE);
    let lines = shared.rpc.lines(call).await;
    if let Err(error) = &lines
        && error.says("not enabled")
    {
        tracing::error!("the daemon has no pubsub: start it with ipfs daemon --enable-pubsub-experiment");
    }
    lines.map(Lines::patient)
}

/// Reads until the subscription breaks; says why.
async fn read(shared: &Shared, channel: Channel, mut lines: Lines) -> RpcError {
    loop {
        match lines.next::<Line>().await {
            Ok(Some(line)) => take(shared, channel, line),
            Ok(None) => return RpcError::Cut("the daemon ended it".to_owned()),
            Err(RpcError::Malformed(_)) => shared.counters.messages_malformed.add(1),
            Err(error) => return error,
        }
    }
}

fn take(shared: &Shared, channel: Channel, line: Line) {
    if line.is_empty() {
        return;
    }
    let Some(message) = line.read(channel, shared.config.limits.message) else {
        shared.counters.messages_malformed.add(1);
        return;
    };
    if shared.health.is_me(message.from.as_str()) {
        if shared.echoes.take(channel, &message.data) {
            return;
        }
    } else if shared.standing.refuses(&message.from, Instant::now()) {
        shared.counters.messages_refused.add(1);
        return;
    }
    shared.counters.messages_received.add(1);
    shared.events.push(message.into_event(channel));
}

/// Tells the replica that news may have been lost, once for all subscriptions that broke together.
pub(crate) async fn announce_gaps(shared: Arc<Shared>) {
    loop {
        shared.gap.notified().await;
        tokio::time::sleep(GATHER).await;
        shared.events.missed();
    }
}
