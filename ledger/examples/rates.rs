//! How fast one machine writes and takes in, as ratios to what signing and checking alone cost on it.
//!
//! `cargo run -p tidings-ledger --example rates [COMMENTS.jsonl [one|bulk|take]]`: with a file of comments (rows of url, author, time,
//! text) the texts are real; without one they are made up, 425 bytes long.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use futures::FutureExt;
use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::{RocksOptions, RocksStore, Store};
use tidings_ledger::verify::{Signed, verify_batch};
use tidings_ledger::{AuthorKey, Draft, Ledger, Options, Time, TopicName};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (comments, only) = (comments(std::env::args().nth(1))?, std::env::args().nth(2));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    println!("{} comments", comments.len());
    let signing = signing_rate();
    println!("Ed25519 signing, one core            {signing:>9.0} /s");
    if wanted("one") {
        let one = append_one_by_one(&comments)?;
        println!("append one by one, in the WAL        {one:>9.0} /s   {:.2} of signing on one core", one / signing);
    }
    if wanted("bulk") {
        let (bulk, disk) = append_in_bulk(&comments)?;
        println!(
            "append in bulk, many authors         {bulk:>9.0} /s   {:.2} of signing on all",
            bulk / signing / cores()
        );
        println!("on disk                              {disk:>9.0} bytes an entry");
    }
    if wanted("take") {
        let (taken, checking) = (take_in(&comments)?, checking_rate());
        println!("Ed25519 checking, all cores, 64 keys {checking:>9.0} /s");
        println!("take in entries signed elsewhere     {taken:>9.0} /s   {:.2} of checking on all", taken / checking);
    }
    Ok(())
}

struct Comment {
    topic: TopicName,
    key: AuthorKey,
    draft: Draft,
}

fn comments(path: Option<String>) -> Result<Vec<Comment>, Box<dyn std::error::Error>> {
    let Some(path) = path else {
        let text = "All work and no play makes a dull benchmark. ".repeat(10);
        let made_up = (0..50_000u64).map(|n| Comment {
            topic: TopicName::parse(&format!("https://example.org/{}", n % 500)).expect("a good URL"),
            key: AuthorKey::from_seed(&[(n % 64) as u8; 32]),
            draft: Draft::new("post", &text[..425]).at(Time::from_millis(1_700_000_000_000 + n * 1000)),
        });
        return Ok(made_up.collect());
    };
    let mut comments = Vec::new();
    for line in std::io::BufReader::new(std::fs::File::open(path)?).lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let mut seed = [0; 32];
        seed[..12].copy_from_slice(&text("author").as_bytes()[..12]);
        comments.push(Comment {
            topic: TopicName::parse(&text("url"))?,
            key: AuthorKey::from_seed(&seed),
            draft: Draft::new("post", text("text")).at(Time::from_millis(row["time"].as_u64().unwrap_or_default())),
        });
    }
    Ok(comments)
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

fn signing_rate() -> f64 {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [0; 300];
    let begin = Instant::now();
    let count = 20_000;
    for _ in 0..count {
        std::hint::black_box(key.sign(std::hint::black_box(&message)));
    }
    f64::from(count) / begin.elapsed().as_secs_f64()
}

fn checking_rate() -> f64 {
    let keys: Vec<SigningKey> = (0..64).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let messages: Vec<Vec<u8>> = (0..16_384u32).map(|n| n.to_be_bytes().repeat(75)).collect();
    let signed: Vec<Signed<'_>> = messages
        .iter()
        .zip(keys.iter().cycle())
        .map(|(message, key)| Signed {
            key: key.verifying_key().to_bytes(),
            signature: key.sign(message).to_bytes(),
            message,
        })
        .collect();
    let begin = Instant::now();
    assert!(verify_batch(&signed).into_iter().all(|good| good));
    signed.len() as f64 / begin.elapsed().as_secs_f64()
}

fn open(folder: &std::path::Path) -> Result<(Arc<RocksStore>, Ledger), Box<dyn std::error::Error>> {
    let store = Arc::new(RocksStore::open(folder, RocksOptions::default())?);
    let ledger = Ledger::offline(store.clone(), Arc::new(SystemClock), Options::default())?;
    Ok((store, ledger))
}

fn append_one_by_one(comments: &[Comment]) -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (_, ledger) = open(folder.path())?;
    let topic = ledger.topic(&comments[0].topic);
    let key = AuthorKey::from_seed(&[1; 32]);
    let begin = Instant::now();
    let count = comments.len().min(30_000);
    for comment in &comments[..count] {
        topic.append(&key, comment.draft.clone()).now_or_never().ok_or("an append waited")??;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

fn append_in_bulk(comments: &[Comment]) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (store, ledger) = open(folder.path())?;
    let begin = Instant::now();
    for group in comments.chunks(4096) {
        let drafts = group.iter().map(|c| (c.topic.clone(), c.key.clone(), c.draft.clone())).collect();
        for result in ledger.append_all(drafts).now_or_never().ok_or("an append waited")? {
            result?;
        }
    }
    ledger.flush()?;
    let rate = comments.len() as f64 / begin.elapsed().as_secs_f64();
    store.compact()?;
    Ok((rate, store.size()? as f64 / comments.len() as f64))
}

fn take_in(comments: &[Comment]) -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (_, source) = open(folder.path())?;
    let mut files: Vec<Bytes> = Vec::new();
    for group in comments.chunks(4096) {
        let drafts = group.iter().map(|c| (comments[0].topic.clone(), c.key.clone(), c.draft.clone())).collect();
        for result in source.append_all(drafts).now_or_never().ok_or("an append waited")? {
            files.push(result?.to_file().into());
        }
    }
    let folder = tempfile::tempdir()?;
    let (_, ledger) = open(folder.path())?;
    let begin = Instant::now();
    for group in files.chunks(2048) {
        for result in ledger.submit(group.to_vec())? {
            result?;
        }
    }
    ledger.flush()?;
    Ok(files.len() as f64 / begin.elapsed().as_secs_f64())
}
