//! Finding the running node, or opening the folder.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::{Client, Way};
use crate::config::Config;
use crate::engine::{Beacon, Engine};
use crate::exit::{Exit, Failure};
use crate::http::{Setting, Shared, router};
use crate::keys;

/// How long a node on this machine may take to say that it is there.
const PROBE: Duration = Duration::from_secs(2);

/// How long a folder may be locked while no node answers: one that is starting or stopping.
const LOCKED: Duration = Duration::from_secs(5);

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To read what is there.
    Read,
    /// To sign and write.
    Write,
    /// A running node, because it is about the network or about what happens live.
    Node,
}

/// The running node of the data folder, or the folder itself.
pub(crate) async fn open(data: &Path, config: &Config, need: Need) -> Result<Client, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(client) = running(data).await? {
            return Ok(client);
        }
        if need == Need::Node {
            return Err(Failure::new(Exit::Unreachable, format!("no node is running on {}", data.display()))
                .hint("start one in another terminal: tidings serve"));
        }
        match folder(data, config, need) {
            Err(failure)
                if failure.exit == Exit::Folder && failure.message.contains("in use") && begun.elapsed() < LOCKED =>
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            other => return other,
        }
    }
}

async fn running(data: &Path) -> Result<Option<Client>, Failure> {
    let Some(beacon) = Beacon::read(data) else { return Ok(None) };
    let http = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(PROBE)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot make an HTTP client: {error}")))?;
    let answer = http.get(format!("{}/healthz", beacon.url)).timeout(PROBE).send().await;
    let Ok(answer) = answer else { return Ok(None) };
    let told: Option<Value> = answer.json().await.ok();
    if told.is_none_or(|told| told["instance"] != beacon.instance.as_str()) {
        return Ok(None);
    }
    let token = keys::token(data)?;
    Ok(Some(Client { way: Way::Node { http, url: beacon.url }, token }))
}

fn folder(data: &Path, config: &Config, need: Need) -> Result<Client, Failure> {
    if need == Need::Read && !data.join("ledger").exists() {
        return Err(Failure::new(Exit::NotFound, format!("there is no ledger at {} yet", data.display()))
            .hint("write something (tidings post lobby 'Hello'), or start a node (tidings serve)"));
    }
    let author = if need == Need::Write { Some(own_key(data)?) } else { None };
    let engine = Engine::offline(data, config, author)?;
    let token = keys::token(data)?;
    let (_, stopping) = watch::channel(false);
    let setting = Setting { engine: engine.clone(), config, token: token.clone(), instance: String::new(), stopping };
    let app = Shared::new(setting);
    Ok(Client { way: Way::Folder { router: router(app), engine }, token })
}

/// The author's key; made at the first need.
pub(crate) fn own_key(data: &Path) -> Result<tidings_ledger::AuthorKey, Failure> {
    let path = keys::key_file(data);
    if path.exists() {
        return keys::load(&path);
    }
    let key = keys::create(&path, None)?;
    eprintln!("A new author key was made: you are {}. Keep a copy of {}.", key.author(), path.display());
    Ok(key)
}
