//! The page at `/`: three files in the binary, no requests to anybody else.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

/// Scripts, styles and calls from this origin only; no frames, no forms elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn index() -> Response {
    part("text/html; charset=utf-8", include_str!("../page/index.html"))
}

pub(crate) async fn style() -> Response {
    part("text/css; charset=utf-8", include_str!("../page/style.css"))
}

pub(crate) async fn script() -> Response {
    part("text/javascript; charset=utf-8", include_str!("../page/app.js"))
}

pub(crate) async fn icon() -> Response {
    part("image/svg+xml", include_str!("../page/icon.svg"))
}

fn part(media_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
