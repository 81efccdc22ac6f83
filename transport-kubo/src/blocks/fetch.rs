//! Fetching: many calls for one block each, a bounded number at a time, every answer checked.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use tidings_ledger::transport::{Block, FetchError, Fetched, Peer, Want};
use tokio::time::{Instant, Sleep};

use super::verify;
use crate::rpc::{Backoff, Call, RpcError};
use crate::shared::Shared;

/// The most that the daemon is told to go on looking for a block.
const LONGEST: Duration = Duration::from_secs(3600);

/// Asks the daemon for every block; the daemon asks its peers.
pub(crate) fn fetch(shared: Arc<Shared>, want: Want) -> impl Stream<Item = Vec<Fetched>> + Send {
    shared.introduce(&want.ask_first);
    let session = Session {
        waiting: want.cids.into(),
        asked: BTreeSet::new(),
        running: FuturesUnordered::new(),
        patience: want.patience.min(LONGEST),
        timer: None,
        shared,
    };
    futures::stream::unfold(session, |mut session| async move {
        let group = session.next().await;
        (!group.is_empty()).then_some((group, session))
    })
}

/// One call of [`fetch`]. Dropping it drops its calls, which makes the daemon give up what they ask for.
struct Session {
    shared: Arc<Shared>,
    waiting: VecDeque<Cid>,
    asked: BTreeSet<Cid>,
    running: FuturesUnordered<BoxFuture<'static, Fetched>>,
    patience: Duration,
    /// Runs out when nothing came for too long.
    timer: Option<std::pin::Pin<Box<Sleep>>>,
}

impl Session {
    /// The next answers; none when all were given.
    async fn next(&mut self) -> Vec<Fetched> {
        while self.running.len() < self.shared.config.limits.fetches {
            let Some(cid) = self.waiting.pop_front() else { break };
            self.asked.insert(cid);
            self.running.push(ask(self.shared.clone(), cid, self.patience).boxed());
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        tokio::select! {
            biased;
            Some(first) = self.running.next() => {
                let mut group = vec![first];
                while let Some(Some(more)) = self.running.next().now_or_never() {
                    group.push(more);
                }
                for fetched in &group {
                    self.asked.remove(&fetched.cid);
                }
                if group.iter().any(|fetched| fetched.result.is_ok()) {
                    timer.as_mut().reset(Instant::now() + patience);
                }
                group
            }
            () = timer.as_mut() => self.give_up(),
        }
    }

    /// Nothing came for too long: whatever is left is not to be had.
    fn give_up(&mut self) -> Vec<Fetched> {
        self.running.clear();
        let left = std::mem::take(&mut self.asked).into_iter().chain(self.waiting.drain(..));
        left.map(|cid| Fetched { cid, result: Err(FetchError::NotFound) }).collect()
    }
}

/// Asks for one block until it comes, is refused for good, or the time is over.
async fn ask(shared: Arc<Shared>, cid: Cid, patience: Duration) -> Fetched {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));
    let result = loop {
        shared.health.up().await;
        // The semaphore is never closed.
        let place = shared.fetches.acquire().await;
        let result = attempt(&shared, &cid, patience).await;
        drop(place);
        match result {
            Ok(bytes) => break Ok(Block { bytes, from: Peer::new(shared.health.now().peer_id) }),
            Err(RpcError::TooLarge { .. }) => break Err(FetchError::TooLarge),
            Err(RpcError::Timeout { .. }) => break Err(FetchError::NotFound),
            Err(error) if error.is_unsupported() => break Err(FetchError::NotFound),
            Err(error) => tracing::debug!(%cid, %error, "no block yet"),
        }
        tokio::time::sleep(backoff.next()).await;
    };
    Fetched { cid, result }
}

async fn attempt(shared: &Shared, cid: &Cid, patience: Duration) -> Result<Bytes, RpcError> {
    if !verify::can_be_verified(cid) {
        return Err(RpcError::Refused { status: 404, message: "not a SHA-256 CID".to_owned() });
    }
    let call = Call::new("block/get", patience + Duration::from_secs(1))
        .arg(cid)
        .option("timeout", format!("{}ms", patience.as_millis()))
        .limit(shared.config.limits.block)
        .waits_for_others();
    let bytes = shared.rpc.bytes(call).await?;
    if !verify::is_right(cid, &bytes) {
        shared.counters.blocks_wrong.add(1);
        tracing::warn!(%cid, bytes = bytes.len(), "the daemon gave wrong bytes for a CID; its store may be damaged");
        return Err(RpcError::Malformed("the bytes do not hash to the CID".to_owned()));
    }
    shared.counters.blocks_received.add(1);
    shared.counters.block_bytes_received.add(bytes.len() as u64);
    Ok(bytes)
}
