//! Catching up: what a node that was away for a while has to ask for, in rounds and bytes.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::join::{Comment, PATIENCE, one_topic};
use super::report::{Goal, Table};
use crate::cli::import::bring;
use crate::demo::{Node, Start, settled};
use crate::exit::Failure;

/// How many entries were missed, and the ceilings for it: rounds, and bytes of tree nodes.
const MISSED: [(usize, f64, f64); 3] = [(1, 6.0, 25e3), (100, 6.0, 40e3), (1000, 7.0, 150e3)];

/// One node writes while the other is stopped, which then starts again and catches up.
pub(super) async fn measure(comments: &[Comment], folder: &Path, table: &mut Table<'_>) -> Result<(), Failure> {
    let all = one_topic(comments, comments.len(), folder.join("tail.jsonl"))?;
    let a = Node::start(folder, "tail-a", &Start::default()).await?;
    bring(a.client(), &all, true).await?;
    let held = a.flushed().await?.entries;
    let to_a = Start { peers: a.addresses().to_vec(), ..Start::default() };
    let b = Node::start(folder, "tail-b", &to_a).await?;
    settled(&[&a, &b], PATIENCE).await?;
    b.stop().await;
    for (missed, rounds, bytes) in MISSED {
        bring(a.client(), &more(missed, folder)?, true).await?;
        a.flushed().await?;
        let b = Node::start(folder, "tail-b", &to_a).await?;
        settled(&[&a, &b], PATIENCE).await?;
        let state = b.state().await?;
        let name = format!("missed {missed} of {held}");
        table.figure(&format!("{name}: rounds"), state.rounds as f64, "", "until it is whole", Goal::AtMost(rounds))?;
        let note = "in tree nodes, beside the entries";
        table.figure(&format!("{name}: overhead"), state.node_bytes as f64, "B", note, Goal::AtMost(bytes))?;
        b.stop().await;
    }
    a.stop().await;
    Ok(())
}

/// Rows that are new: they have no time, so they are written now.
fn more(count: usize, folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join("more.jsonl");
    let failed = |error: std::io::Error| Failure::io("write", &path, &error);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
    for number in 0..count {
        let row = json!({ "url": "room:bench", "author": "the writer", "text": format!("Written meanwhile, the {number}th.") });
        writeln!(out, "{row}").map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(path)
}
