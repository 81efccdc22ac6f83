//! `tidings topics`, `follow`, `unfollow`: what this node holds.

use axum::http::Method;

use super::place::Place;
use super::show::{age, name};
use crate::client::{Need, open, path};
use crate::exit::Failure;
use crate::http::{Listing, TopicView};
use crate::output::{Out, Style, count};

/// List the topics held here, the latest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings topics\n  tidings topics --match example.org --limit 1000 --json")]
pub(super) struct Topics {
    /// Only names that contain this
    #[arg(long = "match", value_name = "TEXT")]
    matching: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// Follow a topic: hold its comments from now on
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings follow https://example.org/article\n  tidings follow lobby")]
pub(super) struct Follow {
    /// A page's address, a room, or a topic's id
    #[arg(value_name = "URL|ROOM")]
    topic: String,
}

/// Follow a topic no longer; what is held stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings unfollow lobby")]
pub(super) struct Unfollow {
    /// A page's address, a room, or a topic's id
    #[arg(value_name = "URL|ROOM")]
    topic: String,
}

pub(super) async fn list(args: Topics, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.data()?, &place.settings()?.config, Need::Read).await?;
    let mut left = args.limit;
    let mut after: Option<String> = None;
    while left > 0 {
        let mut query = format!("?limit={}", left.min(1000));
        for (key, value) in [("match", &args.matching), ("after", &after)] {
            if let Some(value) = value {
                query.push_str(&format!("&{key}={}", path(&[value]).trim_start_matches('/')));
            }
        }
        let listing: Listing<TopicView> = client.get(&format!("/api/v1/topics{query}")).await?;
        for topic in &listing.items {
            line(topic, out)?;
        }
        left -= listing.items.len().min(left);
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    client.close().await;
    Ok(())
}

fn line(topic: &TopicView, out: &mut Out) -> Result<(), Failure> {
    if out.is_json() {
        return out.json(topic);
    }
    let newest = topic.newest.map_or_else(|| "–".to_owned(), age);
    let followed = if topic.followed { "" } else { "  (not followed)" };
    let head = out.style(Style::Bold, name(topic.name.as_deref().unwrap_or(&topic.id)));
    out.line(format!("{:>8}  {newest:>10}  {head}{}", count(topic.entries), out.style(Style::Dim, followed)))
}

pub(super) async fn follow(args: Follow, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.made()?, &place.settings()?.config, Need::Write).await?;
    let at = path(&["api", "v1", "topics", &args.topic, "follow"]);
    let topic: TopicView = client.send_json(Method::PUT, &at, &()).await?;
    let is_node = client.is_node();
    client.close().await;
    if out.is_json() {
        return out.json(&topic);
    }
    let shown = name(topic.name.as_deref().unwrap_or(&topic.id));
    let how =
        if is_node { "its comments come in as peers tell of them" } else { "its comments come in once a node runs" };
    out.line(format!("Following {shown}; {how}."))
}

pub(super) async fn unfollow(args: Unfollow, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.made()?, &place.settings()?.config, Need::Write).await?;
    client.call(Method::DELETE, &path(&["api", "v1", "topics", &args.topic, "follow"])).await?;
    client.close().await;
    if out.is_json() { out.json(&serde_json::json!({ "followed": false })) } else { out.line("No longer followed.") }
}
