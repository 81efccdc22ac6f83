//! Entries that are signed already: from a CAR file or a folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use cid::Cid;
use serde_json::Value;
use tidings_ledger::admission::{Submission, admit};
use tidings_ledger::car::{CarReader, CarWriter};
use tidings_ledger::unixfs::{self, AddError};
use tokio_util::io::ReaderStream;

use crate::client::{Client, path as api_path};
use crate::exit::{Exit, Failure};
use crate::output::{Out, count, sanitise_line};

/// The codec of entry files and of small attached files.
const RAW: u64 = 0x55;

/// Blocks whose signatures are checked together.
const TOGETHER: usize = 1024;

/// Folders within folders that are looked into.
const DEEPEST: usize = 32;

pub(super) async fn run(client: &Client, path: &Path, show_bad: u64, out: &mut Out) -> Result<(), Failure> {
    let file = if path.is_dir() {
        packed(path)?
    } else {
        File::open(path).map_err(|error| Failure::io("read", path, &error))?
    };
    let mut topics = BTreeSet::new();
    let file = names(file, path, &mut topics)?;
    for topic in &topics {
        let _: Value = client.send_json(Method::PUT, &api_path(&["api", "v1", "topics", topic, "follow"]), &()).await?;
    }
    let body = Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 256 << 10));
    let answer = client.upload("/api/v1/import/car", "application/vnd.ipld.car", body).await?;
    let bytes = axum::body::to_bytes(answer.into_body(), 64 << 20).await;
    let report: Value = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let number = |key: &str| report[key].as_u64().unwrap_or_default();
    for problem in report["problems"].as_array().into_iter().flatten().take(show_bad as usize) {
        let text = |key: &str| sanitise_line(problem[key].as_str().unwrap_or_default());
        eprintln!("{}: {}", text("place"), text("what"));
    }
    if out.is_json() {
        out.json(&report)?;
    } else {
        let (new, known, refused) = (count(number("new")), count(number("known")), count(number("refused")));
        out.line(format!("{new} new, {known} known, {refused} refused; {} topics followed", topics.len()))?;
    }
    if number("new") + number("known") == 0 {
        return Err(Failure::new(Exit::Refused, format!("{} holds no entry that could be taken in", path.display())));
    }
    Ok(())
}

/// The names of the topics that entries of the CAR belong to. A first entry of an author tells it, under signature.
fn names(mut file: File, path: &Path, topics: &mut BTreeSet<String>) -> Result<File, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::new(Exit::Refused, format!("{}: {error}", path.display()));
    let mut reader = CarReader::new(BufReader::with_capacity(256 << 10, &file)).map_err(|error| refused(&error))?;
    let mut waiting: Vec<Submission> = Vec::new();
    let mut check = |waiting: &mut Vec<Submission>| {
        for entry in admit(waiting).into_iter().flatten() {
            topics.extend(entry.header().topic_name.clone());
        }
        waiting.clear();
    };
    while let Some((cid, file)) = reader.next_block().map_err(|error| refused(&error))? {
        if cid.codec() == RAW {
            waiting.push(Submission { file, topic: None });
        }
        if waiting.len() >= TOGETHER {
            check(&mut waiting);
        }
    }
    check(&mut waiting);
    file.rewind().map_err(|error| Failure::io("read", path, &error))?;
    Ok(file)
}

/// A folder's files as a CAR in a temporary file.
fn packed(folder: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Failed, format!("cannot write a temporary file: {error}"));
    let file = tempfile::tempfile().map_err(failed)?;
    // No root stands for a loose set of files; the empty block's CID only fills the place that the format demands.
    let added = unixfs::add(io::empty(), |_, _| Ok::<(), io::Error>(()));
    let root = added.map_err(|error| Failure::new(Exit::Failed, error))?.cid;
    let mut car = CarWriter::new(BufWriter::with_capacity(256 << 10, &file), &[root]).map_err(failed)?;
    pack(folder, 0, &mut car)?;
    let mut writer = car.finish().map_err(failed)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    let mut file = file;
    file.rewind().map_err(failed)?;
    Ok(file)
}

fn pack<W: Write>(folder: &Path, depth: usize, car: &mut CarWriter<W>) -> Result<(), Failure> {
    if depth > DEEPEST {
        return Err(Failure::new(Exit::Refused, format!("{}: folders within folders beyond reason", folder.display())));
    }
    let failed = |error: io::Error| Failure::io("read", folder, &error);
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        let (path, kind) = (item.path(), item.file_type().map_err(failed)?);
        if kind.is_dir() {
            pack(&path, depth + 1, car)?;
        } else if kind.is_file() {
            let file = File::open(&path).map_err(|error| Failure::io("read", &path, &error))?;
            let write = |cid: Cid, bytes: Bytes| car.write(&cid, &bytes);
            unixfs::add(BufReader::new(file), write).map_err(|error| match error {
                AddError::Read(error) => Failure::io("read", &path, &error),
                other => Failure::new(Exit::Failed, other),
            })?;
        }
    }
    Ok(())
}
