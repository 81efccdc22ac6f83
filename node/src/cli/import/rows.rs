//! Comments in bulk: files of JSON lines.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::SinkExt;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::block_on;
use indicatif::{ProgressBar, ProgressStyle};

use crate::client::{Client, pieces};
use crate::exit::{Exit, Failure};
use crate::http::Progress;
use crate::output::{count, sanitise_line};

/// Bytes that are handed on together.
const PIECE: usize = 256 << 10;

/// Imports a file of rows through the API, with a bar where a person looks.
pub(crate) async fn bring(client: &Client, file: &Path, test_keys: bool) -> Result<Progress, Failure> {
    send(client, Input::open(file)?, file, test_keys, 5).await
}

pub(super) async fn send(
    client: &Client,
    input: Input,
    file: &Path,
    test_keys: bool,
    show_bad: u64,
) -> Result<Progress, Failure> {
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
            .hint(format!("{} rows are in; import the file again for the rest", count(last.imported)))),
    }
}

/// What is imported.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    /// Bytes on the disk, if known: what the bar measures against.
    length: Option<u64>,
    /// How many of them were read.
    read: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Input, Failure> {
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
        Some(length) => (ProgressBar::new(length), "{bar:30} {percent:>3} %  {msg}  {bytes_per_sec}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {bytes_per_sec}"),
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
