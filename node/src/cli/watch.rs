//! `tidings watch`: comments as they arrive.

use futures::StreamExt;
use serde_json::Value;

use super::place::Place;
use super::show::{author, moment, short};
use crate::client::{Client, Need, open, path};
use crate::exit::{Exit, Failure};
use crate::http::EntryView;
use crate::output::{Out, Style, sanitise};

/// An event is at most this long: an entry of 1 MiB of text, escaped.
const MOST: usize = 8 << 20;

/// Show comments as they arrive, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings watch lobby\n  tidings watch --json | jq .text        everything that the node takes in\n  \
    tidings watch lobby --count 1            wait for one"
)]
pub(super) struct Args {
    /// A page's address, a room, or a topic's id; everything, if left out
    #[arg(value_name = "URL|ROOM")]
    topic: Option<String>,
    /// End after this many comments
    #[arg(long)]
    count: Option<u64>,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.data()?, &place.settings()?.config, Need::Node).await?;
    let mut events = Events::of(&client, args.topic.as_deref()).await?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let (kind, data) = tokio::select! {
            event = events.next() => event?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        match kind.as_str() {
            "entry" => {
                left -= 1;
                entry(&data, out)?;
            }
            "lagged" => eprintln!("tidings: too fast for this terminal; {} events were left out", data["missed"]),
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}

fn entry(data: &Value, out: &mut Out) -> Result<(), Failure> {
    if out.is_json() {
        return out.json(data);
    }
    let Ok(entry) = serde_json::from_value::<EntryView>(data.clone()) else { return Ok(()) };
    let head = format!("{} · {} · {} · {}", author(&entry.author), moment(entry.time), entry.kind, short(&entry.id));
    out.line(out.style(Style::Dim, sanitise(&head)))?;
    out.line(entry.text.as_deref().map_or_else(|| "(no text)".to_owned(), sanitise))?;
    out.line("")
}

/// Server-sent events as they come.
pub(crate) struct Events {
    pieces: futures::stream::BoxStream<'static, Result<bytes::Bytes, Failure>>,
    rest: Vec<u8>,
}

impl Events {
    /// Listens to a topic, or to everything.
    pub(crate) async fn of(client: &Client, topic: Option<&str>) -> Result<Events, Failure> {
        let query =
            topic.map_or_else(String::new, |topic| format!("?topic={}", path(&[topic]).trim_start_matches('/')));
        Ok(Events { pieces: client.stream(&format!("/api/v1/events{query}")).await?, rest: Vec::new() })
    }

    /// The next event: its name and its data.
    pub(crate) async fn next(&mut self) -> Result<(String, Value), Failure> {
        loop {
            while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.rest.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
                if let (Some(kind), Some(data)) = (field("event:"), field("data:")) {
                    return Ok((kind.to_owned(), serde_json::from_str(data).unwrap_or_default()));
                }
            }
            match self.pieces.next().await {
                Some(Ok(piece)) if self.rest.len() + piece.len() <= MOST => self.rest.extend_from_slice(&piece),
                Some(Ok(_)) => return Err(Failure::new(Exit::Failed, "an event was too long")),
                Some(Err(failure)) => return Err(failure),
                None => return Err(Failure::new(Exit::Unreachable, "the node stopped")),
            }
        }
    }
}
