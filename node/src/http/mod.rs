//! HTTP: the API under `/api/v1`, content under `/ipfs`, health, metrics, and the page at `/`.
//!
//! The command line speaks the same API: with a running node over a socket, without one by calling the router in its
//! own process.

mod app;
mod attach;
mod entries;
mod error;
mod events;
mod extract;
mod guard;
mod import;
mod ipfs;
mod metrics;
mod openapi;
mod page;
mod server;
mod status;
mod topics;
mod transfer;
mod upload;
mod view;
mod write;

pub(crate) use app::{App, Setting, Shared};
pub(crate) use entries::{CommentView, ThreadView};
pub(crate) use error::ErrorBody;
pub(crate) use import::Progress;
pub(crate) use ipfs::media_type;
pub(crate) use server::{Server, bind};
pub(crate) use status::memory;
pub(crate) use view::{EntryView, LinkView, Listing, TopicView};
pub(crate) use write::NewEntry;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post, put};

use error::ApiError;

/// Everything that is answered.
pub(crate) fn router(app: App) -> Router {
    let body = usize::try_from(app.http.max_body_bytes).unwrap_or(usize::MAX);
    // Answers that are whole are bounded in time; uploads and streams have bounds of their own.
    let timed = Router::new()
        .route("/api/v1/topics", get(topics::list))
        .route("/api/v1/topics/{topic}", get(topics::show))
        .route("/api/v1/topics/{topic}/audit", get(topics::audit))
        .route("/api/v1/topics/{topic}/entries", get(entries::list).post(write::append))
        .route("/api/v1/topics/{topic}/follow", put(topics::follow).delete(topics::unfollow))
        .route("/api/v1/topics/{topic}/thread", get(entries::thread))
        .route("/api/v1/entries", post(write::submit))
        .route("/api/v1/entries/{id}", get(entries::show))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/peers", get(status::peers).post(status::dial))
        .route("/api/v1/status", get(status::status))
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/ipfs/{cid}", get(ipfs::root))
        .route("/ipfs/{cid}/", get(ipfs::root))
        .route("/ipfs/{cid}/{*path}", get(ipfs::below))
        .layer(DefaultBodyLimit::max(body))
        .route_layer(from_fn_with_state(app.clone(), guard::time));
    let streamed = Router::new()
        .route("/api/v1/attachments", post(attach::attach))
        .route("/api/v1/events", get(events::listen))
        .route("/api/v1/export", get(transfer::everything))
        .route("/api/v1/import", post(import::import))
        .route("/api/v1/import/car", post(transfer::import))
        .route("/api/v1/topics/{topic}/export", get(transfer::topic))
        .layer(DefaultBodyLimit::disable());
    let page = Router::new()
        .route("/", get(page::index))
        .route("/style.css", get(page::style))
        .route("/app.js", get(page::script))
        .route("/icon.svg", get(page::icon));
    Router::new()
        .merge(timed)
        .merge(streamed)
        .merge(page)
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(guard::cors(&app.http.cors))
        .layer(from_fn_with_state(app.clone(), guard::origin))
        .layer(from_fn_with_state(app.clone(), guard::host))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .layer(map_response(unsniffed))
        .with_state(app)
}

async fn nowhere(uri: Uri) -> ApiError {
    ApiError::not_found(format!("there is nothing at {}", uri.path())).hint("/api/v1/openapi.json describes everything")
}

async fn wrong_method(uri: Uri) -> ApiError {
    ApiError::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "method",
        format!("{} does not take this method", uri.path()),
    )
    .hint("/api/v1/openapi.json describes everything")
}

/// No answer is ever to be taken for something else than it says.
async fn unsniffed(mut response: Response) -> Response {
    response.headers_mut().insert("x-content-type-options", axum::http::HeaderValue::from_static("nosniff"));
    response
}
