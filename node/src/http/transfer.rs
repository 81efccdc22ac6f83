//! Whole topics in and out, as CAR files.

use std::io::{self, BufReader, BufWriter};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use serde_json::Value;
use tidings_ledger::archive::{ArchiveError, Exported};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::Segment;
use super::upload;

/// Bytes that are sent together.
const TOGETHER: usize = 256 << 10;

/// Exports at once. Each holds a thread that may block.
pub(super) const EXPORTS: usize = 4;

/// How long a reader may take for one piece before the export is given up.
const STALL: Duration = Duration::from_secs(30);

/// A topic as a CAR file
///
/// Its folder, its entries, and the attached files that are held here.
#[utoipa::path(get, path = "/api/v1/topics/{topic}/export", tag = "topics",
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    responses((status = 200, content_type = "application/vnd.ipld.car", body = Vec<u8>), (status = 404, body = ErrorBody)))]
pub(crate) async fn topic(State(app): State<App>, Segment(topic): Segment<String>) -> Result<Response, ApiError> {
    let held = app.clone();
    let topic = blocking(move || {
        let topic = held.topic(&topic)?;
        held.engine.ledger().flush()?;
        topic.info()?.cid.ok_or_else(|| ApiError::not_found("nothing is held of that topic"))?;
        Ok(topic)
    })
    .await?;
    Ok(answer(place(&app)?, move |writer| topic.export_car(writer)))
}

/// Everything as a CAR file
#[utoipa::path(get, path = "/api/v1/export", tag = "topics",
    responses((status = 200, content_type = "application/vnd.ipld.car", body = Vec<u8>), (status = 404, body = ErrorBody)))]
pub(crate) async fn everything(State(app): State<App>) -> Result<Response, ApiError> {
    let ledger = app.engine.ledger().clone();
    let ledger = blocking(move || {
        ledger.flush()?;
        ledger.catalog()?.cid.ok_or_else(|| ApiError::not_found("nothing is held yet"))?;
        Ok(ledger)
    })
    .await?;
    Ok(answer(place(&app)?, move |writer| ledger.export_car(writer)))
}

/// Take in the entries of a CAR file, and the files attached to them
///
/// Topics must be followed. Answers with counts, and with what was wrong.
#[utoipa::path(post, path = "/api/v1/import/car", tag = "topics", security(("token" = [])),
    request_body(content = Vec<u8>, content_type = "application/vnd.ipld.car"),
    responses((status = 200, body = Object), (status = 401, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn import(_: Authorised, State(app): State<App>, body: Body) -> Result<Json<Value>, ApiError> {
    let reader = upload::reader(&app, body);
    blocking(move || {
        let imported = app.engine.ledger().import_car(BufReader::with_capacity(TOGETHER, reader));
        let imported = imported.map_err(|error| match error {
            ArchiveError::Store(error) => error.into(),
            other => ApiError::refused(other),
        })?;
        serde_json::to_value(imported).map(Json).map_err(ApiError::internal)
    })
    .await
}

/// A place for an export.
fn place(app: &App) -> Result<OwnedSemaphorePermit, ApiError> {
    app.exports.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_exports", "several exports are under way already")
            .hint("try again once one of them is done")
    })
}

/// Streams what is written. A failure breaks the stream off, so that nobody takes the part for the whole.
fn answer(
    place: OwnedSemaphorePermit,
    export: impl FnOnce(&mut dyn io::Write) -> Result<Exported, ArchiveError> + Send + 'static,
) -> Response {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut failed = sender.clone();
        let mut writer = BufWriter::with_capacity(TOGETHER, Pieces { sender, runtime });
        let result = export(&mut writer).map_err(io::Error::other).and_then(|_| io::Write::flush(&mut writer));
        if let Err(error) = result {
            tracing::debug!(%error, "an export was broken off");
            // The reader may have gone, which is the usual error.
            let _ = failed.try_send(Err(error));
        }
    });
    let mut response = Body::from_stream(receiver).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.ipld.car; version=1"));
    response
}

/// Hands on what is written, and waits while the reader is slow, but not for ever.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = self.sender.send(Ok(Bytes::copy_from_slice(bytes)));
        let sent = self.runtime.block_on(async { tokio::time::timeout(STALL, piece).await });
        sent.map_err(io::Error::other)?.map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
