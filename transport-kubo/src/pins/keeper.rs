//! Keeping the daemon's pins in step with the ledger's folders.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use cid::Cid;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde::Deserialize;
use tidings_ledger::handle::{Cursor, MAX_PAGE};
use tidings_ledger::topic::TopicId;
use tidings_ledger::{Ledger, Notice};
use tokio::sync::mpsc;

use super::board::Job;
use crate::blocks;
use crate::rpc::{Call, RpcError};
use crate::shared::Shared;

/// Pins that are made at once.
const AT_ONCE: usize = 4;
/// Notices that may wait; when more come, all topics are listed anew.
const NOTICES: usize = 4096;
/// Pins of the daemon that are looked at.
const MAX_PINS: u64 = 20_000_000;

/// What the keeper is told.
pub(crate) enum Signal {
    /// This topic has this folder now.
    Folder(TopicId, Cid),
}

/// Tells the keeper of every folder of the ledger, now and whenever one changes, until the ledger is closed.
pub(crate) async fn list(ledger: Ledger, catalog: Option<TopicId>, signals: mpsc::Sender<Signal>) {
    let mut notices = ledger.subscribe(NOTICES);
    let mut is_behind = true;
    loop {
        if std::mem::take(&mut is_behind) && !list_all(&ledger, catalog, &signals).await {
            return;
        }
        let signal = match notices.next().await {
            Some(Notice::Folder { topic, cid, .. }) => Signal::Folder(topic, cid),
            Some(Notice::Catalog { cid, .. }) => match catalog {
                Some(catalog) => Signal::Folder(catalog, cid),
                None => continue,
            },
            Some(Notice::Lagged(_)) => {
                is_behind = true;
                continue;
            }
            Some(_) => continue,
            None => return,
        };
        if signals.send(signal).await.is_err() {
            return;
        }
    }
}

/// Says whether anybody listens.
async fn list_all(ledger: &Ledger, catalog: Option<TopicId>, signals: &mpsc::Sender<Signal>) -> bool {
    let mut after: Option<Cursor> = None;
    loop {
        let (reader, from) = (ledger.clone(), after.clone());
        let page = tokio::task::spawn_blocking(move || reader.topics(from.as_ref(), MAX_PAGE)).await;
        let Ok(Ok(page)) = page else {
            tracing::error!("the topics cannot be listed; their pins follow when they change");
            return true;
        };
        for topic in &page.items {
            if let Some(root) = topic.cid
                && signals.send(Signal::Folder(topic.id, root)).await.is_err()
            {
                return false;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    match (catalog, ledger.catalog().ok().and_then(|catalog| catalog.cid)) {
        (Some(topic), Some(root)) => signals.send(Signal::Folder(topic, root)).await.is_ok(),
        _ => true,
    }
}

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>, mut signals: mpsc::Receiver<Signal>) {
    let mut running: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut life = 0;
    let mut health = shared.health.changes();
    loop {
        let state = shared.health.now();
        if state.up && state.life != life {
            confirm(&shared).await;
            life = state.life;
            shared.shelf.settle(life);
        }
        while state.up && running.len() < AT_ONCE {
            let Some(job) = shared.pins.take(Instant::now()) else { break };
            let shared = shared.clone();
            running.push(Box::pin(async move { work(&shared, job).await }));
        }
        let next = shared.pins.next_turn().filter(|_| state.up && running.len() < AT_ONCE);
        tokio::select! {
            signal = signals.recv() => match signal {
                Some(Signal::Folder(topic, root)) => shared.pins.want(topic, root, Instant::now()),
                None => return,
            },
            Some(()) = running.next() => {}
            () = until(next) => {}
            _ = health.changed() => {}
        }
    }
}

async fn until(turn: Option<Instant>) {
    match turn {
        Some(turn) => tokio::time::sleep_until(turn.into()).await,
        None => std::future::pending().await,
    }
}

/// Finds out which of our pins the daemon has, and takes note of what need not be given to it again. Where it cannot be
/// found out, everything is given and pinned again, which changes nothing but takes longer.
async fn confirm(shared: &Shared) {
    shared.shelf.forget();
    let ours = shared.pins.ours();
    let seen = match ours.is_empty() {
        true => Ok(BTreeSet::new()),
        false => pinned(shared, &ours).await,
    };
    let seen = seen.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot list the daemon's pins; what is held here is pinned again");
        BTreeSet::new()
    });
    for root in &seen {
        if let Err(error) = shared.shelf.recall(*root).await {
            tracing::debug!(%root, %error, "given again");
        }
    }
    shared.pins.confirm(seen, Instant::now());
}

