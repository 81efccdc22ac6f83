//! `tidings post`, `reply`, `edit`, `redact`, `react`: to say something.

use std::io::Read;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Method;
use tokio_util::io::ReaderStream;

use super::place::Place;
use super::show::{means, short};
use crate::client::{Client, Need, open, path};
use crate::exit::{Exit, Failure};
use crate::http::{EntryView, LinkView, NewEntry, ThreadView, media_type};
use crate::output::Out;

/// Text from standard input is at most this long.
const MOST: u64 = 2 << 20;

/// Write a comment on a page or into a room
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings post https://example.org/article 'Well said.'\n  tidings post lobby --attach voice.ogg 'Listen to this'\n  \
    git log -1 | tidings post lobby"
)]
pub(super) struct Post {
    /// A page's address or a room
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// The text; standard input, if left out
    text: Option<String>,
    /// Attach a file; may be repeated
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Answer a comment
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings reply lobby gh2akisc 'I agree.'       ids are those that tidings read shows"
)]
pub(super) struct Reply {
    /// A page's address or a room
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// The comment, by its id or the id's first digits
    comment: String,
    /// The text; standard input, if left out
    text: Option<String>,
    /// Attach a file; may be repeated
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Change a comment of your own
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings edit lobby gh2akisc 'What I meant is this.'")]
pub(super) struct Edit {
    /// A page's address or a room
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// The comment, by its id or the id's first digits
    comment: String,
    /// The new text; standard input, if left out
    text: Option<String>,
}

/// Take a comment of your own back, everywhere
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings redact lobby gh2akisc\n\n\
    Every honest node deletes its text and files. What others copied out of the network stays\n\
    with them.")]
pub(super) struct Redact {
    /// A page's address or a room
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// The comment, by its id or the id's first digits
    comment: String,
}

/// React to a comment with an emoji or a word
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings react lobby gh2akisc 👍")]
pub(super) struct React {
    /// A page's address or a room
    #[arg(value_name = "URL|ROOM")]
    topic: String,
    /// The comment, by its id or the id's first digits
    comment: String,
    /// The reaction, at most 40 bytes
    symbol: String,
}

pub(super) async fn post(args: Post, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let text = text(args.text)?;
    let client = client(place).await?;
    let links = attach(&client, &args.attach).await?;
    write(client, &args.topic, NewEntry { kind: "post".into(), text, links, ..NewEntry::default() }, out).await
}

pub(super) async fn reply(args: Reply, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let text = text(args.text)?;
    let client = client(place).await?;
    let refs = vec![find(&client, &args.topic, &args.comment).await?];
    let links = attach(&client, &args.attach).await?;
    write(client, &args.topic, NewEntry { kind: "reply".into(), text, refs, links, ..NewEntry::default() }, out).await
}

pub(super) async fn edit(args: Edit, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let text = text(args.text)?;
    let client = client(place).await?;
    let refs = vec![find(&client, &args.topic, &args.comment).await?];
    write(client, &args.topic, NewEntry { kind: "edit".into(), text, refs, ..NewEntry::default() }, out).await
}

pub(super) async fn redact(args: Redact, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = client(place).await?;
    let redacts = vec![find(&client, &args.topic, &args.comment).await?];
    write(client, &args.topic, NewEntry { kind: "redact".into(), redacts, ..NewEntry::default() }, out).await
}

pub(super) async fn react(args: React, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = client(place).await?;
    let refs = vec![find(&client, &args.topic, &args.comment).await?];
    write(client, &args.topic, NewEntry { kind: "react".into(), text: args.symbol, refs, ..NewEntry::default() }, out)
        .await
}

async fn client(place: &Place) -> Result<Client, Failure> {
    open(&place.made()?, &place.settings()?.config, Need::Write).await
}

async fn write(client: Client, topic: &str, new: NewEntry, out: &mut Out) -> Result<(), Failure> {
    let answer: Result<EntryView, Failure> =
        client.send_json(Method::POST, &path(&["api", "v1", "topics", topic, "entries"]), &new).await;
    let is_node = client.is_node();
    client.close().await;
    let entry = answer?;
    if out.is_json() {
        return out.json(&entry);
    }
    out.line(format!("{}  {}", short(&entry.id), entry.id))?;
    if !is_node {
        eprintln!("No node is running; others will see this once one does: tidings serve");
    }
    Ok(())
}

fn text(given: Option<String>) -> Result<String, Failure> {
    if let Some(text) = given {
        return Ok(text);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(Exit::Refused, format!("standard input is not text: {error}")))?;
    let text = text.trim_end().to_owned();
    if text.is_empty() { Err(Failure::new(Exit::Usage, "there is nothing to write")) } else { Ok(text) }
}

/// The comment that a person means, if there is exactly one.
async fn find(client: &Client, topic: &str, comment: &str) -> Result<String, Failure> {
    if comment.parse::<tidings_ledger::EntryId>().is_ok() {
        return Ok(comment.to_owned());
    }
    let thread: ThreadView = client.get(&path(&["api", "v1", "topics", topic, "thread"])).await?;
    let mut found = thread.comments.iter().filter(|candidate| means(comment, &candidate.id));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.id.clone()),
        (Some(_), Some(_)) => {
            Err(Failure::new(Exit::NotFound, format!("several comments begin with {comment}")).hint("give more digits"))
        }
        _ => Err(Failure::new(Exit::NotFound, format!("no comment here begins with {comment}"))
            .hint("tidings read shows the ids")),
    }
}

async fn attach(client: &Client, files: &[PathBuf]) -> Result<Vec<LinkView>, Failure> {
    let mut links = Vec::new();
    for file in files {
        links.push(attach_one(client, file).await?);
    }
    Ok(links)
}

async fn attach_one(client: &Client, file: &Path) -> Result<LinkView, Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::new(Exit::Refused, format!("{} has no name in UTF-8", file.display())))?;
    let opened = tokio::fs::File::open(file).await.map_err(|error| Failure::io("read", file, &error))?;
    let media_type = media_type::of(name, &[]);
    let query = |text: &str| path(&[text]).trim_start_matches('/').to_owned();
    let at = format!("/api/v1/attachments?name={}&media_type={}", query(name), query(media_type));
    let answer = client.upload(&at, "application/octet-stream", Body::from_stream(ReaderStream::new(opened))).await?;
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    let link = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    link.ok_or_else(|| Failure::new(Exit::Failed, "the node's answer was not understood"))
}
