//! `tidings demo`: the whole of it on one machine, in about a minute.
//!
//! Three nodes in processes of their own. A imports comments; B and C know nothing but A's address and end with the same
//! catalog; a comment written on B shows up on A and C; A is killed without warning, misses a comment, comes back and
//! catches up. Success means that all three catalogs have one CID.

mod live;
mod node;
mod report;
mod rows;

pub(crate) use live::{Latencies, measure as measure_live};
pub(crate) use node::{Node, Start, settled};
pub(crate) use rows::{Rows, rows};

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cli::import::bring;
use crate::exit::{Exit, Failure};
use crate::output::Out;
use report::Report;

/// How long importing and joining may take at most: 72,178 comments take seconds; a slow disk has its chance.
const LONG: Duration = Duration::from_secs(600);

/// How long news may take to arrive everywhere.
const SHORT: Duration = Duration::from_secs(90);

/// Show three nodes on this machine import, join, comment, crash and agree
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings demo\n  tidings demo --topics 100\n  tidings demo --comments comments.jsonl.gz --json\n\n\
    Everything is in a temporary folder and on loopback; nothing of your own node is touched.\n\
    Exit code 0 means that all three nodes ended with the same catalog CID."
)]
pub(crate) struct Args {
    /// Comments to import; else ../shared/data/comments.jsonl.gz if it is there, else some that are made up
    #[arg(long, value_name = "FILE")]
    comments: Option<PathBuf>,
    /// Only the first topics of the file
    #[arg(long, value_name = "COUNT")]
    topics: Option<usize>,
    /// Comments to write live, one after the other
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    live: usize,
    /// Keep the temporary folder, and say where it is
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn run(args: Args, out: &mut Out) -> Result<(), Failure> {
    let mut folder = tempfile::Builder::new()
        .prefix("tidings-demo-")
        .tempdir()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot make a temporary folder: {error}")))?;
    if args.keep {
        folder.disable_cleanup(true);
    }
    let path = folder.path().to_owned();
    let result = tokio::select! {
        result = steps(&args, &path, out) => result,
        () = interrupted() => Err(Failure::new(Exit::Failed, "interrupted")),
    };
    if args.keep {
        eprintln!("The nodes' folders and logs are in {}", path.display());
    }
    // Whatever happened, the nodes went with `steps`: each is killed when its handle is dropped.
    result
}

async fn interrupted() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn steps(args: &Args, folder: &std::path::Path, out: &mut Out) -> Result<(), Failure> {
    let rows = rows(args.comments.as_deref(), args.topics, folder)?;
    let mut report = Report::new(&rows);
    let say = |text: &str| eprintln!("· {text}");

    say(&format!("node A imports {} comments on {} topics", rows.count, rows.topics));
    let a = Node::start(folder, "a", &Start::default()).await?;
    let begun = Instant::now();
    let imported = within(LONG, "importing", bring(a.client(), &rows.path, true)).await??;
    report.import = begun.elapsed();
    if imported.bad > 0 || imported.imported != rows.count {
        return Err(Failure::new(Exit::Failed, format!("only {} of {} were imported", imported.imported, rows.count)));
    }
    report.entries = a.flushed().await?.entries;

    say("nodes B and C join, cold, through A");
    let join = Start { peers: a.addresses().to_vec(), ..Start::default() };
    let begun = Instant::now();
    let (b, c) = tokio::try_join!(Node::start(folder, "b", &join), Node::start(folder, "c", &join))?;
    settled(&[&a, &b, &c], LONG).await?;
    report.join = begun.elapsed();
    (report.join_bytes, report.store_bytes) = (b.state().await?.received, a.state().await?.store_bytes);

    say(&format!("{} comments, one after the other, written on B, seen on A and C", args.live));
    report.live = within(LONG, "live comments", live::measure(&b, &[&a, &c], args.live)).await??;
    settled(&[&a, &b, &c], SHORT).await?;

    say("A is killed without warning; a comment is written meanwhile; A comes back");
    let again = Start { listen: a.addresses().to_vec(), ..Start::default() };
    a.kill().await;
    live::post(&b, "A is away while this is written.").await?;
    let begun = Instant::now();
    let a = Node::start(folder, "a", &again).await?;
    report.restart = begun.elapsed();
    settled(&[&b, &c], SHORT).await?;
    settled(&[&a, &b, &c], SHORT).await?;
    report.caught_up = begun.elapsed();
    for node in [&a, &b, &c] {
        report.catalogs.push((node.name().to_owned(), node.flushed().await?));
    }
    report.write(out)?;
    for node in [a, b, c] {
        node.stop().await;
    }
    report.verdict()
}

async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| Failure::new(Exit::Failed, format!("{what} took more than {} s", limit.as_secs())))
}
