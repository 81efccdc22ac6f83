//! A node driven by lines on stdin, for trying it by hand and against other implementations.
//!
//! `cargo run -p tidings-transport-ipfs --example line_node -- ['listen = ["/ip4/127.0.0.1/tcp/0"]']`
//!
//! Commands, one a line; each is answered by one JSON object on stdout:
//! `id` | `peers` | `connect ADDRESS` | `put HEX` | `block CID [PEER]` | `file BYTES` (makes a UnixFS file) |
//! `folder COUNT BYTES` (makes a folder of small files) | `walk CID [PEER]` (fetches all below) | `sub CHANNEL` |
//! `unsub CHANNEL` | `pubhex CHANNEL HEX` | `provide CID` | `status` | `quit`

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use futures::StreamExt;
use multihash::Multihash;
use parking_lot::RwLock;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::{Blocks, Broadcast, Event, Fetch, Peer, Verdict, Want};
use tidings_transport_ipfs::{Config, Identity, IpfsTransport};
use tokio::sync::mpsc;

const RAW: u64 = 0x55;
const DAG_PB: u64 = 0x70;
const CHUNK: usize = 1024 * 1024;
/// Links of one node of a file.
const FAN_OUT: usize = 174;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let config: Config = toml::from_str(&std::env::args().nth(1).unwrap_or_default())?;
    let held = Arc::new(Held::default());
    let node = IpfsTransport::start(config, Identity::generate(), held.clone()).await?;
    say(&json!({"event": "ready", "impl": "tidings", "peer_id": node.peer().as_str(), "addrs": node.addresses()}));
    tokio::spawn(report(node.clone()));
    let mut lines = read_lines();
    let mut number = 0;
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((command, args)) = words.split_first() else {
            continue;
        };
        if *command == "quit" {
            break;
        }
        number += 1;
        let began = Instant::now();
        let mut answer = match obey(&node, &held, command, args).await {
            Ok(Value::Object(mut fields)) => {
                fields.insert("ok".into(), true.into());
                fields
            }
            Ok(_) => serde_json::Map::from_iter([("ok".into(), true.into())]),
            Err(error) => {
                serde_json::Map::from_iter([("ok".into(), false.into()), ("error".into(), error.to_string().into())])
            }
        };
        answer.insert("id".into(), number.into());
        answer.insert("cmd".into(), (*command).into());
        answer.insert("seconds".into(), began.elapsed().as_secs_f64().into());
        say(&Value::Object(answer));
    }
    node.shutdown().await;
    say(&json!({"event": "bye"}));
    Ok(())
}

/// The lines of stdin; a thread reads them, at most a few ahead.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

async fn obey(node: &Arc<IpfsTransport>, held: &Arc<Held>, command: &str, args: &[&str]) -> Result<Value, Failure> {
    let arg = |n: usize| args.get(n).copied().ok_or("an argument is missing");
    Ok(match command {
        "id" => json!({"peer_id": node.peer().as_str(), "addrs": node.addresses()}),
        "peers" => json!({"peers": node.status().peers.iter().map(|p| p.peer_id.clone()).collect::<Vec<_>>()}),
        "status" => json!({"status": node.status()}),
        "connect" => json!({"peer": node.dial(arg(0)?).await?.as_str()}),
        "put" => {
            let cid = held.put(RAW, HEXLOWER_PERMISSIVE.decode(arg(0)?.as_bytes())?);
            json!({"cid": cid.to_string()})
        }
        "file" => json!({"cid": held.file(arg(0)?.parse()?).to_string()}),
        "folder" => json!({"cid": held.folder(arg(0)?.parse()?, arg(1)?.parse()?).to_string()}),
        "block" => {
            let found = fetch(node, vec![arg(0)?.parse()?], args.get(1)).await?;
            json!({"hex": HEXLOWER.encode(&found.into_iter().next().ok_or("no answer")?.1)})
        }
        "walk" => walk(node, held, arg(0)?.parse()?, args.get(1)).await?,
        "sub" => {
            node.join(arg(0)?.parse()?);
            Value::Null
        }
        "unsub" => {
            node.leave(arg(0)?.parse()?);
            Value::Null
        }
        "pubhex" => {
            node.publish(arg(0)?.parse()?, HEXLOWER_PERMISSIVE.decode(arg(1)?.as_bytes())?.into())?;
            Value::Null
        }
        "provide" => {
            node.provide(vec![arg(0)?.parse()?]);
            Value::Null
        }
        _ => return Err(format!("unknown command {command}").into()),
    })
}

/// Prints announcements, and accepts them all.
async fn report(node: Arc<IpfsTransport>) {
    let mut events = node.events();
    while let Some(event) = events.next().await {
        if let Event::Message { channel, from, id, data } = event {
            let (topic, data) = (channel.to_string(), BASE64.encode(&data));
            say(&json!({"event": "msg", "topic": topic, "from": from.as_str(), "data": data}));
            node.judge(id, Verdict::Accept);
        }
    }
}

