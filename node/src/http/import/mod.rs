//! Comments in bulk: a body of JSON lines in, a stream of progress out.

mod group;
mod known;

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tidings_ledger::entry::limits;
use tidings_ledger::replica::AppendError;
use tidings_ledger::store::StoreError;
use tidings_ledger::{AuthorKey, Draft, Time, TopicName};
use tokio::task::JoinHandle;
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Authorised};
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use crate::keys::test_key;
use group::{Appended, append_new};
use known::Known;

/// Rows that are signed and committed together, and bytes of their text: full batches on all cores, bounded memory.
const ROWS: usize = 4096;
const BYTES: usize = 16 << 20;

/// A row longer than this has a text that no entry takes.
const LINE: usize = 2 * limits::BODY;

/// Test keys that are kept.
const KEYS: usize = 65_536;

/// Bad rows that are described one by one; further ones are counted.
const DESCRIBED: u64 = 1000;

/// How to import.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Sign for the authors that rows name, with keys that anyone can compute. For test data only.
    #[serde(default)]
    test_keys: bool,
}

/// A row.
#[derive(Debug, Deserialize, ToSchema)]
struct Row {
    /// The topic: a page's address or a room.
    #[serde(alias = "topic")]
    url: String,
    /// A pseudonym; needs `test_keys`. Without one the row is signed by the node's author.
    author: Option<String>,
    /// Milliseconds since 1970; now, if left out.
    time: Option<u64>,
    /// The comment.
    text: String,
}

/// A line of the answer.
#[derive(Debug, Default, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Progress {
    /// Rows imported so far.
    pub(crate) imported: u64,
    /// Rows that were here already: the same author, time and text in the same topic.
    #[serde(default)]
    pub(crate) known: u64,
    /// Rows that could not be.
    pub(crate) bad: u64,
    /// A row that could not be: `[line, why]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<(u64, String)>,
    /// Set on the last line: whether all of the input was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) complete: Option<bool>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Import comments: one JSON object a line
///
/// Answers with JSON lines while it reads: progress, bad rows by line number (the rest is imported), and at the end
/// the totals.
#[utoipa::path(post, path = "/api/v1/import", tag = "entries", params(ImportQuery), security(("token" = [])),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, content_type = "application/x-ndjson", body = Progress), (status = 401, body = ErrorBody)))]
pub(crate) async fn import(
    _: Authorised,
    State(app): State<App>,
    Params(query): Params<ImportQuery>,
    body: Body,
) -> Result<Response, ApiError> {
    let own = app.engine.author().cloned();
    let (lines, answer) = mpsc::channel(16);
    let job = Import {
        app,
        keys: HashMap::new(),
        known: Known::default(),
        under_way: None,
        own,
        test_keys: query.test_keys,
        rows: Vec::new(),
        bytes: 0,
        line: 0,
        sum: Progress::default(),
        lines,
    };
    tokio::spawn(job.run(body));
    let answer = answer.map(|progress: Progress| {
        let mut line = serde_json::to_vec(&progress).unwrap_or_default();
        line.push(b'\n');
        Ok::<_, std::convert::Infallible>(Bytes::from(line))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(answer)).into_response())
}

struct Import {
    app: App,
    keys: HashMap<String, AuthorKey>,
    known: Known,
    under_way: Option<JoinHandle<Result<Appended, StoreError>>>,
    own: Option<AuthorKey>,
    test_keys: bool,
    rows: Vec<(u64, (TopicName, AuthorKey, Draft))>,
    bytes: usize,
    line: u64,
    sum: Progress,
    lines: mpsc::Sender<Progress>,
}

/// The import cannot go on; the reason, if anybody is left to hear it.
struct Stop(Option<String>);

impl Import {
    async fn run(mut self, body: Body) {
        let result = self.read(body).await;
        let (complete, error) = match result {
            Ok(()) => (true, None),
            Err(Stop(error)) => {
                // What was begun is counted; the first error is the one to tell.
                let _ = self.gather().await;
                (false, error)
            }
        };
        let last = Progress { complete: Some(complete), error, ..self.sum.clone() };
        // Whoever asked may have gone.
        let _ = self.lines.send(last).await;
    }

