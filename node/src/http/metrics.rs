//! Measurements for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;

use super::app::{App, blocking};
use super::error::ApiError;
use super::status::memory;

/// What is counted of requests: by route and status class, so that the number of series is bounded.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), Tally>>,
}

#[derive(Default)]
struct Tally {
    count: u64,
    seconds: f64,
}

/// Counts every request and how long its answer took to begin.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let begun = std::time::Instant::now();
    let response = next.run(request).await;
    let mut requests = app.metrics.requests.lock();
    let tally = requests.entry((route, response.status().as_u16() / 100)).or_default();
    tally.count += 1;
    tally.seconds += begun.elapsed().as_secs_f64();
    response
}

/// Measurements in the text format of Prometheus
#[utoipa::path(get, path = "/metrics", tag = "node", responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    let text = blocking(move || text(&app)).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn text(app: &App) -> Result<String, ApiError> {
    let status = app.engine.ledger().status()?;
    let mut out = Page(String::with_capacity(8192));
    out.gauge("tidings_topics", "Topics held.", status.topics as f64);
    out.gauge("tidings_entries", "Entries held.", status.entries as f64);
    out.gauge("tidings_store_bytes", "Size of the store.", status.store_bytes as f64);
    out.gauge("tidings_pulls_active", "Pulls under way.", status.pulling as f64);
    out.gauge("tidings_pulls_waiting", "Topics whose pull has not begun.", status.waiting as f64);
    out.gauge("tidings_uptime_seconds", "Time since the node started.", app.started.elapsed().as_secs_f64());
    if let Some(memory) = memory() {
        out.gauge("tidings_memory_resident_bytes", "Resident memory of the process.", memory as f64);
    }
    let streams = app.http.max_streams as f64 - app.streams.available_permits() as f64;
    out.gauge("tidings_http_streams_active", "Live streams open.", streams);
    if let Ok(counters) = serde_json::to_value(status.counters) {
        out.counters("tidings_ledger", "Counted by the replica since the start", &counters);
    }
    if let Some(network) = app.engine.network() {
        for (name, about, value) in network.gauges() {
            out.gauge(name, about, value);
        }
        out.counters("tidings_network", "Counted by the transport since the start", &network.counters());
    }
    requests(&mut out, &app.metrics);
    Ok(out.0)
}

fn requests(out: &mut Page, metrics: &Metrics) {
    let requests = metrics.requests.lock();
    out.head("tidings_http_requests_total", "HTTP requests answered.", "counter");
    for ((route, class), tally) in requests.iter() {
        let _ = writeln!(out.0, "tidings_http_requests_total{{route=\"{route}\",class=\"{class}xx\"}} {}", tally.count);
    }
    out.head("tidings_http_request_seconds_total", "Time until answers began.", "counter");
    for ((route, class), tally) in requests.iter() {
        let _ = writeln!(
            out.0,
            "tidings_http_request_seconds_total{{route=\"{route}\",class=\"{class}xx\"}} {:.6}",
            tally.seconds
        );
    }
}

/// The text under construction. Writing into a `String` cannot fail.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, about: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}");
    }

    fn gauge(&mut self, name: &str, about: &str, value: f64) {
        self.head(name, about, "gauge");
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// Every number of a structure of counters; nested ones get longer names.
    fn counters(&mut self, prefix: &str, about: &str, counters: &Value) {
        for (key, value) in counters.as_object().into_iter().flatten() {
            match value {
                Value::Number(number) => {
                    let name = format!("{prefix}_{key}_total");
                    self.head(&name, &format!("{about}: {}.", key.replace('_', " ")), "counter");
                    let _ = writeln!(self.0, "{name} {number}");
                }
                Value::Object(_) => self.counters(&format!("{prefix}_{key}"), about, value),
                _ => {}
            }
        }
    }
}
