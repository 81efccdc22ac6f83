//! `tidings export`: a topic, or everything, as a CAR file or as plain files.

use std::io::{BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use tidings_ledger::archive::ArchiveError;
use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::{RocksOptions, RocksStore};
use tidings_ledger::{Ledger, Options, TopicName};

use super::place::Place;
use crate::client::{Client, Need, open, path as api_path};
use crate::exit::{Exit, Failure};
use crate::output::{Out, bytes, count};

/// Write a topic, or everything, as a CAR file or as plain files
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings export lobby lobby.car           one file; ipfs dag import takes it, too\n  \
    tidings export lobby lobby/              plain files, as ipfs get makes them\n  tidings export --all everything.car"
)]
pub(super) struct Args {
    /// A page's address, a room, or a topic's id
    #[arg(value_name = "URL|ROOM", required_unless_present = "all")]
    topic: Option<String>,
    /// Where to: a new file that ends in .car, or a new folder
    #[arg(required_unless_present = "all")]
    to: Option<PathBuf>,
    /// All topics, into this file or folder
    #[arg(long, value_name = "PATH", conflicts_with_all = ["topic", "to"])]
    all: Option<PathBuf>,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let (at, to) = match (&args.all, &args.topic, &args.to) {
        (Some(to), _, _) => ("/api/v1/export".to_owned(), to),
        (None, Some(topic), Some(to)) => (api_path(&["api", "v1", "topics", topic, "export"]), to),
        _ => return Err(Failure::new(Exit::Usage, "say what to export, and where to")),
    };
    if std::fs::symlink_metadata(to).is_ok_and(|meta| !meta.is_dir()) {
        return Err(Failure::new(Exit::Refused, format!("{} is there already; it was left as it is", to.display())));
    }
    let client = open(&place.data()?, &place.settings()?.config, Need::Read).await?;
    let is_car = to.extension().is_some_and(|extension| extension == "car");
    let result = if is_car { car(&client, &at, to).await } else { folder(&client, &at, &args, to).await };
    client.close().await;
    let size = result?;
    if out.is_json() {
        return out.json(&json!({ "path": to, "bytes": size }));
    }
    out.line(format!("{} written: {}", to.display(), bytes(size)))
}

/// Writes beside the goal and renames, so that what is there is whole.
async fn car(client: &Client, at: &str, to: &Path) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| Failure::io("write", to, &error);
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".tidings-").tempfile_in(folder).map_err(failed)?;
    let size = download(client, at, file.as_file_mut()).await?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(to).map_err(|error| failed(error.error))?;
    Ok(size)
}

/// Unpacks through a ledger of its own, so that every file written was checked on the way.
async fn folder(client: &Client, at: &str, args: &Args, to: &Path) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("cannot write a temporary file: {error}"));
    let scratch = tempfile::tempdir().map_err(failed)?;
    let mut file = tempfile::tempfile_in(scratch.path()).map_err(failed)?;
    download(client, at, &mut file).await?;
    file.rewind().map_err(failed)?;
    let topic: Option<String> = match &args.topic {
        Some(topic) => {
            let told: crate::http::TopicView = client.get(&api_path(&["api", "v1", "topics", topic])).await?;
            told.name
        }
        None => None,
    };
    let store = RocksStore::open(scratch.path().join("ledger"), RocksOptions::default());
    let store = store.map_err(|error| Failure::new(Exit::Failed, error))?;
    let options = Options { mirror: true, ..Options::default() };
    let ledger = Ledger::offline(Arc::new(store), Arc::new(SystemClock), options);
    let ledger = ledger.map_err(|error| Failure::new(Exit::Failed, error))?;
    ledger.import_car(BufReader::with_capacity(256 << 10, file)).map_err(|error| of_archive(&error))?;
    let exported = match topic.as_deref().map(TopicName::from_canonical) {
        Some(Ok(name)) => ledger.topic(&name).export_folder(to),
        Some(Err(error)) => return Err(Failure::new(Exit::Failed, error)),
        None => ledger.export_folder(to),
    };
    let exported = exported.map_err(|error| of_archive(&error))?;
    eprintln!("{} entries, {} attached files", count(exported.entries), count(exported.attachments));
    Ok(exported.bytes)
}

async fn download(client: &Client, at: &str, file: &mut std::fs::File) -> Result<u64, Failure> {
    let mut size = 0;
    let mut pieces = client.stream(at).await?;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        file.write_all(&piece).map_err(|error| Failure::new(Exit::Failed, format!("cannot write: {error}")))?;
        size += piece.len() as u64;
    }
    Ok(size)
}

fn of_archive(error: &ArchiveError) -> Failure {
    let exit = match error {
        ArchiveError::Empty => Exit::NotFound,
        ArchiveError::NotEmpty(_) | ArchiveError::Car(_) => Exit::Refused,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}
