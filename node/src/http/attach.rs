//! Attached files: streamed into the store in chunks of 1 MiB, answered with what an entry says about them.

use std::io::{self, Read};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidings_ledger::attachments::AttachError;
use tidings_ledger::entry::limits;
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::ipfs::media_type;
use super::upload;
use super::view::LinkView;

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
    if name.is_empty()
        || name.len() > limits::LINK_NAME
        || name.contains(['/', '\\'])
        || name.chars().any(char::is_control)
    {
        return Err(ApiError::bad("the name must be a plain file name of at most 160 bytes"));
    }
    let media_type = query.media_type.unwrap_or_else(|| media_type::of(&name, &[]).to_owned());
    let most = app.http.max_attachment_bytes;
    let mut reader = Bounded { reader: upload::reader(&app, body), left: most, over: false };
    let link = blocking(move || {
        let attached = app.engine.ledger().attach(&mut reader, &name, &media_type);
        if reader.over {
            let message = format!("the file has more than {most} bytes");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
                .hint("http.max_attachment_bytes in the node's config.toml is the limit"));
        }
        attached.map_err(|error| match error {
            AttachError::Store(error) => error.into(),
            other => ApiError::bad(other),
        })
    })
    .await?;
    Ok((StatusCode::CREATED, Json(LinkView::from(&link))))
}

/// A reader that fails beyond a number of bytes.
struct Bounded<R> {
    reader: R,
    left: u64,
    over: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                self.over = true;
                return Err(io::Error::other("the file is longer than this node takes"));
            }
        }
        Ok(count)
    }
}
