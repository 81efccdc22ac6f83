//! How fast announcements and blocks move between two processes on loopback.
//!
//! `cargo run -p tidings-transport-ipfs --example throughput` starts itself a second time as the other side and prints
//! a table. Optional: the number of small blocks (default 100000) and the transport (`tcp`, `quic`, `ws`).

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use multihash::Multihash;
use sha2::{Digest, Sha256};
use tidings_ledger::store::StoreError;
use tidings_ledger::topic::TopicId;
use tidings_ledger::transport::{Blocks, Broadcast, Channel, Event, Fetch, Peer, Verdict, Want};
use tidings_transport_ipfs::{Config, Identity, IpfsTransport, KadMode};

const SMALL: usize = 400;
const LARGE: usize = 1024 * 1024;
const LARGE_COUNT: usize = 256;
const ROUNDS: usize = 2000;

struct Held(HashMap<Cid, Bytes>);

impl Blocks for Held {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(cid).cloned())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("--serve") {
        let count = args.next().ok_or("count")?.parse()?;
        return serve(count, args.next().ok_or("transport")?.as_str()).await;
    }
    let count = first.map_or(Ok(100_000), |text| text.parse())?;
    let transport = args.next().unwrap_or_else(|| "tcp".to_owned());
    let mut child = Server(
        Command::new(std::env::current_exe()?)
            .args(["--serve", &count.to_string(), &transport])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut address = String::new();
    BufReader::new(child.0.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    measure(count, &transport, address.trim()).await
}

/// Ends the other process when this one ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other side: serves blocks and echoes announcements.
async fn serve(count: usize, transport: &str) -> Result<(), Box<dyn Error>> {
    let held: HashMap<Cid, Bytes> = small(count).chain(large()).map(|block| (cid_of(&block), block)).collect();
    let node = IpfsTransport::start(config(transport)?, Identity::generate(), Arc::new(Held(held))).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", node.addresses()[0])?;
    out.flush()?;
    node.join(channel(1));
    let mut events = node.events();
    while let Some(event) = events.next().await {
        if let Event::Message { id, data, .. } = event {
            node.publish(channel(2), data)?;
            node.judge(id, Verdict::Accept);
        }
    }
    Ok(())
}

async fn measure(count: usize, transport: &str, address: &str) -> Result<(), Box<dyn Error>> {
    let node = IpfsTransport::start(config(transport)?, Identity::generate(), Arc::new(Held(HashMap::new()))).await?;
    let mut events = node.events();
    node.join(channel(2));
    let peer = node.dial(address).await?;
    while !matches!(events.next().await, Some(Event::Subscribed { channel: c, .. }) if c == channel(1)) {}

    let mut trips = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let sent = Instant::now();
        let mut message = vec![0u8; 600];
        message[..8].copy_from_slice(&(round as u64).to_be_bytes());
        node.publish(channel(1), message.into())?;
        loop {
            if let Some(Event::Message { id, .. }) = events.next().await {
                trips.push(sent.elapsed());
                node.judge(id, Verdict::Accept);
                break;
            }
        }
    }
    trips.sort();
    println!(
        "{transport}: announcement there and back, 600 bytes: p50 {:?}, p99 {:?}",
        trips[ROUNDS / 2],
        trips[ROUNDS * 99 / 100]
    );

    let cids: Vec<Cid> = small(count).map(|block| cid_of(&block)).collect();
    let hashing = Instant::now();
    let _: usize = small(count).map(|block| cid_of(&block).encoded_len()).sum();
    let hashing = hashing.elapsed();
    let took = fetch(&node, cids, &peer).await?;
    println!(
        "{transport}: {count} blocks of {SMALL} bytes: {took:?}, {:.0} blocks/s ({:.0} ns each; hashing alone {:.0} ns)",
        count as f64 / took.as_secs_f64(),
        took.as_nanos() as f64 / count as f64,
        hashing.as_nanos() as f64 / count as f64,
    );
    let mut single = Vec::new();
    for cid in small(500).map(|block| cid_of(&block)) {
        let began = Instant::now();
        fetch(&node, vec![cid], &peer).await?;
        single.push(began.elapsed());
    }
    single.sort();
    println!("{transport}: one block of {SMALL} bytes alone: p50 {:?}, p99 {:?}", single[250], single[495]);
    let mut single = Vec::new();
    for cid in large().take(50).map(|block| cid_of(&block)) {
        let began = Instant::now();
        fetch(&node, vec![cid], &peer).await?;
        single.push(began.elapsed());
    }
    single.sort();
    println!("{transport}: one block of 1 MiB alone: p50 {:?}", single[25]);
    let cids: Vec<Cid> = large().map(|block| cid_of(&block)).collect();
    let took = fetch(&node, cids, &peer).await?;
    println!("{transport}: 256 MiB in blocks of 1 MiB: {took:?}, {:.0} MiB/s", 256.0 / took.as_secs_f64());
    let counters = node.status().counters;
    println!("{transport}: duplicates {}, unasked {}", counters.blocks_duplicate, counters.blocks_unasked);
    node.shutdown().await;
    Ok(())
}

async fn fetch(node: &Arc<IpfsTransport>, cids: Vec<Cid>, peer: &Peer) -> Result<Duration, Box<dyn Error>> {
    let (began, count) = (Instant::now(), cids.len());
    let mut stream = node.fetch(Want { cids, ask_first: vec![peer.clone()], patience: Duration::from_secs(10) });
    let mut got = 0;
    while let Some(group) = stream.next().await {
        for answer in group {
            answer.result?;
            got += 1;
        }
    }
    assert_eq!(got, count);
    Ok(began.elapsed())
}

fn config(transport: &str) -> Result<Config, Box<dyn Error>> {
    let listen = match transport {
        "tcp" => "/ip4/127.0.0.1/tcp/0",
        "quic" => "/ip4/127.0.0.1/udp/0/quic-v1",
        "ws" => "/ip4/127.0.0.1/tcp/0/ws",
        _ => return Err("tcp, quic or ws".into()),
    };
    Ok(Config { listen: vec![listen.parse()?], kad: KadMode::Off, nat: false, ..Config::default() })
}

fn small(count: usize) -> impl Iterator<Item = Bytes> {
    (0..count).map(|n| numbered(n, SMALL))
}

fn large() -> impl Iterator<Item = Bytes> {
    (0..LARGE_COUNT).map(|n| numbered(n, LARGE))
}

fn numbered(n: usize, len: usize) -> Bytes {
    let mut data = vec![0x5a; len];
    data[..8].copy_from_slice(&(n as u64).to_be_bytes());
    data.into()
}

fn cid_of(data: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(data)).unwrap_or_default())
}

fn channel(n: u8) -> Channel {
    Channel::new(TopicId::from_bytes([n; 32]))
}
