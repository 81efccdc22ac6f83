//! News: how long one entry takes, and how many a second come through.

use std::path::Path;
use std::time::Instant;

use futures::StreamExt;
use tidings_ledger::replica::Notice;
use tidings_ledger::{AuthorKey, Draft, EntryId, TopicName};

use super::join::{Comment, PATIENCE, one_topic};
use super::report::{Goal, Table};
use crate::cli::import::bring;
use crate::config::{Config, Dht};
use crate::demo::{Latencies, Node, Start, measure_live, settled};
use crate::engine::Engine;
use crate::exit::{Exit, Failure};

/// Entries whose time is taken, one after the other.
const SAMPLES: usize = 1000;

/// Comments of the sustained stream.
const STREAM: usize = 20_000;

pub(super) async fn measure(comments: &[Comment], folder: &Path, table: &mut Table<'_>) -> Result<(), Failure> {
    let times = between_libraries(folder).await?;
    show(&times, "through the library", Some((0.8, 3.0)), table)?;
    let a = Node::start(folder, "live-a", &Start::default()).await?;
    let join = Start { peers: a.addresses().to_vec(), ..Start::default() };
    let b = Node::start(folder, "live-b", &join).await?;
    show(&measure_live(&b, &[&a], SAMPLES / 2).await?, "three processes, HTTP at both ends", None, table)?;
    let count = STREAM.min(comments.len());
    let path = one_topic(comments, count, folder.join("stream.jsonl"))?;
    let begun = Instant::now();
    bring(b.client(), &path, true).await?;
    settled(&[&a, &b], PATIENCE).await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    table.figure("live, sustained", rate, "/s", "imported there, whole here", Goal::AtLeast(20_000.0))?;
    b.stop().await;
    a.stop().await;
    Ok(())
}

fn show(times: &Latencies, how: &str, goals: Option<(f64, f64)>, table: &mut Table<'_>) -> Result<(), Failure> {
    let goal = |goal: Option<f64>| goal.map_or(Goal::None, Goal::AtMost);
    for (name, share, goal) in [
        ("append → visible at the peer, p50", 0.5, goal(goals.map(|goals| goals.0))),
        ("append → visible at the peer, p99", 0.99, goal(goals.map(|goals| goals.1))),
    ] {
        table.figure(name, times.quantile(share).as_secs_f64() * 1000.0, "ms", how, goal)?;
    }
    Ok(())
}

/// Two nodes as programs embed them, over libp2p on loopback: from the call of append to the notice on the other side.
async fn between_libraries(folder: &Path) -> Result<Latencies, Failure> {
    let mut config = Config::default();
    config.p2p.dht = Dht::Off;
    config.p2p.relay_client = false;
    config.p2p.listen = vec!["/ip4/127.0.0.1/tcp/0".to_owned()];
    let open = |name: &str, config: Config| {
        let data = folder.join(name);
        async move {
            std::fs::create_dir_all(&data).map_err(|error| Failure::io("make", &data, &error))?;
            Engine::online(&data, &config, None).await
        }
    };
    let a = open("library-a", config.clone()).await?;
    config.p2p.peers = a.network().map(|network| network.addresses()).unwrap_or_default();
    let b = open("library-b", config).await?;
    let room = TopicName::parse("bench").map_err(failed)?;
    let (from, to) = (a.ledger().topic(&room), b.ledger().topic(&room));
    from.follow().map_err(failed)?;
    to.follow().map_err(failed)?;
    let mut news = to.subscribe(1024);
    let key = AuthorKey::from_seed(&[5; 32]);
    let mut all = Vec::with_capacity(SAMPLES);
    // The first one waits for the connection and the mesh.
    for number in 0..=SAMPLES {
        let begun = Instant::now();
        let entry = from.append(&key, Draft::new("post", format!("News number {number}."))).await.map_err(failed)?;
        let arrival = tokio::time::timeout(PATIENCE, until(&mut news, entry.id()));
        arrival.await.map_err(|_| Failure::new(Exit::Failed, "an entry did not arrive"))?;
        all.push(begun.elapsed());
    }
    a.close().await;
    b.close().await;
    Ok(Latencies::of(all.split_off(1)))
}

async fn until(news: &mut (impl futures::Stream<Item = Notice> + Unpin), id: EntryId) {
    while let Some(notice) = news.next().await {
        if matches!(notice, Notice::Entry(entry) if entry.id() == id) {
            return;
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error)
}
