//! Appending: one by one, in bulk, and with much in the store.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::{RocksOptions, RocksStore, Store};
use tidings_ledger::{AuthorKey, Draft, Ledger, Options, Time, TopicName};

use super::join::{self, Comment};
use super::limits::Limits;
use super::report::{Goal, Table};
use crate::exit::{Exit, Failure};
use crate::keys::test_key;
use crate::output::bytes;

/// Entries appended one by one.
const SINGLE: usize = 10_000;

/// Entries appended together.
const TOGETHER: usize = 4096;

/// Entries at which growth begins to be measured, and over how many it is.
const SMALL: u64 = 10_000;
const STRETCH: u64 = 5_000;

fn open(folder: &Path, name: &str) -> Result<(Ledger, Arc<RocksStore>), Failure> {
    let failed = |error: tidings_ledger::store::StoreError| Failure::new(Exit::Failed, error);
    let store = Arc::new(RocksStore::open(folder.join(name), RocksOptions::default()).map_err(failed)?);
    let ledger = Ledger::offline(store.clone(), Arc::new(SystemClock), Options::default()).map_err(failed)?;
    Ok((ledger, store))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error)
}

pub(super) async fn measure(
    comments: &[Comment],
    limits: &Limits,
    folder: &Path,
    table: &mut Table<'_>,
) -> Result<(), Failure> {
    let (ledger, store) = open(folder, "single")?;
    let key = AuthorKey::from_seed(&[3; 32]);
    let topic = ledger.topic(&TopicName::parse("bench").map_err(failed)?);
    let some = &comments[..SINGLE.min(comments.len())];
    let begun = Instant::now();
    for comment in some {
        topic.append(&key, Draft::new("post", comment.text.as_str())).await.map_err(failed)?;
    }
    let rate = some.len() as f64 / begun.elapsed().as_secs_f64();
    table.rate("append, one by one", rate, "signing, one core", limits.sign_one, Goal::AtLeast(0.6))?;
    ledger.flush().map_err(failed)?;
    ledger.close();
    drop((ledger, topic, store));

    let (ledger, store) = open(folder, "bulk")?;
    // Keys and names are made before the clock starts, as an application has them at hand.
    let drafts = join::drafts(comments)?;
    let begun = Instant::now();
    for group in drafts.chunks(TOGETHER) {
        for result in ledger.append_all(group.to_vec()).await {
            result.map_err(failed)?;
        }
    }
    let rate = comments.len() as f64 / begun.elapsed().as_secs_f64();
    table.rate("append in bulk, real topics", rate, "signing, all cores", limits.sign_all, Goal::AtLeast(0.8))?;
    let begun = Instant::now();
    ledger.flush().map_err(failed)?;
    table.time("  folders up to date after", begun.elapsed())?;
    store.compact().map_err(failed)?;
    let size = store.size().map_err(failed)?;
    let text: usize = comments.iter().map(|comment| comment.text.len()).sum();
    let each = size as f64 / comments.len() as f64;
    let beside = format!("{} of text each", text / comments.len().max(1));
    table.figure("  on the disk, an entry", each, "B", &beside, Goal::AtMost(900.0))?;
    table.plain("  on the disk, in all", &bytes(size))
}

/// Appends into a store that grows, and compares.
pub(super) async fn growth(most: u64, folder: &Path, table: &mut Table<'_>) -> Result<(), Failure> {
    let (ledger, store) = open(folder, "growth")?;
    let topic = TopicName::parse("growth").map_err(failed)?;
    let keys: Vec<AuthorKey> = (0..64).map(|number| test_key(&format!("grower {number}"))).collect();
    let mut number = 0;
    fill(&ledger, &topic, &keys, &mut number, SMALL).await?;
    let small = stretch(&ledger, &topic, &keys[0]).await?;
    fill(&ledger, &topic, &keys, &mut number, most.saturating_sub(STRETCH)).await?;
    let large = stretch(&ledger, &topic, &keys[0]).await?;
    let name = format!("append at {most} entries");
    table.rate(&name, large, "at 10,000 entries", small, Goal::AtLeast(1.0 / 1.5))?;
    if let Some(memory) = crate::http::memory() {
        let beside = format!("{most} entries in the store");
        table.figure("  memory of this process", memory as f64 / 1e6, "MB", &beside, Goal::AtMost(300.0))?;
    }
    ledger.close();
    drop((ledger, store));
    let begun = Instant::now();
    let (ledger, _) = open(folder, "growth")?;
    let status = ledger.status().map_err(failed)?;
    table.time(&format!("  start-up with {} entries", status.entries), begun.elapsed())
}

async fn fill(
    ledger: &Ledger,
    topic: &TopicName,
    keys: &[AuthorKey],
    number: &mut u64,
    upto: u64,
) -> Result<(), Failure> {
    /// The length of a mean comment.
    const TEXT: usize = 425;
    while *number < upto {
        let count = (upto - *number).min(TOGETHER as u64);
        let drafts = (0..count).map(|at| {
            let at = *number + at;
            let draft = Draft::new("post", format!("{at:0TEXT$}")).at(Time::from_millis(1_700_000_000_000 + at * 10));
            (topic.clone(), keys[at as usize % keys.len()].clone(), draft)
        });
        for result in ledger.append_all(drafts.collect()).await {
            result.map_err(failed)?;
        }
        *number += count;
    }
    ledger.flush().map_err(failed)
}

async fn stretch(ledger: &Ledger, topic: &TopicName, key: &AuthorKey) -> Result<f64, Failure> {
    let topic = ledger.topic(topic);
    let begun = Instant::now();
    for number in 0..STRETCH {
        topic.append(key, Draft::new("post", format!("one more, the {number}th"))).await.map_err(failed)?;
    }
    Ok(STRETCH as f64 / begun.elapsed().as_secs_f64())
}
