//! Whole topics in and out, as CAR files.

use std::io::{self, BufReader, BufWriter};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{SinkExt, TryStreamExt};
use serde_json::Value;
use tidings_ledger::archive::{ArchiveError, Exported};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::Segment;

/// Bytes that are sent together.
const TOGETHER: usize = 256 << 10;

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
    Ok(answer(move |writer| topic.export_car(writer)))
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
    Ok(answer(move |writer| ledger.export_car(writer)))
}

/// Take in the entries of a CAR file, and the files attached to them
///
/// Topics must be followed. Answers with counts, and with what was wrong.
#[utoipa::path(post, path = "/api/v1/import/car", tag = "topics", security(("token" = [])),
    request_body(content = Vec<u8>, content_type = "application/vnd.ipld.car"),
    responses((status = 200, body = Object), (status = 401, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn import(_: Authorised, State(app): State<App>, body: Body) -> Result<Json<Value>, ApiError> {
    let stream = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let reader = SyncIoBridge::new(Box::pin(stream));
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

/// Streams what is written. A failure breaks the stream off, so that nobody takes the part for the whole.
fn answer(export: impl FnOnce(&mut dyn io::Write) -> Result<Exported, ArchiveError> + Send + 'static) -> Response {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let mut failed = sender.clone();
        let mut writer = BufWriter::with_capacity(TOGETHER, Pieces(sender));
        let result = export(&mut writer).map_err(io::Error::other).and_then(|_| io::Write::flush(&mut writer));
        if let Err(error) = result {
            tracing::debug!(%error, "an export was broken off");
            // The reader may have gone, which is the usual error.
            let _ = block_on(failed.send(Err(error)));
        }
    });
    let mut response = Body::from_stream(receiver).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.ipld.car; version=1"));
    response
}

/// Hands on what is written, and waits while the reader is slow.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        block_on(self.0.send(Ok(Bytes::copy_from_slice(bytes)))).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
