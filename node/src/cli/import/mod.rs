//! `tidings import`: comments in bulk, exported topics, folders of entry files.

mod archive;
mod rows;

pub(crate) use rows::bring;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::place::Place;
use crate::client::{Client, Need, open};
use crate::exit::{Exit, Failure};
use crate::output::{Out, count, sanitise_line};

/// Import comments: JSON lines (also gzipped), a CAR file, or a folder of entry files
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings import comments.jsonl\n  tidings import comments.jsonl.gz --test-keys\n  \
    tidings import lobby.car\n  tidings import folder-from-ipfs-get/\n\n\
    A row is {\"url\": …, \"author\": …, \"time\": milliseconds since 1970, \"text\": …}. Without\n\
    author, you sign it; for rows with one, nobody here can sign, so they are refused unless\n\
    --test-keys makes keys for them that anyone can compute. Bad rows are named by line number\n\
    and left out; the rest is imported. A row with a time that is here already, by the same\n\
    author and with the same text, is counted and not written again, so an import that was\n\
    cut off can be run again.\n\n\
    CAR files and folders hold entries that are signed already: importing them again changes\n\
    nothing, and their topics are followed from then on."
)]
pub(super) struct Args {
    /// The file or folder; - is rows on standard input
    path: PathBuf,
    /// Sign for the authors that rows name, with keys made of the names. For test data only: anyone can sign as them
    #[arg(long)]
    test_keys: bool,
    /// Show at most this many bad rows or files
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    show_bad: u64,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let is_archive = args.path.is_dir() || args.path.extension().is_some_and(|extension| extension == "car");
    if is_archive {
        let client = open(&place.made()?, &place.settings()?.config, Need::Write).await?;
        let result = archive::run(&client, &args.path, args.show_bad, out).await;
        client.close().await;
        return result;
    }
    let input = rows::Input::open(&args.path)?;
    let client = open(&place.made()?, &place.settings()?.config, Need::Write).await?;
    let result = import_rows(&client, input, &args, out).await;
    client.close().await;
    result
}

async fn import_rows(client: &Client, input: rows::Input, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let begun = Instant::now();
    let last = rows::send(client, input, &args.path, args.test_keys, args.show_bad).await?;
    let seconds = begun.elapsed().as_secs_f64();
    if out.is_json() {
        let complete = last.complete.unwrap_or_default();
        out.json(&json!({ "imported": last.imported, "known": last.known, "bad": last.bad, "seconds": seconds, "complete": complete }))?;
    } else {
        let rate = count((last.imported as f64 / seconds.max(0.001)) as u64);
        let known = if last.known > 0 { format!("{} here already, ", count(last.known)) } else { String::new() };
        out.line(format!(
            "{} imported, {known}{} bad, in {seconds:.1} s ({rate} a second)",
            count(last.imported),
            count(last.bad)
        ))?;
    }
    match last.error {
        Some(error) => Err(Failure::new(Exit::Refused, sanitise_line(&error))
            .hint(format!("{} rows before that are in", count(last.imported)))),
        None => Ok(()),
    }
}
