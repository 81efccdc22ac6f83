//! Errors as JSON: `{"error": {"code", "message", "hint"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tidings_ledger::admission::Refusal;
use tidings_ledger::replica::AppendError;
use tidings_ledger::store::StoreError;
use tidings_ledger::topic::TopicNameError;
use utoipa::ToSchema;

/// What a request that failed is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

/// The body of an error.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    pub(crate) error: ErrorInfo,
}

/// What went wrong.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorInfo {
    /// A word for programs.
    #[schema(example = "not_found")]
    pub(crate) code: String,
    /// A sentence for people.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl std::fmt::Display) -> Self {
        ApiError { status, code, message: message.to_string(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn bad(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn refused(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", message)
    }

    /// A defect or a broken machine: logged here, told without detail there.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let hint = self.hint.map(str::to_owned);
        let error = ErrorInfo { code: self.code.to_owned(), message: self.message, hint };
        (self.status, Json(ErrorBody { error })).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        let code = if matches!(error, StoreError::Full(_)) { "disk_full" } else { "store_failed" };
        ApiError::new(StatusCode::INSUFFICIENT_STORAGE, code, error)
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            AppendError::Closed => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the node is stopping"),
            other => ApiError::refused(other),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFollowed { .. } => ApiError::new(StatusCode::CONFLICT, "not_followed", refusal)
                .hint("follow the topic first: PUT /api/v1/topics/{topic}/follow"),
            other => ApiError::refused(other),
        }
    }
}

impl From<TopicNameError> for ApiError {
    fn from(error: TopicNameError) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_topic", error)
    }
}
