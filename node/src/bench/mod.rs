//! `tidings bench`: how fast it is, beside what this machine can do at most.
//!
//! Each figure stands beside a limit measured in the same run: signing and checking signatures are what no ledger of
//! signed entries can do without, so ratios to them mean the same on every machine.

mod append;
mod join;
mod limits;
mod live;
mod report;
mod tail;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::demo::rows;
use crate::exit::{Exit, Failure};
use crate::output::Out;
use limits::Limits;
use report::Table;

/// Measure speed, size and latency, each beside the limit of this machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings bench\n  tidings bench --only append --json\n  tidings bench --growth 1000000        takes minutes and gigabytes\n\n\
    Everything is in a temporary folder and on loopback. Figures are of this run on this\n\
    machine, with whatever else it is doing; the ratios are what to compare."
)]
pub(crate) struct Args {
    /// Comments to measure with; else the demo's
    #[arg(long, value_name = "FILE")]
    comments: Option<PathBuf>,
    /// Only this part; may be repeated
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Entries in the store at which growth is measured, against 10,000
    #[arg(long, default_value_t = 100_000, value_name = "COUNT")]
    growth: u64,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Appending, one by one and in bulk; bytes on the disk.
    Append,
    /// Appending and starting with many entries in the store.
    Growth,
    /// A new node joins.
    Join,
    /// A node that was away catches up.
    Tail,
    /// News, its latency and its rate.
    Live,
}

pub(crate) async fn run(args: Args, out: &mut Out) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("tidings-bench-").tempdir();
    let folder =
        folder.map_err(|error| Failure::new(Exit::Failed, format!("cannot make a temporary folder: {error}")))?;
    let rows = rows(args.comments.as_deref(), None, folder.path())?;
    let comments = join::read(&rows.path)?;
    let wanted = |part: Part| args.only.is_empty() || args.only.contains(&part);
    let mut table = Table::new(out);
    table.say("measuring what this machine can do at most")?;
    let limits = Limits::measure();
    table.limits(&limits)?;
    if wanted(Part::Append) {
        table.say("appending")?;
        append::measure(&comments, &limits, folder.path(), &mut table).await?;
    }
    if wanted(Part::Growth) {
        table.say(&format!("appending with {} entries in the store", args.growth))?;
        append::growth(args.growth, folder.path(), &mut table).await?;
    }
    if wanted(Part::Join) {
        table.say("joining")?;
        join::cold(&comments, &rows, &limits, folder.path(), &mut table).await?;
    }
    if wanted(Part::Tail) {
        table.say("catching up")?;
        tail::measure(&comments, folder.path(), &mut table).await?;
    }
    if wanted(Part::Live) {
        table.say("live")?;
        live::measure(&comments, folder.path(), &mut table).await?;
    }
    table.end()
}