    async fn read(&mut self, body: Body) -> Result<(), Stop> {
        let mut chunks = body.into_data_stream();
        let mut rest = BytesMut::new();
        let mut skipping = false;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Stop(Some(format!("the input ended early: {error}"))))?;
            rest.extend_from_slice(&chunk);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest.split_to(end + 1);
                self.line += 1;
                if std::mem::take(&mut skipping) {
                    self.bad("the line is too long for any comment").await?;
                } else {
                    self.row(&line).await?;
                }
            }
            if rest.len() > LINE {
                skipping = true;
                rest.clear();
            }
        }
        if skipping || !rest.is_empty() {
            self.line += 1;
            if skipping {
                self.bad("the line is too long for any comment").await?;
            } else {
                self.row(&rest).await?;
            }
        }
        self.commit().await?;
        self.gather().await?;
        self.fold().await
    }

    /// Brings the folders up to date, so that peers hear of the last rows now and not half a second later.
    async fn fold(&self) -> Result<(), Stop> {
        let ledger = self.app.engine.ledger().clone();
        let folded = tokio::task::spawn_blocking(move || ledger.flush()).await;
        let folded = folded.map_err(|error| Stop(Some(error.to_string())))?;
        folded.map_err(|error| Stop(Some(error.to_string())))
    }

    async fn row(&mut self, line: &[u8]) -> Result<(), Stop> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match self.understand(line)? {
            Ok(append) => {
                self.bytes += append.2.body.len();
                self.rows.push((self.line, append));
                if self.rows.len() >= ROWS || self.bytes >= BYTES {
                    self.commit().await?;
                }
                Ok(())
            }
            Err(why) => self.bad(&why).await,
        }
    }

    /// The author's test key. Making one costs as much as a signature, so they are kept.
    fn test_keys_of(&mut self, author: &str) -> AuthorKey {
        if let Some(key) = self.keys.get(author) {
            return key.clone();
        }
        if self.keys.len() >= KEYS {
            self.keys.clear();
        }
        let key = test_key(author);
        self.keys.insert(author.to_owned(), key.clone());
        key
    }

    fn understand(&mut self, line: &[u8]) -> Result<Result<(TopicName, AuthorKey, Draft), String>, Stop> {
        let row: Row = match serde_json::from_slice(line) {
            Ok(row) => row,
            Err(error) => return Ok(Err(format!("not a row: {error}"))),
        };
        let key = match (&row.author, self.test_keys) {
            (Some(author), true) => self.test_keys_of(author),
            (Some(_), false) => {
                return Err(Stop(Some(format!(
                    "line {} names an author, for whom nobody here can sign; leave authors out to sign as yourself, or \
                     use --test-keys for test data, with keys that anyone can compute",
                    self.line
                ))));
            }
            (None, _) => self.own.clone().ok_or_else(|| Stop(Some("the author key is locked".to_owned())))?,
        };
        Ok(draft(row).map(|(topic, draft)| (topic, key, draft)))
    }

    async fn bad(&mut self, why: &str) -> Result<(), Stop> {
        self.sum.bad += 1;
        if self.sum.bad > DESCRIBED {
            return Ok(());
        }
        let row = Some((self.line, why.to_owned()));
        self.lines.send(Progress { row, ..self.sum.clone() }).await.map_err(|_| Stop(None))
    }

    /// Signs and stores what was read, on the threads that may block, while the next rows are read.
    async fn commit(&mut self) -> Result<(), Stop> {
        self.gather().await?;
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            let ledger = self.app.engine.ledger().clone();
            let known = std::mem::take(&mut self.known);
            self.under_way = Some(tokio::task::spawn_blocking(move || append_new(&ledger, known, rows)));
        }
        Ok(())
    }

    /// Waits for the rows that are being stored, and tells what came of them.
    async fn gather(&mut self) -> Result<(), Stop> {
        let Some(work) = self.under_way.take() else { return Ok(()) };
        let appended = work.await.map_err(|error| Stop(Some(error.to_string())))?;
        let appended = appended.map_err(|error| Stop(Some(error.to_string())))?;
        self.known = appended.known;
        self.sum.known += appended.skipped;
        for (line, result) in appended.rows {
            match result {
                Ok(_) => self.sum.imported += 1,
                Err(error @ (AppendError::Store(_) | AppendError::Closed)) => {
                    return Err(Stop(Some(error.to_string())));
                }
                Err(error) => {
                    let last = std::mem::replace(&mut self.line, line);
                    self.bad(&error.to_string()).await?;
                    self.line = last;
                }
            }
        }
        self.lines.send(self.sum.clone()).await.map_err(|_| Stop(None))
    }
}

fn draft(row: Row) -> Result<(TopicName, Draft), String> {
    let topic = TopicName::parse(&row.url).map_err(|error| format!("{:?} names no topic: {error}", row.url))?;
    if row.text.len() > limits::BODY {
        return Err(format!("the text has {} bytes, an entry takes up to {}", row.text.len(), limits::BODY));
    }
    let mut draft = Draft::new("post", row.text);
    draft.time = row.time.map(Time::from_millis);
    if draft.time.is_some_and(|time| time > Time::MAX) {
        return Err("the time is after the year 9999; it is in milliseconds since 1970".to_owned());
    }
    Ok((topic, draft))
}
