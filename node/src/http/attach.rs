//! Attached files: streamed into the store in chunks of 1 MiB, answered with what an entry says about them.

use std::io::{self, Read};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use cid::Cid;
use futures::TryStreamExt;
use serde::Deserialize;
use tidings_ledger::entry::limits;
use tidings_ledger::store::{Batch, RocksStore, Store, StoreError, Table};
use tidings_ledger::unixfs::{self, AddError};
use tokio_util::io::{StreamReader, SyncIoBridge};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::ipfs::media_type;
use super::view::LinkView;

/// Blocks that are committed together: 8 MiB.
const TOGETHER: usize = 8;

/// What the file is.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Attach {
    /// Its name, without folders.
    name: String,
    /// Its media type; guessed from the name, if left out.
    media_type: Option<String>,
}

/// Take a file in, to be named in an entry's `links`
#[utoipa::path(post, path = "/api/v1/attachments", tag = "entries", params(Attach), security(("token" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = LinkView), (status = 401, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub(crate) async fn attach(
    _: Authorised,
    State(app): State<App>,
    Params(query): Params<Attach>,
    body: Body,
) -> Result<(StatusCode, Json<LinkView>), ApiError> {
    let name = query.name;
    if name.is_empty() || name.len() > limits::LINK_NAME || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        return Err(ApiError::bad("the name must be a plain file name of at most 160 bytes"));
    }
    let media_type = query.media_type.unwrap_or_else(|| media_type::of(&name, &[]).to_owned());
    let stream = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let most = app.http.max_attachment_bytes;
    let store = app.engine.store().clone();
    let reader = SyncIoBridge::new(Box::pin(stream));
    let added = blocking(move || keep(&store, reader, most)).await?;
    let link = LinkView { name, cid: added.cid.to_string(), size: added.size, media_type };
    Ok((StatusCode::CREATED, Json(link)))
}

fn keep(store: &RocksStore, reader: impl Read, most: u64) -> Result<unixfs::Added, ApiError> {
    let mut batch = Batch::new();
    let mut waiting = 0;
    // One byte more than allowed tells a file that is too long from one that just fits.
    let added = unixfs::add(reader.take(most.saturating_add(1)), |cid: Cid, block: Bytes| -> Result<(), StoreError> {
        batch.put(Table::Blocks, cid.hash().digest().to_vec(), block.to_vec());
        waiting += 1;
        if waiting < TOGETHER {
            return Ok(());
        }
        waiting = 0;
        store.commit(std::mem::take(&mut batch))
    })
    .map_err(|error| match error {
        AddError::Sink(error) => ApiError::from(error),
        other => ApiError::bad(other),
    })?;
    if added.size > most {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the file has more than {most} bytes"))
            .hint("http.max_attachment_bytes in the node's config.toml is the limit"));
    }
    store.commit(batch)?;
    Ok(added)
}
