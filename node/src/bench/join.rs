//! Between nodes: joining cold, and live.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tidings_ledger::{AuthorKey, Draft, Time, TopicName};

use super::limits::Limits;
use super::report::{Goal, Table};
use crate::cli::import::bring;
use crate::demo::{Node, Rows, Start, settled};
use crate::exit::{Exit, Failure};
use crate::keys::test_key;

/// How long nodes may take to agree.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// Comments of the smaller join.
const SOME: usize = 10_000;

/// A comment to measure with.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comment {
    url: String,
    author: String,
    time: Option<u64>,
    pub(super) text: String,
}

/// The comments, ready to be appended; one key for each author.
pub(super) fn drafts(comments: &[Comment]) -> Result<Vec<(TopicName, AuthorKey, Draft)>, Failure> {
    let mut keys: HashMap<&str, AuthorKey> = HashMap::new();
    let mut drafts = Vec::with_capacity(comments.len());
    for comment in comments {
        let topic = TopicName::parse(&comment.url).map_err(|error| Failure::new(Exit::Refused, error))?;
        let key = keys.entry(&comment.author).or_insert_with(|| test_key(&comment.author));
        let mut draft = Draft::new("post", comment.text.as_str());
        draft.time = comment.time.map(Time::from_millis);
        drafts.push((topic, key.clone(), draft));
    }
    Ok(drafts)
}

/// Reads rows that were picked for measuring.
pub(super) fn read(path: &Path) -> Result<Vec<Comment>, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    let comments = BufReader::new(file).lines().map(|line| {
        let line = line.map_err(|error| Failure::io("read", path, &error))?;
        serde_json::from_str(&line).map_err(|error| Failure::new(Exit::Refused, format!("{}: {error}", path.display())))
    });
    comments.collect()
}

/// Writes the first comments as rows of one topic.
pub(super) fn one_topic(comments: &[Comment], count: usize, path: PathBuf) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::io("write", &path, &error);
    let mut out = BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
    for comment in comments.iter().take(count) {
        let row = json!({ "url": "room:bench", "author": comment.author, "time": comment.time, "text": comment.text });
        writeln!(out, "{row}").map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(path)
}

pub(super) async fn cold(
    comments: &[Comment],
    rows: &Rows,
    limits: &Limits,
    folder: &Path,
    table: &mut Table<'_>,
) -> Result<(), Failure> {
    let some = SOME.min(comments.len());
    for (name, count, path) in [
        ("one", some, one_topic(comments, some, folder.join("one.jsonl"))?),
        ("whole", comments.len(), one_topic(comments, comments.len(), folder.join("whole.jsonl"))?),
        ("topics", comments.len(), rows.path.clone()),
    ] {
        let a = Node::start(folder, &format!("{name}-a"), &Start::default()).await?;
        bring(a.client(), &path, true).await?;
        let full = a.flushed().await?;
        let b = Node::start(folder, &format!("{name}-b"), &Start::default()).await?;
        // The clock starts with the connection: starting the process is measured apart.
        let begun = Instant::now();
        b.dial(a.addresses()).await?;
        settled(&[&a, &b], PATIENCE).await?;
        let rate = full.entries as f64 / begun.elapsed().as_secs_f64();
        let shown = match name {
            "topics" => format!("cold join of {count}, {} topics", full.topics),
            _ => format!("cold join of {count}, one topic"),
        };
        table.rate(&shown, rate, "batch verification, one core", limits.verify_one, Goal::AtLeast(0.6))?;
        let state = b.state().await?;
        if name == "one" {
            table.figure("  memory of the joiner", state.memory as f64 / 1e6, "MB", "", Goal::AtMost(80.0))?;
        }
        let each = state.received as f64 / full.entries.max(1) as f64;
        table.figure("  received, an entry", each, "B", "", Goal::None)?;
        b.stop().await;
        a.stop().await;
    }
    Ok(())
}
