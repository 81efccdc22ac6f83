//! Who moves blocks how fast: a table of pairs, in one run, on loopback, a process a side.
//!
//! `cargo run -p tidings-interop --bin throughput`
//!
//! The same two graphs everywhere: a folder of 10,000 files of 400 bytes (in 100 folders, each file one block), and one file
//! of 256 MiB (in chunks of 1 MiB). Kubo and Helia fetch by pinning recursively, which is what their users do; ours walks
//! the graph level by level, which is what a pull does. Kubo writes to its repository; Helia and ours keep the blocks in
//! memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use tempfile::{TempDir, tempdir};
use tidings_interop::{KuboDaemon, Lines, Peer, plain, runtime};
use tidings_ledger::car::CarReader;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::{Blocks, Fetch, Peer as Name, Want};
use tidings_ledger::unixfs::child_cids;
use tidings_transport_ipfs::{Identity, IpfsTransport};

const FOLDERS: usize = 100;
const FILES: usize = 100;
const SMALL: usize = 400;
const LARGE: usize = 256 << 20;
/// Helia's turns take minutes, and are measured once.
const THRICE: usize = 3;

fn main() {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--serve") => return serve(args),
        Some("--walk") => return walked(args),
        _ => {}
    }
    let graphs = Graphs::make();
    let mut table = Table::begin();
    let (ours, kubo) = (Server::start(&graphs), &graphs.kubo);
    table.row("Tidings", "Tidings", graphs.each(THRICE, |root| walk(&ours.address, root)));
    table.row("Tidings", "Kubo", graphs.each(THRICE, |root| walk(kubo.address(), root)));
    let helia = Lines::helia();
    let added = graphs.added_by(&helia);
    table.row("Tidings", "Helia", added.and_then(|()| graphs.each(THRICE, |root| walk(helia.address(), root))));
    drop(helia);
    table.row("Kubo", "Tidings", graphs.each(THRICE, |root| pin(&KuboDaemon::start(), &ours.address, root)));
    table.row("Kubo", "Kubo", graphs.each(THRICE, |root| pin(&KuboDaemon::start(), kubo.address(), root)));
    table.row("Helia", "Tidings", graphs.each(1, |root| pin(&Lines::helia(), &ours.address, root)));
    table.row("Helia", "Kubo", graphs.each(1, |root| pin(&Lines::helia(), kubo.address(), root)));
    table.end();
}

/// What was measured, printed as it comes.
struct Table {
    /// Blocks and bytes a second of the first row.
    ours: [f64; 2],
    fastest: bool,
    complete: bool,
}

impl Table {
    fn begin() -> Table {
        println!("| fetches | from | 10,000 blocks of 400 bytes | one file of 256 MiB |\n|---|---|---|---|");
        Table { ours: [0.0; 2], fastest: true, complete: true }
    }

    fn row(&mut self, fetcher: &str, server: &str, took: Result<[Duration; 2], String>) {
        let took = match took {
            Ok(took) => took,
            Err(why) => {
                self.complete = false;
                return println!("| {fetcher} | {server} | did not finish: {why} | |");
            }
        };
        let blocks = (FOLDERS * FILES) as f64 / took[0].as_secs_f64();
        let rate = blocks * SMALL as f64 / 1e6;
        let large = LARGE as f64 / 1e6 / took[1].as_secs_f64();
        println!("| {fetcher} | {server} | {blocks:.0} blocks/s, {rate:.1} MB/s | {large:.0} MB/s |");
        if self.ours == [0.0; 2] {
            self.ours = [blocks, large];
        } else {
            self.fastest &= blocks < self.ours[0] && large < self.ours[1];
        }
    }

    fn end(self) {
        let verdict = if self.fastest { "is the fastest on both" } else { "is NOT the fastest on both" };
        println!("\nTidings from Tidings {verdict}.");
        std::process::exit(i32::from(!self.complete));
    }
}

/// The two graphs, as CAR files and in a Kubo.
struct Graphs {
    kubo: KuboDaemon,
    roots: [Cid; 2],
    place: TempDir,
}

impl Graphs {
    fn make() -> Graphs {
        let (kubo, place) = (KuboDaemon::start(), tempdir().expect("a temporary folder"));
        let small = place.path().join("small");
        for folder in 0..FOLDERS {
            let at = small.join(format!("{folder:03}"));
            std::fs::create_dir_all(&at).expect("it is made");
            for file in 0..FILES {
                let content = noise(SMALL, folder * FILES + file);
                std::fs::write(at.join(format!("{file:03}")), content).expect("it is written");
            }
        }
        let large = place.path().join("large");
        std::fs::write(&large, noise(LARGE, 1 << 20)).expect("it is written");
        let roots = [small, large].map(|path| {
            let path = path.to_str().expect("a plain path");
            // As Helia lays it out, which is asked to make the same graphs.
            let root = kubo.must(&[
                "add",
                "-Q",
                "-r",
                "--cid-version=1",
                "--chunker=size-1048576",
                "--max-file-links=1024",
                path,
            ]);
            let mut car = File::create(place.path().join(format!("{root}.car"))).expect("it is made");
            let bytes = kubo.feed(&["dag", "export", "--progress=false", &root], b"").expect("it exports");
            car.write_all(&bytes).expect("it is written");
            root.parse().expect("a CID")
        });
        Graphs { kubo, roots, place }
    }

