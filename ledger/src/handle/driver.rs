//! The driver: brings what a transport reports to the replica, and wakes it when its time has come.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use cid::Cid;
use futures::stream::{FusedStream, SelectAll};
use futures::{FutureExt, Stream, StreamExt, select_biased};

use super::arriving::Arriving;
use super::core::{Core, Inbox};
use crate::admission::Submission;
use crate::announcement::Announcement;
use crate::replica::{Arrival, FetchRequest, Input};
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
    pub(super) arriving: Arriving,
}

impl Driver {
    /// One thing after the other, in an order that depends on nothing but what comes in: for a simulation. Otherwise the blocks
    /// that come next are checked, on other threads, while the last are taken in.
    #[must_use]
    pub fn in_step(mut self) -> Self {
        self.arriving.in_step = true;
        self
    }

    /// Runs until [`Ledger::close`](super::Ledger::close).
    pub async fn run(self) {
        let Driver { core, inbox: Inbox { mut requests, mut nudge }, mut arriving } = self;
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
                let mut group = pin!(next_group(&mut fetches, arriving.is_free()).fuse());
                let mut checked = pin!(arriving.checked().fuse());
                select_biased! {
                    _ = nudge.next() => Woken::Nudge,
                    request = requests.select_next_some() => Woken::Request(request),
                    event = event => Woken::Event(event),
                    arrivals = checked => Woken::Checked(arrivals),
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
                Woken::Blocks(group) => {
                    arriving.check(&core, group);
                    Ok(())
                }
                Woken::Checked(arrivals) => {
                    if let Some(group) = next_group(&mut fetches, true).now_or_never() {
                        arriving.check(&core, group);
                    }
                    core.step(Input::Fetched(arrivals)).map(drop)
                }
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
    Checked(Vec<Arrival>),
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

/// What has arrived by now, up to a full batch; waits for the first, or for ever unless there is room.
async fn next_group<S: Stream<Item = Vec<Fetched>> + FusedStream + Unpin>(fetches: &mut S, room: bool) -> Vec<Fetched> {
    if !room {
        return futures::future::pending().await;
    }
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
