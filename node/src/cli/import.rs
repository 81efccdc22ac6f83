//! `tidings import`: comments in bulk.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::SinkExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::place::Place;
use crate::client::{Client, Need, open, pieces};
use crate::exit::{Exit, Failure};
use crate::http::Progress;
use crate::output::{Out, count, sanitise_line};

/// Bytes that are handed on together.
const PIECE: usize = 256 << 10;

/// Import comments from a file of JSON lines (also gzipped)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings import comments.jsonl\n  tidings import comments.jsonl.gz --test-keys\n\n\
    A row is {\"url\": …, \"author\": …, \"time\": milliseconds since 1970, \"text\": …}. Without author, you sign it; for rows\n\
    with one, nobody here can sign, so they are refused unless --test-keys makes keys for them that anyone can compute.\n\
    Bad rows are named by line number and left out; the rest is imported. Importing a file twice writes it twice.")]
pub(super) struct Args {
    /// The file; - is standard input
    file: PathBuf,
    /// Sign for the authors that rows name, with keys made of the names. For test data only: anyone can sign as them
    #[arg(long)]
    test_keys: bool,
    /// Show at most this many bad rows
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    show_bad: u64,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let input = Input::open(&args.file)?;
    let client = open(&place.made()?, &place.settings()?.config, Need::Write).await?;
    let begun = Instant::now();
    let result = send(&client, input, &args.file, args.test_keys, args.show_bad).await;
    client.close().await;
    let last = result?;
    let seconds = begun.elapsed().as_secs_f64();
    if out.is_json() {
        let complete = last.complete.unwrap_or_default();
        out.json(&json!({ "imported": last.imported, "bad": last.bad, "seconds": seconds, "complete": complete }))?;
    } else {
        let rate = count((last.imported as f64 / seconds.max(0.001)) as u64);
        out.line(format!("{} imported, {} bad, in {seconds:.1} s ({rate} a second)", count(last.imported), count(last.bad)))?;
    }
    match last.error {
        Some(error) => Err(Failure::new(Exit::Refused, sanitise_line(&error))
            .hint(format!("{} rows before that are in", count(last.imported)))),
        None => Ok(()),
    }
}

/// Imports a file of rows through the API, with a bar where a person looks.
pub(crate) async fn bring(client: &Client, file: &Path, test_keys: bool) -> Result<Progress, Failure> {
    send(client, Input::open(file)?, file, test_keys, 5).await
}

async fn send(client: &Client, input: Input, file: &Path, test_keys: bool, show_bad: u64) -> Result<Progress, Failure> {
    let bar = bar(input.length);
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let reader_bar = bar.clone();
    let reading = std::thread::spawn(move || read(input, sender, &reader_bar));
    let at = format!("/api/v1/import?test_keys={}", test_keys);
    let answer = client.upload(&at, "application/x-ndjson", Body::from_stream(receiver)).await?;
    let mut last = Progress::default();
    let mut rest = Vec::new();
    let mut shown = 0;
    let mut answer = pieces(answer.into_body());
    while let Some(piece) = answer.next().await {
        rest.extend_from_slice(&piece?);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let Ok(progress) = serde_json::from_slice::<Progress>(&line) else { continue };
            if let Some((line, why)) = &progress.row
                && shown < show_bad
            {
                shown += 1;
                bar.suspend(|| eprintln!("{}: line {line}: {}", file.display(), sanitise_line(why)));
            }
            bar.set_message(format!("{} comments", count(progress.imported)));
            last = progress;
        }
    }
    bar.finish_and_clear();
    if last.bad > shown {
        eprintln!("{}: {} more bad rows", file.display(), count(last.bad - shown));
    }
    // Ends by itself once nobody listens.
    let read = reading.join();
    match (last.complete, read) {
        (Some(_), _) => Ok(last),
        (None, Ok(Err(error))) => Err(Failure::io("read", file, &error)),
        _ => Err(Failure::new(Exit::Unreachable, "the node stopped before the import was done")
            .hint(format!("{} rows are in; importing the file again would write them twice", count(last.imported)))),
    }
}

/// What is imported.
struct Input {
    reader: Box<dyn Read + Send>,
    /// Bytes on the disk, if known: what the bar measures against.
    length: Option<u64>,
    /// How many of them were read.
    read: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Input {
    fn open(path: &Path) -> Result<Input, Failure> {
        let read = std::sync::Arc::default();
        if path == Path::new("-") {
            return Ok(Input { reader: Box::new(io::stdin()), length: None, read });
        }
        let failed = |error: io::Error| Failure::io("read", path, &error);
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if meta.is_dir() {
            return Err(Failure::new(Exit::Refused, format!("{} is a folder", path.display())));
        }
        let mut start = [0; 2];
        let is_gzip = file.read(&mut start).map_err(failed)? == 2 && start == [0x1f, 0x8b];
        // A pipe cannot be read again; whoever has one says - and unpacks it.
        file.rewind().map_err(failed)?;
        let counted = Counted { file, read: std::sync::Arc::clone(&read) };
        let reader: Box<dyn Read + Send> =
            if is_gzip { Box::new(MultiGzDecoder::new(BufReader::new(counted))) } else { Box::new(counted) };
        Ok(Input { reader, length: Some(meta.len()), read })
    }
}

struct Counted {
    file: std::fs::File,
    read: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.read.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(count)
    }
}

fn read(input: Input, mut sender: mpsc::Sender<io::Result<Bytes>>, bar: &ProgressBar) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(PIECE, input.reader);
    loop {
        let piece = match reader.fill_buf() {
            Ok(piece) => Bytes::copy_from_slice(piece),
            Err(error) => {
                // A broken stream tells the node that this was not the end.
                let _ = block_on(sender.send(Err(io::Error::new(error.kind(), error.to_string()))));
                return Err(error);
            }
        };
        let length = piece.len();
        if length == 0 || block_on(sender.send(Ok(piece))).is_err() {
            return Ok(());
        }
        reader.consume(length);
        bar.set_position(input.read.load(std::sync::atomic::Ordering::Relaxed));
    }
}

/// A bar where a person looks; nothing elsewhere.
fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{bar:30} {percent:>3} %  {msg}  {bytes_per_sec}  {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {bytes_per_sec}"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
