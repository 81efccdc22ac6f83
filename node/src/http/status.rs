//! How the node is doing: for people, for programs, for monitors.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Authorised, blocking};
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, Params};
use crate::engine::{DialFailure, Network};

/// How to answer.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusQuery {
    /// Fold what is pending into the folders first, so that the catalog's CID is that of all entries.
    #[serde(default)]
    flush: bool,
}

/// What the node holds and how it is doing
#[utoipa::path(get, path = "/api/v1/status", tag = "node", params(StatusQuery), responses((status = 200, body = Object)))]
pub(crate) async fn status(
    State(app): State<App>,
    Params(query): Params<StatusQuery>,
) -> Result<Json<Value>, ApiError> {
    blocking(move || {
        if query.flush {
            app.engine.ledger().flush()?;
        }
        let ledger = serde_json::to_value(app.engine.ledger().status()?).map_err(ApiError::internal)?;
        let network = app.engine.network().map(Network::status);
        Ok(Json(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "author": app.engine.author().map(|key| key.author().to_string()),
            "data": app.engine.data(),
            "pid": std::process::id(),
            "uptime_seconds": app.started.elapsed().as_secs(),
            "memory_bytes": memory(),
            "ledger": ledger,
            "network": network,
        })))
    })
    .await
}

/// Connected peers
#[utoipa::path(get, path = "/api/v1/peers", tag = "node", responses((status = 200, body = Vec<Object>)))]
pub(crate) async fn peers(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.engine.network().map(Network::peers).unwrap_or_default().into()))
}

/// Whom to connect with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dial {
    /// A multiaddress.
    #[schema(example = "/ip4/203.0.113.7/tcp/4281/p2p/12D3KooW…")]
    address: String,
}

/// How long dialling may take.
const DIAL: Duration = Duration::from_secs(20);

/// Connect with a peer
#[utoipa::path(post, path = "/api/v1/peers", tag = "node", request_body = Dial, security(("token" = [])),
    responses((status = 200, body = Object), (status = 401, body = ErrorBody), (status = 502, body = ErrorBody)))]
pub(crate) async fn dial(
    _: Authorised,
    State(app): State<App>,
    Body(dial): Body<Dial>,
) -> Result<Json<Value>, ApiError> {
    let unreachable = |error: String| ApiError::new(StatusCode::BAD_GATEWAY, "unreachable", error);
    let network =
        app.engine.network().ok_or_else(|| unreachable("no node is running, so there is no network".to_owned()))?;
    match tokio::time::timeout(DIAL, network.dial(&dial.address)).await {
        Ok(Ok(peer)) => Ok(Json(json!({ "peer_id": peer.as_str() }))),
        Ok(Err(DialFailure::Address(error))) => Err(ApiError::bad(error)),
        Ok(Err(DialFailure::Unreachable(error))) => Err(unreachable(error)),
        Err(_) => Err(unreachable(format!("{} did not answer within {} s", dial.address, DIAL.as_secs()))),
    }
}

/// Whether the process answers; which start of the node it is
#[utoipa::path(get, path = "/healthz", tag = "node", responses((status = 200, body = Object)))]
pub(crate) async fn healthz(State(app): State<App>) -> Json<Value> {
    Json(json!({ "ok": true, "instance": app.instance }))
}

/// Whether the node can do its work: the store reads, the network listens, the daemon (if there is one) answers
#[utoipa::path(get, path = "/readyz", tag = "node", responses((status = 200, body = Object), (status = 503, body = Object)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Response, ApiError> {
    blocking(move || {
        let status = app.engine.ledger().status()?;
        let trouble = app.engine.network().and_then(Network::trouble);
        let listening = app.engine.network().is_none_or(|network| !network.addresses().is_empty());
        let stopping = *app.stopping.borrow();
        let ready = listening && trouble.is_none() && !stopping && status.last_error.is_none();
        let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let why = json!({
            "ready": ready, "listening": listening, "stopping": stopping, "store_error": status.last_error,
            "network_error": trouble,
        });
        Ok((code, Json(why)).into_response())
    })
    .await
}

/// The process's resident memory, where the system tells.
pub(crate) fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
