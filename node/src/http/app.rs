//! What all requests share.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tidings_ledger::handle::Topic;
use tidings_ledger::{AuthorKey, TopicId, TopicName};
use tokio::sync::{Semaphore, watch};

use super::error::ApiError;
use super::ipfs::PassedOn;
use super::metrics::Metrics;
use super::transfer::EXPORTS;
use crate::config::{Config, Http};
use crate::engine::Engine;
use crate::keys::tokens_match;

/// What handlers are given.
pub(crate) type App = Arc<Shared>;

/// The node as HTTP sees it.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) http: Http,
    /// Whether every topic is held.
    pub(crate) mirror: bool,
    pub(crate) token: String,
    /// Told at `/healthz`; see [`Beacon`](crate::engine::Beacon).
    pub(crate) instance: String,
    pub(crate) started: Instant,
    /// Places for live streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Places for exports.
    pub(crate) exports: Arc<Semaphore>,
    /// Turns true when the node stops, which ends live streams.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) metrics: Metrics,
    /// Blocks of others' folders.
    pub(crate) passed_on: PassedOn,
}

/// What a node, or a command without one, is made of.
pub(crate) struct Setting<'c> {
    pub(crate) engine: Engine,
    pub(crate) config: &'c Config,
    pub(crate) token: String,
    pub(crate) instance: String,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Shared {
    /// From its parts.
    pub(crate) fn new(setting: Setting<'_>) -> App {
        let Setting { engine, config, token, instance, stopping } = setting;
        let streams = usize::try_from(config.http.max_streams).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Arc::new(Shared {
            engine,
            http: config.http.clone(),
            mirror: config.node.mirror,
            token,
            instance,
            started: Instant::now(),
            streams: Arc::new(Semaphore::new(streams)),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            stopping,
            metrics: Metrics::default(),
            passed_on: PassedOn::default(),
        })
    }

    /// The topic that a path names: 64 hex digits, a page's address or a room.
    pub(crate) fn topic(&self, text: &str) -> Result<Topic, ApiError> {
        if let Ok(id) = text.parse::<TopicId>() {
            let topic = self.engine.ledger().topic_by_id(&id)?;
            return topic.ok_or_else(|| ApiError::not_found(format!("no topic with the id {id} is held here")));
        }
        Ok(self.engine.ledger().topic(&TopicName::parse(text)?))
    }

    /// The key that signs what is posted with the token.
    pub(crate) fn author(&self) -> Result<&AuthorKey, ApiError> {
        self.engine.author().ok_or_else(|| {
            ApiError::new(
                StatusCode::CONFLICT,
                "locked",
                "the author key is encrypted and was not unlocked at the start",
            )
            .hint("start the node in a terminal or with TIDINGS_PASSPHRASE, or send an entry that you signed yourself")
        })
    }
}

/// Runs what reads or writes the disk beside the threads that answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)))
}

/// Proof that the request carries the token. A handler that takes one cannot be reached without.
pub(crate) struct Authorised;

impl FromRequestParts<App> for Authorised {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let right = token.is_some_and(|(_, token)| tokens_match(token.trim(), &app.token));
        if right {
            return Ok(Authorised);
        }
        let message = if given.is_some() { "the token is not this node's" } else { "writing needs the node's token" };
        Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorised", message)
            .hint("send it as Authorization: Bearer …; it is in the file token in the node's data folder"))
    }
}
