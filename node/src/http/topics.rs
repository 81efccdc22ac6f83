//! Topics: list, look at, follow.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidings_ledger::handle::{Audit, MAX_PAGE, TopicInfo};
use tidings_ledger::{Ledger, TopicId};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::{Params, Segment};
use super::view::{Listing, TopicView};

/// Topics on a page unless said otherwise, and at most.
const PAGE: usize = 50;
const MOST: usize = 1000;

/// How to list topics.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListTopics {
    /// `recent` (default): the latest entry first. `seen`: as they came to this node.
    #[serde(default)]
    order: TopicOrder,
    /// Only names that contain this, in any case.
    #[serde(rename = "match")]
    matching: Option<String>,
    /// Go on where the page before ended.
    after: Option<String>,
    /// Topics on the page, at most 1000.
    limit: Option<usize>,
}

/// In which order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TopicOrder {
    /// The latest entry first.
    #[default]
    Recent,
    /// As they came to this node.
    Seen,
}

/// Topics held here
///
/// `recent` looks at all topics: O(topics); `seen` only at those it lists.
#[utoipa::path(get, path = "/api/v1/topics", tag = "topics", params(ListTopics),
    responses((status = 200, body = Listing<TopicView>), (status = 400, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Params(query): Params<ListTopics>,
) -> Result<Json<Listing<TopicView>>, ApiError> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MOST);
    blocking(move || {
        let ledger = app.engine.ledger();
        match query.order {
            TopicOrder::Seen => seen(ledger, &query, limit),
            TopicOrder::Recent => recent(ledger, &query, limit),
        }
    })
    .await
    .map(Json)
}

fn seen(ledger: &Ledger, query: &ListTopics, limit: usize) -> Result<Listing<TopicView>, ApiError> {
    let after = query.after.as_deref().map(str::parse).transpose().map_err(ApiError::bad)?;
    let page = ledger.topics(after.as_ref(), limit)?;
    let items = page.items.into_iter().filter(|info| matches(info, query)).map(TopicView::from).collect();
    Ok(Listing { items, next: page.next.map(|next| next.to_string()) })
}

/// A topic's place in the order of `recent`.
type Place = (u64, TopicId);

fn recent(ledger: &Ledger, query: &ListTopics, limit: usize) -> Result<Listing<TopicView>, ApiError> {
    let after: Option<Place> = query.after.as_deref().map(place).transpose()?;
    // The `limit` latest, the earliest of them on top: memory is that of the page, whatever the number of topics.
    let mut latest: BinaryHeap<Reverse<(Place, Box<Held>)>> = BinaryHeap::with_capacity(limit + 1);
    let mut cursor = None;
    let mut more = false;
    loop {
        let page = ledger.topics(cursor.as_ref(), MAX_PAGE)?;
        for info in page.items.into_iter().filter(|info| matches(info, query)) {
            let place = (info.newest.map_or(0, |time| time.as_millis()), info.id);
            if after.is_some_and(|after| place >= after) {
                continue;
            }
            if latest.len() == limit {
                more = true;
                if latest.peek().is_some_and(|Reverse((least, _))| place <= *least) {
                    continue;
                }
                latest.pop();
            }
            latest.push(Reverse((place, Box::new(Held(info)))));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let sorted = latest.into_sorted_vec();
    let next = sorted.last().filter(|_| more).map(|Reverse(((newest, id), _))| format!("{newest}.{id}"));
    Ok(Listing { items: sorted.into_iter().map(|Reverse((_, held))| held.0.into()).collect(), next })
}

/// Rides along in the heap without a say in the order: places are distinct.
struct Held(TopicInfo);

impl PartialEq for Held {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

fn place(text: &str) -> Result<Place, ApiError> {
    let parts = text.split_once('.').and_then(|(newest, id)| Some((newest.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| ApiError::bad("not a cursor: use the one that the page before gave"))
}

fn matches(info: &TopicInfo, query: &ListTopics) -> bool {
    let Some(wanted) = query.matching.as_deref().filter(|wanted| !wanted.is_empty()) else { return true };
    info.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted.to_lowercase()))
}

/// One topic
#[utoipa::path(get, path = "/api/v1/topics/{topic}", tag = "topics",
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 200, body = TopicView), (status = 404, body = ErrorBody)))]
pub(crate) async fn show(State(app): State<App>, Segment(topic): Segment<String>) -> Result<Json<TopicView>, ApiError> {
    blocking(move || Ok(Json(app.topic(&topic)?.info()?.into()))).await
}

/// Follow a topic: hold its entries from now on
#[utoipa::path(put, path = "/api/v1/topics/{topic}/follow", tag = "topics", security(("token" = [])),
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 200, body = TopicView), (status = 401, body = ErrorBody)))]
pub(crate) async fn follow(
    _: Authorised,
    State(app): State<App>,
    Segment(topic): Segment<String>,
) -> Result<Json<TopicView>, ApiError> {
    blocking(move || {
        let topic = app.topic(&topic)?;
        topic.follow()?;
        Ok(Json(TopicView { followed: true, ..topic.info()?.into() }))
    })
    .await
}

/// Follow it no longer; what is held stays
#[utoipa::path(delete, path = "/api/v1/topics/{topic}/follow", tag = "topics", security(("token" = [])),
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 204), (status = 401, body = ErrorBody)))]
pub(crate) async fn unfollow(
    _: Authorised,
    State(app): State<App>,
    Segment(topic): Segment<String>,
) -> Result<StatusCode, ApiError> {
    blocking(move || {
        app.topic(&topic)?.unfollow()?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// What is irregular in a topic.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Places in chains that several entries claim: the proof that an author, or a copy of the key, forked.
    forks: Vec<ForkView>,
    /// Places in chains that no entry holds though a later one is there.
    gaps: Vec<GapView>,
}

/// Entries of one author with one place.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct ForkView {
    author: String,
    seq: u64,
    entries: Vec<String>,
}

/// Missing places, from the first missing one to the first that is there.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct GapView {
    author: String,
    from: u64,
    to: u64,
}

/// Forks and gaps in a topic
#[utoipa::path(get, path = "/api/v1/topics/{topic}/audit", tag = "topics",
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 200, body = AuditView), (status = 404, body = ErrorBody)))]
pub(crate) async fn audit(
    State(app): State<App>,
    Segment(topic): Segment<String>,
) -> Result<Json<AuditView>, ApiError> {
    blocking(move || {
        let Audit { forks, gaps } = app.topic(&topic)?.audit()?;
        let ids = |ids: Vec<tidings_ledger::EntryId>| ids.iter().map(ToString::to_string).collect();
        let fork = |fork: tidings_ledger::replica::Fork| ForkView {
            author: fork.author.to_string(),
            seq: fork.seq,
            entries: ids(fork.entries),
        };
        let gap =
            |gap: &tidings_ledger::handle::Gap| GapView { author: gap.author.to_string(), from: gap.from, to: gap.to };
        Ok(Json(AuditView { forks: forks.into_iter().map(fork).collect(), gaps: gaps.iter().map(gap).collect() }))
    })
    .await
}