/// Fetches a whole tree, level by level.
async fn walk(node: &Arc<IpfsTransport>, held: &Held, root: Cid, peer: Option<&&str>) -> Result<Value, Failure> {
    let (mut level, mut blocks, mut bytes, mut rounds) = (vec![root], 0, 0, 0);
    while !level.is_empty() {
        let found = fetch(node, level, peer).await?;
        level = Vec::new();
        rounds += 1;
        for (cid, data) in found {
            (blocks, bytes) = (blocks + 1, bytes + data.len());
            if cid.codec() == DAG_PB {
                level.extend(links(&data).ok_or("a malformed node")?);
            }
            held.0.write().insert(cid, data);
        }
        level.sort();
        level.dedup();
        level.retain(|cid| !held.0.read().contains_key(cid));
    }
    Ok(json!({"blocks": blocks, "bytes": bytes, "rounds": rounds}))
}

async fn fetch(node: &Arc<IpfsTransport>, cids: Vec<Cid>, peer: Option<&&str>) -> Result<Vec<(Cid, Bytes)>, Failure> {
    let ask_first = peer.map(|peer| Peer::new(*peer)).into_iter().collect();
    let mut answers = node.fetch(Want { cids, ask_first, patience: Duration::from_secs(10) });
    let mut found = Vec::new();
    while let Some(group) = answers.next().await {
        for answer in group {
            found.push((answer.cid, answer.result.map_err(|error| format!("{}: {error}", answer.cid))?.bytes));
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Held(RwLock<HashMap<Cid, Bytes>>);

impl Blocks for Held {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.read().get(cid).cloned())
    }
}

impl Held {
    fn put(&self, codec: u64, data: Vec<u8>) -> Cid {
        let hash = Multihash::wrap(0x12, &Sha256::digest(&data)).unwrap_or_default();
        let cid = Cid::new_v1(codec, hash);
        self.0.write().insert(cid, data.into());
        cid
    }

    /// A file of that many bytes, in raw chunks under as many levels of nodes as it takes.
    fn file(&self, len: usize) -> Cid {
        let mut level: Vec<(Cid, usize)> = (0..len.max(1).div_ceil(CHUNK))
            .map(|n| {
                let mut chunk = vec![(n % 251) as u8; CHUNK.min(len - n * CHUNK)];
                let stamp = chunk.len().min(8);
                chunk[..stamp].copy_from_slice(&n.to_be_bytes()[..stamp]);
                let len = chunk.len();
                (self.put(RAW, chunk), len)
            })
            .collect();
        while level.len() > 1 {
            level = level.chunks(FAN_OUT).map(|children| self.file_node(children)).collect();
        }
        level[0].0
    }

    fn file_node(&self, children: &[(Cid, usize)]) -> (Cid, usize) {
        let total = children.iter().map(|(_, len)| len).sum();
        let mut unixfs = vec![0x08, 0x02];
        number(0x18, total as u64, &mut unixfs);
        for (_, len) in children {
            number(0x20, *len as u64, &mut unixfs);
        }
        let mut node = Vec::new();
        for (cid, len) in children {
            link(cid, "", *len, &mut node);
        }
        bytes_field(0x0a, &unixfs, &mut node);
        (self.put(DAG_PB, node), total)
    }

    /// A flat folder.
    fn folder(&self, count: usize, len: usize) -> Cid {
        let mut node = Vec::new();
        for n in 0..count {
            let mut data = vec![0x5a; len.max(8)];
            data[..8].copy_from_slice(&n.to_be_bytes());
            link(&self.put(RAW, data), &format!("{n:08}"), len, &mut node);
        }
        bytes_field(0x0a, &[0x08, 0x01], &mut node);
        self.put(DAG_PB, node)
    }
}

fn link(cid: &Cid, name: &str, size: usize, node: &mut Vec<u8>) {
    let mut out = Vec::new();
    bytes_field(0x0a, &cid.to_bytes(), &mut out);
    bytes_field(0x12, name.as_bytes(), &mut out);
    number(0x18, size as u64, &mut out);
    bytes_field(0x12, &out, node);
}

fn bytes_field(tag: u8, data: &[u8], out: &mut Vec<u8>) {
    number(tag, data.len() as u64, out);
    out.extend(data);
}

fn number(tag: u8, mut value: u64, out: &mut Vec<u8>) {
    out.push(tag);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The CIDs that a dag-pb node links to.
fn links(mut node: &[u8]) -> Option<Vec<Cid>> {
    let mut found = Vec::new();
    while let Some((tag, field)) = next_field(&mut node)? {
        let mut field = field;
        while let (0x12, Some((tag, value))) = (tag, next_field(&mut field)?) {
            if tag == 0x0a {
                found.push(Cid::try_from(value).ok()?);
            }
        }
    }
    Some(found)
}

#[allow(clippy::type_complexity)] // Outer: malformed; inner: the end.
fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<Option<(u8, &'a [u8])>> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Some(None);
    };
    *bytes = rest;
    let mut value = 0usize;
    for shift in 0..5 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            if tag & 7 == 0 {
                return Some(Some((*tag, &[])));
            }
            let (data, rest) = bytes.split_at_checked(value)?;
            *bytes = rest;
            return Some(Some((*tag, data)));
        }
    }
    None
}

fn say(value: &Value) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the next read of stdin ends the program.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
