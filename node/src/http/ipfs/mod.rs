//! `/ipfs/<cid>[/path]`: what the node holds, by content id, read-only.
//!
//! Raw blocks (`?format=raw`), whole graphs (`?format=car`), files with ranges, folders with a plain listing. What is
//! not held is asked of peers, and passed on without being stored.

mod car;
mod file;
mod listing;
pub(crate) mod media_type;
mod passed_on;

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cid::Cid;
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use tidings_ledger::transport::{Blocks, FetchError, Want};
use tidings_ledger::unixfs::{BlockError, BlockFuture, Kind, Unixfs, UnixfsError};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::error::{ApiError, ErrorBody};
use super::extract::{Params, Segment};

pub(crate) use passed_on::PassedOn;

/// How long peers are asked for a block.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to answer with.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IpfsQuery {
    /// `raw`: the block. `car`: the block and everything below it. Otherwise the file or folder.
    format: Option<Format>,
    /// The name to save under.
    filename: Option<String>,
}

/// How content is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Raw,
    Car,
}

/// Content by its CID
#[utoipa::path(get, path = "/ipfs/{cid}", tag = "content", params(("cid" = String, Path), IpfsQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 206), (status = 304),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 416, body = ErrorBody)))]
pub(crate) async fn root(
    State(app): State<App>,
    Segment(cid): Segment<String>,
    Params(query): Params<IpfsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(app, &cid, "", query, headers).await
}

/// A file or folder below a CID
#[utoipa::path(get, path = "/ipfs/{cid}/{path}", tag = "content",
    params(("cid" = String, Path), ("path" = String, Path), IpfsQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 206), (status = 304),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 416, body = ErrorBody)))]
pub(crate) async fn below(
    State(app): State<App>,
    Segment((cid, path)): Segment<(String, String)>,
    Params(query): Params<IpfsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(app, &cid, &path, query, headers).await
}

async fn answer(app: App, cid: &str, path: &str, query: IpfsQuery, headers: HeaderMap) -> Result<Response, ApiError> {
    let root: Cid = cid.parse().map_err(|_| ApiError::bad(format!("{cid:?} is not a CID")))?;
    let format = query.format.or_else(|| accepted(&headers));
    let wanted = match format {
        Some(Format::Raw) => "raw.",
        Some(Format::Car) => "car.",
        None => "",
    };
    // Content never changes under its CID: what was seen once is good for ever.
    let tag = HeaderValue::from_str(&format!("\"{wanted}{root}/{}\"", data_encoding::HEXLOWER.encode(path.as_bytes())));
    let tag = tag.map_err(ApiError::internal)?;
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let unixfs = Unixfs::new(source(&app));
    let found = unixfs.resolve(root, path).await.map_err(|error| of_unixfs(&error));
    let name = query.filename.clone().unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default().to_owned());
    let mut response = match (format, found) {
        (Some(Format::Raw), Ok(found)) => bytes(found.block, "application/vnd.ipld.raw"),
        (Some(Format::Car), Ok(found)) => car::answer(&app, found.cid),
        (None, Ok(found)) => match found.kind {
            Kind::File { size } => file::answer(&unixfs, (found.cid, found.block), size, &name, &headers).await?,
            Kind::Directory => listing::answer(&unixfs, found.cid, &format!("/ipfs/{root}/{path}"), &headers).await?,
            _ => return Err(ApiError::refused("a symbolic link is not followed")),
        },
        (_, Err(error)) => return Err(error),
    };
    let out = response.headers_mut();
    out.insert(ETAG, tag);
    out.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=29030400, immutable"));
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    Ok(response)
}

fn accepted(headers: &HeaderMap) -> Option<Format> {
    let accept = headers.get("accept")?.to_str().ok()?;
    if accept.contains("application/vnd.ipld.raw") {
        Some(Format::Raw)
    } else if accept.contains("application/vnd.ipld.car") {
        Some(Format::Car)
    } else {
        None
    }
}

fn bytes(block: bytes::Bytes, media_type: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type)], Body::from(block)).into_response()
}

/// First the own store, then peers.
fn source(app: &App) -> impl Fn(Cid) -> BlockFuture + Send + Sync + 'static {
    let app = app.clone();
    move |cid| block(app.clone(), cid).boxed()
}

/// One block.
async fn block(app: App, cid: Cid) -> Result<bytes::Bytes, BlockError> {
    let library = app.engine.library();
    let held = tokio::task::spawn_blocking(move || library.get(&cid)).await;
    if let Some(bytes) = held.map_err(|_| BlockError::NotHeld)?? {
        return Ok(bytes);
    }
    if let Some(bytes) = app.passed_on.get(&cid) {
        return Ok(bytes);
    }
    let Some(network) = app.engine.network() else { return Err(BlockError::NotHeld) };
    let mut answers = network.transport().fetch(Want { cids: vec![cid], ask_first: Vec::new(), patience: PATIENCE });
    while let Some(group) = answers.next().await {
        if let Some(answer) = group.into_iter().find(|answer| answer.cid == cid) {
            let block = answer.result?;
            app.passed_on.put(cid, &block.bytes);
            return Ok(block.bytes);
        }
    }
    Err(BlockError::Fetch(FetchError::NotFound))
}

fn of_unixfs(error: &UnixfsError) -> ApiError {
    match error {
        UnixfsError::Block { .. } | UnixfsError::NoSuchName { .. } => ApiError::not_found(error),
        other => ApiError::refused(other),
    }
}
