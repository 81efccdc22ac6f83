//! How long a comment takes from one node to the others.

use std::time::{Duration, Instant};

use axum::http::Method;

use super::node::Node;
use crate::cli::watch::Events;
use crate::client::path;
use crate::exit::{Exit, Failure};
use crate::http::{EntryView, NewEntry};

/// Where live comments are written.
const ROOM: &str = "room:demo";

/// How long one comment may take: an announcement that was lost heals within a re-announcement.
const PATIENCE: Duration = Duration::from_secs(90);

/// Times until comments were seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// Of these.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Latencies { sorted: all }
    }

    /// The time within which this share of all was seen.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        let at = ((self.sorted.len() as f64 * share).ceil() as usize).saturating_sub(1).min(last);
        self.sorted.get(at).copied().unwrap_or_default()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }
}

/// Writes a comment through the API.
pub(crate) async fn post(node: &Node, text: &str) -> Result<EntryView, Failure> {
    let new = NewEntry { kind: "post".into(), text: text.into(), ..NewEntry::default() };
    node.client().send_json(Method::POST, &path(&["api", "v1", "topics", ROOM, "entries"]), &new).await
}

/// Writes comments on one node, one after the other, and measures until all watchers have told of each.
///
/// The clock starts before the request is sent and stops when the event arrived here, so both HTTP hops are in it.
pub(crate) async fn measure(writer: &Node, watchers: &[&Node], count: usize) -> Result<Latencies, Failure> {
    let mut events = Vec::new();
    for node in watchers {
        // To everything: the room does not exist on them yet.
        events.push(Events::of(node.client(), None).await?);
    }
    // The first one founds the room: channels are joined, meshes built.
    let first = post(writer, "Is anybody there?").await?;
    for stream in &mut events {
        until(stream, &first.id).await?;
    }
    let mut all = Vec::with_capacity(count * watchers.len());
    for number in 0..count {
        let begun = Instant::now();
        let entry = post(writer, &format!("Live comment number {number}, written to see how long it takes.")).await?;
        let arrivals = events.iter_mut().map(|stream| async {
            until(stream, &entry.id).await?;
            Ok::<_, Failure>(begun.elapsed())
        });
        all.extend(futures::future::try_join_all(arrivals).await?);
    }
    Ok(Latencies::of(all))
}

async fn until(events: &mut Events, id: &str) -> Result<(), Failure> {
    let arrival = async {
        loop {
            let (kind, data) = events.next().await?;
            if kind == "entry" && data["id"] == id {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, arrival).await.unwrap_or_else(|_| {
        Err(Failure::new(Exit::Failed, format!("a comment did not arrive within {} s", PATIENCE.as_secs())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let times = Latencies::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(times.quantile(0.5), Duration::from_millis(50));
        assert_eq!(times.quantile(0.99), Duration::from_millis(99));
        assert_eq!(times.quantile(1.0), Duration::from_millis(100));
        assert_eq!(Latencies::of(Vec::new()).quantile(0.5), Duration::ZERO);
    }
}