    /// Measures both, each so many times; the best counts, because what else the machine does only ever costs time.
    fn each(
        &self,
        times: usize,
        mut measure: impl FnMut(Cid) -> Result<Duration, String>,
    ) -> Result<[Duration; 2], String> {
        let mut best = [Duration::MAX; 2];
        for (root, best) in self.roots.into_iter().zip(&mut best) {
            for _ in 0..times {
                *best = measure(root)?.min(*best);
            }
        }
        Ok(best)
    }

    /// Gives the same files to a peer that makes the same graphs of them.
    fn added_by(&self, peer: &dyn Peer) -> Result<(), String> {
        for (name, root) in ["small", "large"].into_iter().zip(self.roots) {
            let made = peer.add(&self.place.path().join(name));
            if made != root.to_string() {
                return Err(format!("{} makes another graph of the {name} one: {made}", peer.software()));
            }
        }
        Ok(())
    }
}

/// Bytes that no two blocks share: a xorshift of Marsaglia's.
fn noise(len: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len / 8).flat_map(|_| next()).collect()
}

/// Another process of this program, which serves what is in the CAR files.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(graphs: &Graphs) -> Server {
        let cars = graphs.roots.map(|root| graphs.place.path().join(format!("{root}.car")));
        let me = std::env::current_exe().expect("a path");
        let mut child = Command::new(me)
            .arg("--serve")
            .args(cars)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address).expect("it says where it is");
        Server { child, address: address.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(cars: impl Iterator<Item = String>) {
    let held = Arc::new(Held::default());
    for path in cars {
        let file = File::open(Path::new(&path)).expect("the file is there");
        for block in CarReader::new(BufReader::new(file)).expect("a CAR") {
            let (cid, bytes) = block.expect("a block");
            held.0.write().expect("nobody panicked here").insert(cid, bytes);
        }
    }
    let node = start(held);
    println!("{}", node.addresses()[0]);
    loop {
        std::thread::park();
    }
}

fn start(held: Arc<Held>) -> Arc<IpfsTransport> {
    runtime().block_on(IpfsTransport::start(plain(), Identity::generate(), held)).expect("it starts")
}

/// Blocks in memory.
#[derive(Default)]
struct Held(RwLock<HashMap<Cid, Bytes>>);

impl Blocks for Held {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.read().expect("nobody panicked here").get(cid).cloned())
    }
}

/// Fetches a whole graph with a node of ours, in a process of its own.
fn walk(address: &str, root: Cid) -> Result<Duration, String> {
    let me = std::env::current_exe().expect("a path");
    let ended = Command::new(me).args(["--walk", address, &root.to_string()]).stdin(Stdio::null()).output();
    let ended = ended.map_err(|error| error.to_string())?;
    let seconds: Result<f64, _> = String::from_utf8_lossy(&ended.stdout).trim().parse();
    let complaint = || String::from_utf8_lossy(&ended.stderr).lines().next().unwrap_or_default().to_owned();
    seconds.map(Duration::from_secs_f64).map_err(|_| complaint())
}

/// The process that [`walk`] starts: prints how many seconds it took.
fn walked(mut args: impl Iterator<Item = String>) {
    let mut arg = || args.next().expect("an address and a CID");
    let (address, root) = (arg(), arg().parse().expect("a CID"));
    let held = Arc::new(Held::default());
    let node = start(held.clone());
    let took = runtime().block_on(async {
        let peer = node.dial(&address).await.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let mut level = vec![root];
        while !level.is_empty() {
            level = fetch(&node, &held, &peer, level).await?;
        }
        Ok::<_, String>(begun.elapsed().as_secs_f64())
    });
    match took {
        Ok(seconds) => println!("{seconds}"),
        Err(why) => eprintln!("{why}"),
    }
}

/// Fetches blocks and keeps them; what they link to.
async fn fetch(node: &IpfsTransport, held: &Held, peer: &Name, cids: Vec<Cid>) -> Result<Vec<Cid>, String> {
    let patience = Duration::from_secs(30);
    let mut answers = node.fetch(Want { cids, ask_first: vec![peer.clone()], patience });
    let mut below = Vec::new();
    while let Some(group) = answers.next().await {
        let mut kept = held.0.write().expect("nobody panicked here");
        for answer in group {
            let bytes = answer.result.map_err(|error| format!("{}: {error}", answer.cid))?.bytes;
            below.extend(child_cids(&answer.cid, &bytes).expect("a good graph"));
            kept.insert(answer.cid, bytes);
        }
    }
    Ok(below)
}

/// Fetches a whole graph with a peer of other software.
fn pin(peer: &dyn Peer, address: &str, root: Cid) -> Result<Duration, String> {
    peer.connect(address);
    let begun = Instant::now();
    peer.pin(&root.to_string())?;
    Ok(begun.elapsed())
}
