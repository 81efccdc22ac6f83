//! How fast two nodes over two daemons are: a late joiner's catch-up, and a comment from one to the other.
//!
//!     cargo run -p tidings-transport-kubo --example measure -- http://127.0.0.1:5001 http://127.0.0.1:5002 10000

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::MemoryStore;
use tidings_ledger::{AuthorKey, Draft, Ledger, Library, Notice, Options, TopicName};
use tidings_transport_kubo::{Config, KuboTransport};

/// Comments that are timed one by one.
const TIMED: usize = 200;

type Any = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Any> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [one, two, count] = arguments.as_slice() else {
        return Err("give two RPC addresses and a number of entries".into());
    };
    let count: usize = count.parse()?;
    let topic = TopicName::parse("room:measure")?;
    let (a, b) = (node(one).await?, node(two).await?);
    let key = AuthorKey::from_seed(&[1; 32]);

    let begun = Instant::now();
    for part in (0..count).collect::<Vec<_>>().chunks(1000) {
        let text = |n: &usize| format!("Comment {n}. {}", "A few words that say little. ".repeat(14));
        let drafts = part.iter().map(|n| (topic.clone(), key.clone(), Draft::new("post", text(n))));
        for answer in a.1.append_all(drafts.collect()).await {
            answer?;
        }
    }
    a.1.topic(&topic).follow()?;
    a.1.flush()?;
    while a.0.status().pins.pinned == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("given to the daemon and pinned: {:.0} entries/s", count as f64 / begun.elapsed().as_secs_f64());

    a.0.dial(&b.0.addresses()[0]).await?;
    let begun = Instant::now();
    b.1.topic(&topic).follow()?;
    while b.1.topic(&topic).info()?.entries < count as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("late joiner: {:.0} entries/s", count as f64 / begun.elapsed().as_secs_f64());

    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut notices = b.1.subscribe(1024);
    let mut times = Vec::new();
    for n in 0..TIMED {
        let begun = Instant::now();
        let entry = a.1.topic(&topic).append(&key, Draft::new("post", format!("Timed {n}"))).await?;
        while !matches!(notices.next().await, Some(Notice::Entry(heard)) if heard.id() == entry.id()) {}
        times.push(begun.elapsed());
    }
    times.sort();
    println!("one comment: p50 {:?}, p99 {:?}", times[TIMED / 2], times[TIMED * 99 / 100]);
    a.1.close();
    b.1.close();
    Ok(())
}

async fn node(api: &str) -> Result<(Arc<KuboTransport>, Ledger), Any> {
    let store = Arc::new(MemoryStore::new());
    let config = Config { api: api.to_owned(), ..Config::default() };
    let kubo = KuboTransport::start(config, Arc::new(Library::new(store.clone()))).await?;
    if !kubo.ready(Duration::from_secs(10)).await {
        return Err(format!("no daemon at {api}").into());
    }
    let options = Options::default();
    let network = options.network;
    let (ledger, driver) = Ledger::open(store, kubo.clone(), Arc::new(SystemClock), options)?;
    kubo.keep(&ledger, network);
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || runtime.block_on(driver.run()));
    Ok((kubo, ledger))
}
