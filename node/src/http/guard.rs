//! What stands before every handler: who may call, for how long.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderValue, ORIGIN};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::app::App;
use super::error::ApiError;

/// Refuses requests for a host that this node is not: a page of another site whose name was made to point here (DNS
/// rebinding) sends its own name, and cannot send another.
pub(crate) async fn host(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).or_else(|| request.uri().host());
    if host.is_some_and(|host| is_ours(host, &app.http.listen, &app.http.allow_hosts)) {
        return next.run(request).await;
    }
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", "this node does not answer to that host name")
        .hint("http.allow_hosts in the node's config.toml lists the names it answers to")
        .into_response()
}

fn is_ours(host: &str, listen: &str, allowed: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are not a port's.
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if name == "localhost"
        || name.ends_with(".localhost")
        || allowed.iter().any(|host| host.eq_ignore_ascii_case(&name))
    {
        return true;
    }
    // An address cannot be rebound: who sends it knew it. On a public interface any address of this machine will do.
    let listen: Option<SocketAddr> = listen.parse().ok();
    name.parse::<IpAddr>().is_ok_and(|ip| {
        ip.is_loopback() || listen.is_some_and(|listen| listen.ip() == ip || listen.ip().is_unspecified())
    })
}

/// Refuses writes that a browser sends for a page of another origin that is not on the list. CORS alone lets "simple"
/// requests through and only hides the answers.
pub(crate) async fn origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let foreign = request.headers().get(ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host);
        !own && !app.http.cors.iter().any(|allowed| allowed == origin)
    });
    if foreign && !reads {
        return ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", "pages of that origin may not write here")
            .hint("http.cors in the node's config.toml lists the origins that may")
            .into_response();
    }
    next.run(request).await
}

/// Ends what takes too long. Not for uploads and streams, which have bounds of their own.
pub(crate) async fn time(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(app.http.timeout_seconds);
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long")
            .hint("http.timeout_seconds in the node's config.toml is the limit")
            .into_response()
    })
}

/// Browsers' pages of other origins: none but those listed.
pub(crate) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(["authorization", "content-type", "if-none-match", "range"].map(HeaderName::from_static))
        .expose_headers(["etag", "content-range"].map(HeaderName::from_static))
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn a_rebound_name_does_not_reach_the_node() {
        let listen = "127.0.0.1:4280";
        for ours in ["localhost", "localhost:4280", "127.0.0.1:4280", "127.0.0.1", "[::1]:4280", "[::1]", "LOCALHOST:1"]
        {
            assert!(is_ours(ours, listen, &[]), "{ours}");
        }
        for foreign in
            ["evil.example", "evil.example:4280", "127.0.0.1.evil.example", "10.0.0.7:4280", "", "localhost.evil"]
        {
            assert!(!is_ours(foreign, listen, &[]), "{foreign}");
        }
        assert!(is_ours("10.0.0.7:4280", "0.0.0.0:4280", &[]));
        assert!(is_ours("Node.example.org:443", listen, &["node.example.org".to_owned()]));
    }
}
