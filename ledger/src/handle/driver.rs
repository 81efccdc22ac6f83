//! The driver: brings what a transport reports to the replica, and wakes it when its time has come.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::stream::{FusedStream, SelectAll};
use futures::{FutureExt, Stream, StreamExt, select_biased};

use super::core::{Core, Inbox};
use crate::admission::Submission;
use crate::announcement::Announcement;
use crate::content::RAW;
use crate::replica::{Arrival, Arrived, FetchRequest, Input};
use crate::store::StoreError;
use crate::transport::{Event, Events, FetchError, Fetched, Transport, Want};

/// Blocks that are admitted and committed together: enough for signature checks to run in full batches on all cores,
/// few enough that the next ones arrive meanwhile.
const TOGETHER: usize = 2048;

/// How long the driver rests after the store failed.
const REST: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a ledger. [`Driver::run`] is a future to be spawned or to be given a thread of its own; the ledger stands still
/// without it.
///
/// It checks signatures on all cores, so in a tokio runtime give it a thread of its own:
/// `std::thread::spawn(move || runtime.block_on(driver.run()))`.
pub struct Driver {
    pub(super) core: Arc<Core>,
    pub(super) inbox: Inbox,
}

impl Driver {
    /// Runs until [`Ledger::close`](super::Ledger::close).
    pub async fn run(self) {
        let Driver { core, inbox: Inbox { mut requests, mut nudge } } = self;
        let mut events = match &core.transport {
            Some(transport) => transport.events(),
            None => futures::stream::pending().boxed(),
        }
        .fuse();
        let mut fetches: SelectAll<futures::stream::BoxStream<'static, Vec<Fetched>>> = SelectAll::new();
        let mut failed = core.step(Input::Start).is_err();
        while !core.is_closed() {
            let wake = if failed { Some(core.clock.now() + REST) } else { core.arm() };
            let mut timer = match wake {
                Some(time) => core.clock.sleep_until(time),
                None => futures::future::pending().boxed(),
            }
            .fuse();
            let woken = {
                let mut event = pin!(next_event(&mut events).fuse());
                let mut group = pin!(next_group(&mut fetches).fuse());
                select_biased! {
                    _ = nudge.next() => Woken::Nudge,
                    request = requests.select_next_some() => Woken::Request(request),
                    event = event => Woken::Event(event),
                    group = group => Woken::Blocks(group),
                    () = timer => Woken::Timer,
                }
            };
            let result = match woken {
                Woken::Nudge => Ok(()),
                Woken::Request(request) => {
                    let patience = core.options.patience;
                    fetches.extend(core.transport.iter().map(|transport| fetch(transport, request.clone(), patience)));
                    Ok(())
                }
                Woken::Event(event) => take_event(&core, event),
                Woken::Blocks(group) => take_blocks(&core, group),
                Woken::Timer => core.step(Input::Wake).map(drop),
            };
            failed = result.is_err();
        }
    }
}

/// What woke the driver. In this order: requests before events, so that a fetch is on its way while others are read.
enum Woken {
    Nudge,
    Request(FetchRequest),
    Event(Event),
    Blocks(Vec<Fetched>),
    Timer,
}

/// Asks the transport; whatever it does, each CID is answered once.
fn fetch(
    transport: &Arc<dyn Transport>,
    request: FetchRequest,
    patience: std::time::Duration,
) -> futures::stream::BoxStream<'static, Vec<Fetched>> {
    let FetchRequest { cids, ask_first } = request;
    let open: BTreeSet<Cid> = cids.iter().copied().collect();
    let answers = transport.fetch(Want { cids, ask_first, patience });
    futures::stream::unfold((answers, open), |(mut answers, mut open)| async move {
        if open.is_empty() {
            return None;
        }
        let group = match answers.next().await {
            Some(mut group) => {
                group.retain(|fetched| open.remove(&fetched.cid));
                group
            }
            None => std::mem::take(&mut open)
                .into_iter()
                .map(|cid| Fetched { cid, result: Err(FetchError::NotFound) })
                .collect(),
        };
        Some((group, (answers, open)))
    })
    .boxed()
}

/// The next event; never ready again once there are no more.
async fn next_event(events: &mut futures::stream::Fuse<Events>) -> Event {
    match events.next().await {
        Some(event) => event,
        None => futures::future::pending().await,
    }
}

/// What has arrived by now, up to a full batch; waits for the first.
async fn next_group<S: Stream<Item = Vec<Fetched>> + FusedStream + Unpin>(fetches: &mut S) -> Vec<Fetched> {
    let mut together = Vec::new();
    loop {
        let next = if together.is_empty() { fetches.next().await } else { fetches.next().now_or_never().flatten() };
        match next {
            Some(group) => together.extend(group),
            None if together.is_empty() => futures::future::pending().await,
            None => return together,
        }
        if together.len() >= TOGETHER {
            return together;
        }
    }
}

fn take_event(core: &Core, event: Event) -> Result<(), StoreError> {
    let input = match event {
        Event::Message { channel, from, id, data } => {
            let announcement = Announcement::decode(&data);
            let files = announcement.as_ref().map(|announcement| announcement.inline.clone()).unwrap_or_default();
            let submissions: Vec<Submission> = files.into_iter().map(|file| Submission { file, topic: None }).collect();
            let entries = core.admit(&submissions);
            Input::Heard { channel, from, message: id, announcement, entries }
        }
        Event::Subscribed { channel, .. } => Input::Subscribed { channel },
        Event::Missed { .. } => Input::Missed,
        Event::Unsubscribed { .. } | Event::Connected { .. } | Event::Disconnected { .. } => return Ok(()),
    };
    core.step(input).map(drop)
}

/// Blocks arrived: entry files go through admission together, outside the replica's lock.
fn take_blocks(core: &Core, group: Vec<Fetched>) -> Result<(), StoreError> {
    let files: Vec<Submission> = group
        .iter()
        .filter(|fetched| fetched.cid.codec() == RAW)
        .filter_map(|fetched| fetched.result.as_ref().ok())
        .map(|block| Submission { file: block.bytes.clone(), topic: None })
        .collect();
    let mut admitted = files.iter().map(|submission| submission.file.len()).zip(core.admit(&files));
    let mut arrivals = Vec::with_capacity(group.len());
    for Fetched { cid, result } in group {
        let (from, content) = match result {
            Err(_) => (None, Arrived::Missing),
            Ok(block) if cid.codec() == RAW => match admitted.next() {
                Some((len, result)) => (Some(block.from), Arrived::Entry(result, len)),
                None => (Some(block.from), Arrived::Missing),
            },
            Ok(block) => (Some(block.from), Arrived::Node(Bytes::clone(&block.bytes))),
        };
        arrivals.push(Arrival { cid, from, content });
    }
    core.step(Input::Fetched(arrivals)).map(drop)
}
