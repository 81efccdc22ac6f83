//! The comments that are imported: a file's, or made up.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::json;

use crate::exit::{Exit, Failure};

/// Where the real comments lie beside a checkout.
const BESIDE: &str = "shared/data/comments.jsonl.gz";

/// Made-up comments: enough for trees of several levels, few enough for an impatient look.
const MADE_UP: u64 = 5000;
const MADE_UP_TOPICS: u64 = 200;

/// A file of rows that are ready to be imported.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) path: PathBuf,
    pub(crate) count: u64,
    pub(crate) topics: usize,
    pub(crate) text_bytes: u64,
    pub(crate) made_up: bool,
}

#[derive(Deserialize)]
struct Row {
    url: String,
    text: String,
}

/// Picks the rows and writes them into `folder`, so that what is measured is not the unpacking.
pub(crate) fn rows(given: Option<&Path>, most_topics: Option<usize>, folder: &Path) -> Result<Rows, Failure> {
    let path = folder.join("rows.jsonl");
    let source = match given {
        Some(file) => Some(file.to_owned()),
        None => beside(),
    };
    let failed = |error: std::io::Error| Failure::io("write", &path, &error);
    let mut out = BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
    let made_up = source.is_none();
    let mut rows = Rows { path: path.clone(), count: 0, topics: 0, text_bytes: 0, made_up };
    match source {
        Some(file) => copy(&file, most_topics.unwrap_or(usize::MAX), &mut out, &mut rows)?,
        None => make_up(&mut out, &mut rows).map_err(failed)?,
    }
    out.flush().map_err(failed)?;
    if rows.count == 0 {
        return Err(Failure::new(Exit::Refused, "there are no comments in the file"));
    }
    Ok(rows)
}

/// The real comments, in this folder's parents or those of the program.
fn beside() -> Option<PathBuf> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let mut folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders.find_map(|folder| Some(folder.join(BESIDE)).filter(|file| file.is_file()))
}

fn copy(file: &Path, most: usize, out: &mut impl Write, rows: &mut Rows) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io("read", file, &error);
    let opened = std::fs::File::open(file).map_err(failed)?;
    let is_gzip = file.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(opened)) } else { Box::new(opened) };
    let mut topics = HashSet::new();
    for (at, line) in BufReader::with_capacity(1 << 20, reader).lines().enumerate() {
        let line = line.map_err(failed)?;
        let row: Row = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Exit::Refused, format!("{}: line {}: {error}", file.display(), at + 1)))?;
        if !topics.contains(&row.url) {
            if topics.len() >= most {
                continue;
            }
            topics.insert(row.url);
        }
        rows.count += 1;
        rows.text_bytes += row.text.len() as u64;
        out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(failed)?;
    }
    rows.topics = topics.len();
    Ok(())
}

/// Comments of plausible length by some hundred people on some hundred pages; the same at every run.
fn make_up(out: &mut impl Write, rows: &mut Rows) -> std::io::Result<()> {
    const WORDS: [&str; 12] =
        ["well", "said", "but", "the", "figure", "on", "page", "two", "is", "not", "mine", "though"];
    let mut state = 1u64;
    let mut next = |below: u64| {
        // Knuth's MMIX generator: any will do that is the same everywhere.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for number in 0..MADE_UP {
        let length = 4 + next(80);
        let text: Vec<&str> = (0..length).map(|_| WORDS[next(WORDS.len() as u64) as usize]).collect();
        let text = text.join(" ");
        let url = format!("https://example.org/article/{}", next(MADE_UP_TOPICS));
        let row = json!({ "url": url, "author": format!("person {}", next(300)), "time": 1_700_000_000_000 + number * 60_000, "text": text });
        writeln!(out, "{row}")?;
        rows.count += 1;
        rows.text_bytes += text.len() as u64;
    }
    rows.topics = MADE_UP_TOPICS as usize;
    Ok(())
}
