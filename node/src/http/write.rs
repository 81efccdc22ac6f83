//! Writing: with the node's key and its token, or with an entry that was signed elsewhere.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tidings_ledger::admission::{Refusal, Submission, admit};
use tidings_ledger::entry::{Link, limits};
use tidings_ledger::{Draft, Entry, EntryId, Time};
use utoipa::ToSchema;

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, Raw, Segment};
use super::view::{EntryView, LinkView};

/// What is to be written.
#[derive(Debug, Default, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewEntry {
    /// `post`, `reply`, `edit`, `redact`, `react` or a word of your own.
    #[schema(example = "post")]
    pub(crate) kind: String,
    /// The text.
    pub(crate) text: String,
    /// What it answers or edits: ids of entries.
    pub(crate) refs: Vec<String>,
    /// Own entries whose bodies are to go: ids.
    pub(crate) redacts: Vec<String>,
    /// Files, as `POST /api/v1/attachments` answered.
    pub(crate) links: Vec<LinkView>,
    /// When it was written, in milliseconds since 1970; now, if left out.
    pub(crate) time: Option<u64>,
    /// The text's media type; `text/plain` if left out.
    pub(crate) media_type: Option<String>,
}

impl NewEntry {
    fn into_draft(self) -> Result<Draft, ApiError> {
        let ids = |ids: &[String]| ids.iter().map(|id| id.parse::<EntryId>()).collect::<Result<Vec<_>, _>>();
        let mut draft = Draft::new(if self.kind.is_empty() { "post" } else { self.kind.as_str() }, self.text);
        if draft.body.len() > limits::BODY {
            return Err(ApiError::refused(format!(
                "the text has {} bytes, an entry takes up to {}; attach it as a file",
                draft.body.len(),
                limits::BODY
            )));
        }
        if draft.body.trim_ascii().is_empty() && self.links.is_empty() && self.redacts.is_empty() {
            return Err(ApiError::refused("there is nothing to write"));
        }
        draft.refs = ids(&self.refs).map_err(ApiError::bad)?;
        draft.redacts = ids(&self.redacts).map_err(ApiError::bad)?;
        draft.time = self.time.map(Time::from_millis);
        if let Some(media_type) = self.media_type {
            draft.media_type = media_type;
        }
        for link in self.links {
            let cid = link.cid.parse().map_err(|_| ApiError::bad(format!("{:?} is not a CID", link.cid)))?;
            draft = draft.with(Link { name: link.name, cid, size: link.size, media_type: link.media_type });
        }
        Ok(draft)
    }
}

/// Write an entry
///
/// Signed with the node's author key. When this answers, the entry is durable, and the topic is followed.
#[utoipa::path(post, path = "/api/v1/topics/{topic}/entries", tag = "entries", security(("token" = [])),
    params(("topic" = String, Path, description = "64 hex digits, or a name with `/` written as `%2F`")),
    request_body = NewEntry,
    responses((status = 201, body = EntryView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(crate) async fn append(
    _: Authorised,
    State(app): State<App>,
    Segment(topic): Segment<String>,
    Body(new): Body<NewEntry>,
) -> Result<Response, ApiError> {
    let key = app.author()?.clone();
    let topic = app.topic(&topic)?;
    let draft = new.into_draft()?;
    let draft = blocking(move || own_entries_only(&app, draft)).await?;
    let entry = topic.append(&key, draft).await?;
    // Whoever writes wants the answers.
    if !topic.is_followed()? {
        topic.follow()?;
    }
    Ok((StatusCode::CREATED, Json(EntryView::from(&entry))).into_response())
}

/// Edits and redactions of others' entries would be signed, sent around, and shown by nobody; better say so at once.
fn own_entries_only(app: &App, draft: Draft) -> Result<Draft, ApiError> {
    let author = app.author()?.author();
    let edited = draft.refs.iter().take(usize::from(draft.kind == "edit"));
    for id in edited.chain(&draft.redacts) {
        match app.engine.ledger().entry(id)? {
            None => return Err(ApiError::not_found(format!("no entry {id} is held here"))),
            Some(entry) if entry.author() != author => {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    "not_yours",
                    format!("entry {id} was written by {}", entry.author()),
                )
                .hint("only its author can edit or redact an entry"));
            }
            Some(_) => {}
        }
    }
    Ok(draft)
}

/// What became of an entry file.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Submitted {
    /// Whether it was new here.
    pub(crate) new: bool,
}

/// Hand in an entry file that was signed elsewhere
///
/// The body is the file itself. No token: the signature is the permission. The topic must be followed here.
#[utoipa::path(post, path = "/api/v1/entries", tag = "entries",
    request_body(content = Vec<u8>, content_type = "application/cbor"),
    responses((status = 200, body = Submitted), (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    Raw(file): Raw,
) -> Result<Json<Submitted>, ApiError> {
    // A browser sends this type only after asking (CORS), so a foreign page cannot post through a visitor.
    let is_cbor = headers.get("content-type").is_some_and(|value| value.as_bytes() == b"application/cbor");
    if !is_cbor {
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "expected an entry file")
            .hint("send Content-Type: application/cbor"));
    }
    blocking(move || {
        let submission = Submission { file, topic: None };
        let admitted = admit(std::slice::from_ref(&submission)).pop();
        let entry = admitted.ok_or_else(|| ApiError::internal("a submission was not answered"))??;
        // The ledger takes what its user hands in; a stranger may only add to what is held here anyway.
        if !is_wanted(&app, &entry)? {
            return Err(Refusal::NotFollowed { id: entry.id(), found: entry.topic() }.into());
        }
        match app.engine.ledger().submit(vec![submission.file])?.pop() {
            Some(Ok(new)) => Ok(Json(Submitted { new })),
            Some(Err(refusal)) => Err(refusal.into()),
            None => Err(ApiError::internal("a submission was not answered")),
        }
    })
    .await
}

fn is_wanted(app: &App, entry: &Entry) -> Result<bool, ApiError> {
    let topic = app.engine.ledger().topic_by_id(&entry.topic())?;
    Ok(app.mirror || topic.is_some_and(|topic| topic.is_followed().unwrap_or(false)))
}
