//! A ledger inside a program of one's own: a durable store, kinds of one's own, live notices, pages.
//! `cargo run -p tidings-ledger --example embed [FOLDER]`

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use tidings_ledger::handle::{Order, Query, SystemClock};
use tidings_ledger::store::{RocksOptions, RocksStore};
use tidings_ledger::{AuthorKey, Draft, Ledger, Notice, Options, TopicName};

/// The core takes any word for a kind, and any bytes for a body: here, readings of a thermometer.
const READING: &str = "reading";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().join("ledger"), Into::into);

    // One process at a time may open a folder; a second one gets an error that says so.
    let store = Arc::new(RocksStore::open(&folder, RocksOptions::default())?);
    // `Ledger::open` takes a transport, too, and gives a driver to run. Offline is enough to write and read.
    let ledger = Ledger::offline(store, Arc::new(SystemClock), Options::default())?;
    let attic = ledger.topic(&TopicName::parse("room:attic")?);

    // A subscription holds a fixed number of notices and says when it had to leave some out.
    let mut live = attic.subscribe(64);
    let sensor = AuthorKey::from_seed(&[3; 32]);
    let drafts =
        (0..25).map(|n| Draft::new(READING, format!("{{\"celsius\":{}}}", 18 + n % 5)).of_type("application/json"));
    // Many in one commit. Offline nothing waits for anything, so the future is done at once.
    let entries = attic.append_all(&sensor, drafts.collect()).now_or_never().ok_or("an append waited")??;
    println!("{} readings, the last one {}", entries.len(), entries[entries.len() - 1].id());
    while let Some(Some(Notice::Entry(entry))) = live.next().now_or_never() {
        assert_eq!(entry.kind(), READING);
    }

    // Pages: a cursor is text, and stays good whatever is added meanwhile.
    let mut query = Query { order: Order::OldestFirst, limit: 10, ..Query::default() };
    loop {
        let page = attic.read(&query)?;
        println!("a page of {}", page.items.len());
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }

    // The state of the topic, and of everything, as one content id each.
    ledger.flush()?;
    let info = attic.info()?;
    println!("{} entries, folder {}", info.entries, info.cid.ok_or("nothing was said")?);
    println!("catalog {}", ledger.catalog()?.cid.ok_or("nothing was said")?);
    ledger.close();
    Ok(())
}
