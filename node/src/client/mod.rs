//! The API as the command line uses it: of the running node, or of the data folder itself.
//!
//! Without a running node the same router answers in this process, over a ledger that was opened without a network. So
//! there is one way to do everything, and it is the one that is tested.

mod open;

pub(crate) use open::{Need, open, own_key};

use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::http::ErrorBody;

/// Answers that are held in memory are at most this long.
const MOST: usize = 256 << 20;

/// A way to the API.
pub(crate) struct Client {
    way: Way,
    token: String,
}

enum Way {
    /// A running node at this address.
    Node { http: reqwest::Client, url: String },
    /// The folder itself.
    Folder { router: Router, engine: Engine },
}

impl Client {
    /// Whether a running node answers.
    pub(crate) fn is_node(&self) -> bool {
        matches!(self.way, Way::Node { .. })
    }

    /// Reads JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.request(Method::GET, path).header(ACCEPT, "application/json").body(Body::empty());
        decode(self.send(request.map_err(internal)?).await?).await
    }

    /// Sends JSON, reads JSON.
    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(internal)?;
        let request = self.request(method, path).header(CONTENT_TYPE, "application/json").body(Body::from(body));
        decode(self.send(request.map_err(internal)?).await?).await
    }

    /// Sends a request without a body, for its effect.
    pub(crate) async fn call(&self, method: Method, path: &str) -> Result<(), Failure> {
        let request = self.request(method, path).body(Body::empty()).map_err(internal)?;
        self.send(request).await.map(drop)
    }

    /// Sends a stream of bytes.
    pub(crate) async fn upload(&self, path: &str, media_type: &str, body: Body) -> Result<Response<Body>, Failure> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, media_type).body(body);
        self.send(request.map_err(internal)?).await
    }

    /// Reads a stream of bytes.
    pub(crate) async fn stream(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes, Failure>>, Failure> {
        let request = self.request(Method::GET, path).body(Body::empty()).map_err(internal)?;
        let body = self.send(request).await?.into_body();
        Ok(pieces(body))
    }

    /// Ends in order: what was written into a folder is folded into its trees.
    pub(crate) async fn close(self) {
        if let Way::Folder { engine, .. } = self.way {
            engine.close().await;
        }
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let base = match &self.way {
            Way::Node { url, .. } => url.as_str(),
            Way::Folder { .. } => "http://localhost",
        };
        let builder = Request::builder().method(method).uri(format!("{base}{path}"));
        builder.header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let response = match &self.way {
            Way::Folder { router, .. } => {
                let mut request = request;
                request.headers_mut().insert(HOST, axum::http::HeaderValue::from_static("localhost"));
                match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
            Way::Node { http, .. } => over_the_wire(http, request).await?,
        };
        if response.status().is_success() { Ok(response) } else { Err(failure(response).await) }
    }
}

async fn over_the_wire(http: &reqwest::Client, request: Request<Body>) -> Result<Response<Body>, Failure> {
    let (parts, body) = request.into_parts();
    let request = http
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()));
    let answer = request.send().await.map_err(|error| unreachable(&error))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    Ok(response)
}

/// The pieces of a body as they come.
pub(crate) fn pieces(body: Body) -> BoxStream<'static, Result<Bytes, Failure>> {
    let broken = |error: axum::Error| Failure::new(Exit::Unreachable, format!("the answer broke off: {error}"));
    body.into_data_stream().map(move |piece| piece.map_err(broken)).boxed()
}

async fn decode<T: DeserializeOwned>(response: Response<Body>) -> Result<T, Failure> {
    let bytes = axum::body::to_bytes(response.into_body(), MOST).await;
    let bytes = bytes.map_err(|error| Failure::new(Exit::Unreachable, format!("the answer broke off: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(Exit::Failed, format!("the node's answer was not understood: {error}"))
            .hint("the node may be of another version than this program")
    })
}

async fn failure(response: Response<Body>) -> Failure {
    let status = response.status();
    let exit = match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Exit::Unreachable,
        status if status.is_client_error() => Exit::Refused,
        _ => Exit::Failed,
    };
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap_or_default();
    match serde_json::from_slice::<ErrorBody>(&bytes) {
        Ok(body) => Failure { exit, message: body.error.message, hint: body.error.hint },
        Err(_) => Failure::new(exit, format!("the node answered {status}")),
    }
}

fn unreachable(error: &reqwest::Error) -> Failure {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    Failure::new(Exit::Unreachable, format!("the running node does not answer: {text}"))
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error)
}

/// A path within the API, from parts that may hold anything.
pub(crate) fn path(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path
}
