//! Live entries as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tidings_ledger::Notice;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::view::EntryView;

/// Notices that wait for a slow reader; what finds no room is reported as `lagged`. About 1 MB of entries.
const WAITING: usize = 1024;

/// How often a quiet stream shows that it lives, so that proxies keep it open.
const ALIVE: Duration = Duration::from_secs(15);

/// What to listen to.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listen {
    /// One topic (64 hex digits or a name); everything, if left out.
    topic: Option<String>,
}

/// Live entries (server-sent events)
///
/// Events: `entry` (an entry), `redacted` (`topic`, `entry`), `folder` (`topic`, `cid`, `entries`), `catalog` (`cid`,
/// `entries`), `fork` (`topic`, `author`, `seq`, `entries`), `lagged` (`missed`: the reader was too slow, read the topic
/// again). The first event is `ready`: whatever comes in later than that is told. After a break, read the topic again.
#[utoipa::path(get, path = "/api/v1/events", tag = "entries", params(Listen),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 503, body = ErrorBody)))]
pub(crate) async fn listen(
    State(app): State<App>,
    Params(query): Params<Listen>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let permit = app.streams.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            "as many live streams are open as this node takes",
        )
        .hint("http.max_streams in the node's config.toml is the limit")
    })?;
    let notices = match &query.topic {
        Some(topic) => app.topic(topic)?.subscribe(WAITING),
        None => app.engine.ledger().subscribe(WAITING),
    };
    let ready = futures::stream::once(async { Ok(Event::default().event("ready").data("{}")) });
    let events = notices.filter_map(|notice| async move { event(&notice).map(Ok) });
    let mut stopping = app.stopping.clone();
    let stopped = async move {
        // An error means that the sender is gone, and the node with it.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let stream = Held { stream: Box::pin(ready.chain(events).take_until(Box::pin(stopped))), _permit: permit };
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// A stream that gives its place back when it is dropped.
struct Held<S> {
    stream: std::pin::Pin<Box<S>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Stream> Stream for Held<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.stream.as_mut().poll_next(context)
    }
}

fn event(notice: &Notice) -> Option<Event> {
    let (name, data) = match notice {
        Notice::Entry(entry) => ("entry", serde_json::to_value(EntryView::from(entry)).ok()?),
        Notice::Redacted { topic, entry } => {
            ("redacted", json!({ "topic": topic.to_string(), "entry": entry.to_string() }))
        }
        Notice::Folder { topic, cid, entries } => {
            ("folder", json!({ "topic": topic.to_string(), "cid": cid.to_string(), "entries": entries }))
        }
        Notice::Catalog { cid, entries } => ("catalog", json!({ "cid": cid.to_string(), "entries": entries })),
        Notice::Fork(fork) => {
            let entries: Vec<String> = fork.entries.iter().map(ToString::to_string).collect();
            let (topic, author) = (fork.topic.to_string(), fork.author.to_string());
            ("fork", json!({ "topic": topic, "author": author, "seq": fork.seq, "entries": entries }))
        }
        Notice::Lagged(missed) => ("lagged", json!({ "missed": missed })),
        _ => return None,
    };
    Some(Event::default().event(name).data(data.to_string()))
}
