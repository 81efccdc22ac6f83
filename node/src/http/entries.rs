//! Entries: pages of a topic, single ones, and the discussion as a tree.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tidings_ledger::handle::{MAX_PAGE, Order, Query, Topic};
use tidings_ledger::vocabulary::{ThreadNode, thread as thread_of};
use tidings_ledger::{Entry, EntryId, Time};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::{Params, Segment};
use super::view::{EntryView, LinkView, Listing};

/// Entries on a page unless said otherwise, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

/// Entries that a tree is made of at most: the newest. A tree of 10,000 takes some 10 ms and 8 MB.
const THREAD: usize = MAX_PAGE;

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListEntries {
    /// `newest` (default) or `oldest` first.
    #[serde(default)]
    order: EntryOrder,
    /// Only entries of this time (milliseconds since 1970) or later.
    from: Option<u64>,
    /// Only entries before this time.
    to: Option<u64>,
    /// Go on where the page before ended.
    after: Option<String>,
    /// Entries on the page, at most 1000.
    limit: Option<usize>,
}

/// Which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EntryOrder {
    /// The latest first.
    #[default]
    Newest,
    /// The earliest first.
    Oldest,
}

/// A topic's entries
///
/// The `ETag` is the folder's CID: with `If-None-Match`, an unchanged topic is answered with 304 and without reading it.
#[utoipa::path(get, path = "/api/v1/topics/{topic}/entries", tag = "entries",
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`"), ListEntries),
    responses((status = 200, body = Listing<EntryView>), (status = 304), (status = 400, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Segment(topic): Segment<String>,
    Params(query): Params<ListEntries>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query {
        order: if query.order == EntryOrder::Newest { Order::NewestFirst } else { Order::OldestFirst },
        from: query.from.map(Time::from_millis),
        to: query.to.map(Time::from_millis),
        after: query.after.as_deref().map(str::parse).transpose().map_err(ApiError::bad)?,
        limit: query.limit.unwrap_or(PAGE).clamp(1, MOST),
    };
    blocking(move || {
        let topic = app.topic(&topic)?;
        tagged(&topic, &headers, || {
            let page = topic.read(&query)?;
            let items = page.items.iter().map(EntryView::from).collect();
            Ok(Listing { items, next: page.next.map(|next| next.to_string()) })
        })
    })
    .await
}

/// A discussion as a reader wants to see it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ThreadView {
    /// The topic's id.
    pub(crate) topic: String,
    /// The topic's name.
    pub(crate) name: String,
    /// The CID of its folder.
    pub(crate) cid: Option<String>,
    /// Entries in the folder.
    pub(crate) entries: u64,
    /// Whether older entries were left out because there are too many.
    pub(crate) truncated: bool,
    /// The comments, each behind the one it answers.
    pub(crate) comments: Vec<CommentView>,
}

/// A comment in its place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct CommentView {
    /// Its entry.
    pub(crate) id: String,
    /// How deep it stands: 0 for a post, 1 for a reply to it …
    pub(crate) depth: usize,
    /// The comment it answers.
    pub(crate) parent: Option<String>,
    /// Who wrote it.
    pub(crate) author: String,
    /// When, in milliseconds since 1970.
    pub(crate) time: u64,
    /// The latest text; `null` if it was taken back.
    pub(crate) text: Option<String>,
    /// Whether its author took it back.
    pub(crate) redacted: bool,
    /// Whether its author changed it.
    pub(crate) edited: bool,
    /// Attached files.
    pub(crate) links: Vec<LinkView>,
    /// Reactions and how many gave them.
    pub(crate) reactions: Vec<ReactionView>,
}

/// A reaction.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReactionView {
    /// What it looks like.
    pub(crate) symbol: String,
    /// How many gave it.
    pub(crate) count: usize,
}

/// A topic's discussion: replies below what they answer, edits applied
#[utoipa::path(get, path = "/api/v1/topics/{topic}/thread", tag = "entries",
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 200, body = ThreadView), (status = 304), (status = 404, body = ErrorBody)))]
pub(crate) async fn thread(
    State(app): State<App>,
    Segment(topic): Segment<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    blocking(move || {
        let topic = app.topic(&topic)?;
        tagged(&topic, &headers, || {
            let info = topic.info()?;
            let page = topic.read(&Query { limit: THREAD, ..Query::default() })?;
            Ok(ThreadView {
                topic: topic.id().to_string(),
                name: topic.name().to_string(),
                cid: info.cid.map(|cid| cid.to_string()),
                entries: info.entries,
                truncated: page.next.is_some(),
                comments: comments(&page.items),
            })
        })
    })
    .await
}

fn comments(entries: &[Entry]) -> Vec<CommentView> {
    let thread = thread_of(entries);
    let comment = |depth: usize, node: &ThreadNode<'_>| {
        let entry = node.entry();
        CommentView {
            id: entry.id().to_string(),
            depth,
            parent: thread.parent(node).map(|parent| parent.entry().id().to_string()),
            author: entry.author().to_string(),
            time: entry.time().as_millis(),
            text: node.text().map(str::to_owned),
            redacted: node.is_redacted(),
            edited: node.is_edited(),
            links: node.files().iter().map(LinkView::from).collect(),
            reactions: node
                .reactions()
                .iter()
                .map(|reaction| ReactionView { symbol: reaction.symbol.to_owned(), count: reaction.authors.len() })
                .collect(),
        }
    };
    thread.walk().map(|(depth, node)| comment(depth, node)).collect()
}

/// One entry, of whatever topic
///
/// With `Accept: application/cbor` its signed file.
#[utoipa::path(get, path = "/api/v1/entries/{id}", tag = "entries", params(("id" = String, Path)),
    responses((status = 200, body = EntryView), (status = 404, body = ErrorBody)))]
pub(crate) async fn show(
    State(app): State<App>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id: EntryId = id.parse().map_err(ApiError::bad)?;
    blocking(move || {
        let entry = app
            .engine
            .ledger()
            .entry(&id)?
            .ok_or_else(|| ApiError::not_found(format!("no entry {id} is held here")))?;
        let accept = headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("application/cbor") {
            return Ok(([(CONTENT_TYPE, "application/cbor")], entry.to_file()).into_response());
        }
        Ok(Json(EntryView::from(&entry)).into_response())
    })
    .await
}

/// Answers with the folder's CID as the tag, or with 304 if the reader has that state. The CID is read before the
/// content, so the tag is never newer than what it is on.
fn tagged<T: Serialize>(
    topic: &Topic,
    headers: &HeaderMap,
    content: impl FnOnce() -> Result<T, ApiError>,
) -> Result<Response, ApiError> {
    let tag = topic.info()?.cid.map(|cid| format!("\"{cid}\""));
    let tag = tag.and_then(|tag| HeaderValue::from_str(&tag).ok());
    if let Some(tag) = &tag
        && headers.get(IF_NONE_MATCH).is_some_and(|known| is_among(known, tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag.clone())]).into_response());
    }
    let mut response = Json(content()?).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn is_among(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known.split(',').map(|item| item.trim().trim_start_matches("W/")).any(|item| item == tag || item == "*")
}
