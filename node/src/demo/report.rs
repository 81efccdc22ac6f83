//! What the demo found, as a table or as JSON.

use std::time::Duration;

use serde_json::json;

use super::live::Latencies;
use super::node::State;
use super::rows::Rows;
use crate::exit::{Exit, Failure};
use crate::output::{Out, Style, bytes, count};

/// What is told at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    made_up: bool,
    comments: u64,
    text_bytes: u64,
    pub(super) entries: u64,
    pub(super) import: Duration,
    pub(super) join: Duration,
    pub(super) join_bytes: u64,
    pub(super) store_bytes: u64,
    pub(super) live: Latencies,
    pub(super) restart: Duration,
    pub(super) caught_up: Duration,
    pub(super) catalogs: Vec<(String, State)>,
}

impl Report {
    pub(super) fn new(rows: &Rows) -> Self {
        let (made_up, comments, text_bytes) = (rows.made_up, rows.count, rows.text_bytes);
        Report { made_up, comments, text_bytes, ..Report::default() }
    }

    /// Whether all nodes ended with the same.
    fn agree(&self) -> bool {
        let first = self.catalogs.first().and_then(|(_, state)| state.catalog.as_deref());
        let same = |(_, state): &(String, State)| state.catalog.as_deref() == first;
        self.catalogs.len() == 3 && first.is_some() && self.catalogs.iter().all(same)
    }

    pub(super) fn verdict(&self) -> Result<(), Failure> {
        if self.agree() { Ok(()) } else { Err(Failure::new(Exit::Failed, "the nodes ended with different catalogs")) }
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        if out.is_json() {
            return self.json(out);
        }
        let rate = |entries: u64, span: Duration| count((entries as f64 / span.as_secs_f64().max(1e-9)) as u64);
        let millis = |span: Duration| format!("{:.2} ms", span.as_secs_f64() * 1000.0);
        let seconds = |span: Duration| format!("{:.2} s", span.as_secs_f64());
        let source = if self.made_up { "made up" } else { "real" };
        out.line("")?;
        row(
            out,
            "Comments imported by A",
            format!("{} ({source}, {} of text)", count(self.comments), bytes(self.text_bytes)),
        )?;
        row(out, "  import", format!("{}, {} a second", seconds(self.import), rate(self.comments, self.import)))?;
        let each = self.store_bytes / self.entries.max(1);
        row(out, "  on the disk", format!("{}, {each} bytes an entry", bytes(self.store_bytes)))?;
        let join = format!("{}, {} a second each", seconds(self.join), rate(self.entries, self.join));
        row(out, "B and C join cold", join)?;
        if self.join_bytes > 0 {
            row(out, "  bytes received by B", bytes(self.join_bytes))?;
        }
        let of = self.live.len();
        let (half, most) = (millis(self.live.quantile(0.5)), millis(self.live.quantile(0.99)));
        row(out, "Comment on B, seen on A and C", format!("p50 {half}, p99 {most} (of {of}; with HTTP on both ends)"))?;
        row(out, "A killed; up again after", seconds(self.restart))?;
        row(out, "  has what it missed after", seconds(self.caught_up))?;
        for (name, state) in &self.catalogs {
            let catalog = state.catalog.as_deref().unwrap_or("none");
            row(
                out,
                &format!("Catalog of {}", name.to_uppercase()),
                format!("{catalog}  ({} entries)", count(state.entries)),
            )?;
        }
        let verdict = if self.agree() {
            out.style(Style::Good, "All three agree.")
        } else {
            out.style(Style::Bad, "They do not agree.")
        };
        out.line(verdict)
    }

    fn json(&self, out: &mut Out) -> Result<(), Failure> {
        let catalogs: serde_json::Map<String, serde_json::Value> = self
            .catalogs
            .iter()
            .map(|(name, state)| {
                let state = json!({ "catalog": state.catalog, "entries": state.entries, "topics": state.topics,
                    "store_bytes": state.store_bytes, "memory_bytes": state.memory, "received_bytes": state.received });
                (name.clone(), state)
            })
            .collect();
        out.json(&json!({
            "comments": self.comments, "made_up": self.made_up, "text_bytes": self.text_bytes,
            "import_seconds": self.import.as_secs_f64(), "join_seconds": self.join.as_secs_f64(),
            "join_received_bytes": self.join_bytes, "store_bytes": self.store_bytes,
            "live_count": self.live.len(),
            "live_p50_ms": self.live.quantile(0.5).as_secs_f64() * 1000.0,
            "live_p99_ms": self.live.quantile(0.99).as_secs_f64() * 1000.0,
            "restart_seconds": self.restart.as_secs_f64(), "caught_up_seconds": self.caught_up.as_secs_f64(),
            "nodes": catalogs, "agree": self.agree(),
        }))
    }
}

fn row(out: &mut Out, name: &str, value: String) -> Result<(), Failure> {
    let name = out.style(Style::Bold, format!("{name:<32}"));
    out.line(format!("{name}{value}"))
}
