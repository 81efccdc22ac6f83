//! `tidings read`: a discussion as a tree.

use super::place::Place;
use super::show::{author, moment, name, short};
use crate::client::{Need, open, path};
use crate::exit::{Exit, Failure};
use crate::http::{CommentView, ThreadView};
use crate::output::{Out, Style, bytes, sanitise, sanitise_line};

/// Deeper replies are shown at this depth: a line must leave room for words.
const DEEPEST: usize = 12;

/// Read a discussion: replies below what they answer, edits applied
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings read https://example.org/article\n  tidings read lobby --last 20\n  tidings read lobby --json | jq .text"
)]
pub(super) struct Args {
    /// A page's address, a room, or a topic's id
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// Only the last comments of the tree
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.data()?, &place.settings()?.config, Need::Read).await?;
    let thread: Result<ThreadView, Failure> = client.get(&path(&["api", "v1", "topics", &args.topic, "thread"])).await;
    client.close().await;
    let thread = thread?;
    let skipped = args.last.map_or(0, |last| thread.comments.len().saturating_sub(last));
    if thread.comments.is_empty() {
        return Err(Failure::new(Exit::NotFound, format!("nothing is held here about {}", name(&thread.name)))
            .hint("tidings follow brings what others wrote; tidings post begins"));
    }
    if out.is_json() {
        return thread.comments.iter().skip(skipped).try_for_each(|comment| out.json(comment));
    }
    out.line(out.style(Style::Bold, name(&thread.name)))?;
    if thread.truncated {
        out.line(out.style(Style::Dim, "(only the newest comments; --json of the API's entries pages through all)"))?;
    }
    for comment in thread.comments.iter().skip(skipped) {
        out.line("")?;
        show(comment, out)?;
    }
    Ok(())
}

fn show(comment: &CommentView, out: &mut Out) -> Result<(), Failure> {
    let indent = "  ".repeat(comment.depth.min(DEEPEST));
    let edited = if comment.edited { ", edited" } else { "" };
    let head = format!("{} · {}{edited} · {}", author(&comment.author), moment(comment.time), short(&comment.id));
    out.line(format!("{indent}{}", out.style(Style::Dim, head)))?;
    match (&comment.text, comment.redacted) {
        (_, true) => out.line(format!("{indent}{}", out.style(Style::Dim, "(taken back by its author)")))?,
        (Some(text), _) => {
            for line in sanitise(text).lines() {
                out.line(format!("{indent}{line}"))?;
            }
        }
        (None, _) => out.line(format!("{indent}{}", out.style(Style::Dim, "(not text)")))?,
    }
    for link in &comment.links {
        let name = sanitise_line(&link.name);
        out.line(format!("{indent}[{name}, {}: /ipfs/{}]", bytes(link.size), sanitise_line(&link.cid)))?;
    }
    if !comment.reactions.is_empty() {
        let each = comment.reactions.iter().map(|r| format!("{} {}", sanitise_line(&r.symbol), r.count));
        out.line(format!("{indent}{}", each.collect::<Vec<_>>().join("  ")))?;
    }
    Ok(())
}