#[derive(Deserialize)]
struct Pin {
    #[serde(rename = "Cid", default)]
    cid: Option<String>,
    #[serde(rename = "Keys", default)]
    keys: Option<std::collections::BTreeMap<String, serde::de::IgnoredAny>>,
}

async fn pinned(shared: &Shared, ours: &BTreeSet<Cid>) -> Result<BTreeSet<Cid>, RpcError> {
    let call = Call::new("pin/ls", shared.config.times.call).option("type", "recursive").option("stream", true);
    let mut lines = shared.rpc.lines(call).await?;
    let (mut found, mut looked_at) = (BTreeSet::new(), 0);
    while let Some(Pin { cid, keys }) = lines.next().await? {
        let named = cid.into_iter().chain(keys.into_iter().flat_map(std::collections::BTreeMap::into_keys));
        found.extend(named.filter_map(|cid| cid.parse::<Cid>().ok()).filter(|cid| ours.contains(cid)));
        looked_at += 1;
        if looked_at > MAX_PINS {
            return Err(RpcError::Malformed("the list of pins does not end".to_owned()));
        }
    }
    Ok(found)
}

async fn work(shared: &Shared, job: Job) {
    let done = match job {
        Job::Pin { topic, root, before } => pin(shared, topic, root, before).await,
        Job::Unpin { root, .. } => unpin(shared, root).await,
    };
    if let Err(error) = &done {
        shared.counters.pins_failed.add(1);
        tracing::warn!(?job, %error, "not done, to be tried again");
        if matches!(job, Job::Pin { .. }) && !error.is_outage() {
            // It may have collected as garbage what it was given but had not pinned.
            shared.shelf.forget();
        }
    }
    if let Err(error) = shared.pins.finish(job, done.is_ok(), Instant::now()) {
        tracing::error!(%error, "the record of pins cannot be written");
    }
}

async fn pin(shared: &Shared, topic: TopicId, root: Cid, before: Option<Cid>) -> Result<(), RpcError> {
    blocks::put(shared, root).await?;
    if !shared.config.pins.topics {
        return Ok(());
    }
    let noted = shared.pins.begin(topic, root);
    noted.map_err(|error| RpcError::Malformed(format!("the record of pins cannot be written: {error}")))?;
    let updated = match before {
        Some(before) => update(shared, before, root).await?,
        None => false,
    };
    if !updated {
        add(shared, topic, root).await?;
    }
    shared.counters.pins_made.add(1);
    Ok(())
}

/// Pins by comparison with an older pin, which costs only what changed; says whether it could.
async fn update(shared: &Shared, before: Cid, root: Cid) -> Result<bool, RpcError> {
    let call = Call::new("pin/update", shared.config.times.pin)
        .arg(before)
        .arg(root)
        .option("unpin", false)
        .waits_for_others();
    match shared.rpc.bytes(call).await {
        Ok(_) => Ok(true),
        // It has no such command, or the older one is not pinned any more.
        Err(RpcError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn add(shared: &Shared, topic: TopicId, root: Cid) -> Result<(), RpcError> {
    let call = Call::new("pin/add", shared.config.times.pin)
        .arg(root)
        .option("recursive", true)
        .option("name", format!("tidings {topic}"))
        .waits_for_others();
    let answer: Pinned = shared.rpc.json(call).await?;
    let named = answer.pins.iter().any(|cid| cid.parse::<Cid>().is_ok_and(|cid| cid.hash() == root.hash()));
    if named { Ok(()) } else { Err(RpcError::Malformed("pin/add does not say that it pinned".to_owned())) }
}

#[derive(Deserialize)]
struct Pinned {
    #[serde(rename = "Pins", default)]
    pins: Vec<String>,
}

async fn unpin(shared: &Shared, root: Cid) -> Result<(), RpcError> {
    if !shared.config.pins.topics {
        return Ok(());
    }
    let call = Call::new("pin/rm", shared.config.times.call).arg(root).option("recursive", true);
    match shared.rpc.bytes(call).await {
        Ok(_) => {
            shared.counters.pins_removed.add(1);
            Ok(())
        }
        // Somebody else did it.
        Err(error) if error.says("not pinned") || error.says("not part of the pinset") => Ok(()),
        Err(error) => Err(error),
    }
}
