//! Giving folders to the daemon, so that it serves them: only what it has not got, and never the parent before its children.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use lru::LruCache;
use parking_lot::Mutex;
use serde::Deserialize;
use tidings_ledger::transport::Blocks;
use tokio::sync::{Notify, watch};

use super::car;
use super::walk::{Known, Portion, Walk};
use crate::rpc::{Call, RpcError};
use crate::shared::Shared;

/// Nodes that are known to be in the daemon with all below them: those of two million entries, in some ten megabytes.
/// A node that was forgotten costs nothing but giving it once more.
const KNOWN: usize = 65_536;
/// Blocks, and bytes, that are given in one call.
const PORTION: usize = 2048;
const PORTION_BYTES: usize = 4 * 1024 * 1024;

/// This node's blocks, and which of them the daemon has.
pub(crate) struct Shelf {
    blocks: Arc<dyn Blocks>,
    known: Arc<Given>,
    /// Roots that are being given.
    under_way: Mutex<HashSet<Cid>>,
    finished: Notify,
    /// The life of the daemon for which `known` is right.
    settled: watch::Sender<u64>,
}

struct Given(Mutex<LruCache<Cid, ()>>);

impl Known for Given {
    fn holds(&self, cid: &Cid) -> bool {
        self.0.lock().get(cid).is_some()
    }
}

impl Shelf {
    pub(crate) fn new(blocks: Arc<dyn Blocks>) -> Self {
        let known = LruCache::new(NonZeroUsize::new(KNOWN).unwrap_or(NonZeroUsize::MIN));
        let known = Arc::new(Given(Mutex::new(known)));
        let (finished, settled) = (Notify::new(), watch::Sender::new(0));
        Shelf { blocks, known, under_way: Mutex::default(), finished, settled }
    }

    /// What the daemon has in this life is found out; giving may begin.
    pub(crate) fn settle(&self, life: u64) {
        self.settled.send_replace(life);
    }

    /// Whether the daemon was given this folder.
    pub(crate) fn has_given(&self, root: &Cid) -> bool {
        self.known.holds(root)
    }

    /// The daemon may have lost what it was given: it is another one, or it collected garbage.
    pub(crate) fn forget(&self) {
        self.known.0.lock().clear();
    }

    /// The daemon holds this folder, for it is pinned there: what is below it need not be given again.
    pub(crate) async fn recall(&self, root: Cid) -> Result<(), RpcError> {
        let mut walk = Walk::of_nodes(self.blocks.clone(), root);
        loop {
            let (back, portion) = self.read(walk).await?;
            walk = back;
            if portion.blocks.is_empty() {
                return Ok(());
            }
            self.remember(portion.whole);
        }
    }

    fn remember(&self, nodes: Vec<Cid>) {
        let mut known = self.known.0.lock();
        for cid in nodes {
            known.put(cid, ());
        }
    }

    /// Reads a portion, beside the threads that do the network's work.
    async fn read(&self, mut walk: Walk) -> Result<(Walk, Portion), RpcError> {
        let known = self.known.clone();
        let read = tokio::task::spawn_blocking(move || {
            let portion = walk.next(&*known, PORTION, PORTION_BYTES);
            portion.map(|portion| (walk, portion))
        });
        match read.await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(RpcError::Malformed(format!("the store cannot be read: {error}"))),
            Err(error) => Err(RpcError::Malformed(format!("reading the store was interrupted: {error}"))),
        }
    }
}

/// Gives the folder to the daemon. What this node has not got itself (attachments that were not fetched) is left out.
pub(crate) async fn put(shared: &Shared, root: Cid) -> Result<(), RpcError> {
    let life = shared.health.up().await;
    // The sender lives as long as the shelf, so that waiting cannot fail.
    let _ = shared.shelf.settled.subscribe().wait_for(|settled| *settled >= life).await;
    let _turn = loop {
        // Registered before looking, so that no end of another's turn is overlooked.
        let finished = shared.shelf.finished.notified();
        if shared.shelf.known.holds(&root) {
            return Ok(());
        }
        if shared.shelf.under_way.lock().insert(root) {
            break Turn { shelf: &shared.shelf, root };
        }
        finished.await;
    };
    let mut walk = Walk::new(shared.shelf.blocks.clone(), root);
    loop {
        let (back, portion) = match shared.shelf.read(walk).await {
            Ok(read) => read,
            Err(error) => {
                shared.counters.store_errors.add(1);
                return Err(error);
            }
        };
        walk = back;
        if portion.blocks.is_empty() {
            break;
        }
        import(shared, root, &portion).await?;
        shared.counters.blocks_put.add(portion.blocks.len() as u64);
        shared.counters.block_bytes_put.add(portion.bytes as u64);
        shared.shelf.remember(portion.whole);
    }
    if walk.missing > 0 {
        tracing::debug!(%root, missing = walk.missing, "given to the daemon without what is not held here");
    }
    Ok(())
}

/// Gives one block to the daemon.
pub(crate) async fn put_one(shared: &Shared, cid: Cid, bytes: Bytes) -> Result<(), RpcError> {
    let portion = Portion { bytes: bytes.len(), blocks: vec![(cid, bytes)], whole: Vec::new() };
    import(shared, cid, &portion).await
}

/// The right to give this root; lets it go when dropped.
struct Turn<'a> {
    shelf: &'a Shelf,
    root: Cid,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shelf.under_way.lock().remove(&self.root);
        self.shelf.finished.notify_waiters();
    }
}

/// Hands blocks over and makes sure that they arrived: an error after the answer began would be in a trailer, which
/// clients do not see.
async fn import(shared: &Shared, root: Cid, portion: &Portion) -> Result<(), RpcError> {
    let car = car::of(root, &portion.blocks).map_err(|error| RpcError::Malformed(error.to_string()))?;
    let call = Call::new("dag/import", shared.config.times.call)
        .option("pin-roots", false)
        .option("stats", true)
        .option("fast-provide-root", false)
        .file(car);
    let mut lines = shared.rpc.lines(call).await?;
    while let Some(line) = lines.next::<Imported>().await? {
        if let Some(stats) = line.stats {
            return if stats.blocks >= portion.blocks.len() as u64 {
                Ok(())
            } else {
                Err(RpcError::Cut(format!("{} of {} blocks were taken", stats.blocks, portion.blocks.len())))
            };
        }
    }
    // js-ipfs counts nothing. The blocks were taken in their order.
    match portion.blocks.last() {
        Some((cid, bytes)) => has(shared, cid, bytes).await,
        None => Ok(()),
    }
}

#[derive(Deserialize)]
struct Imported {
    #[serde(rename = "Stats", default)]
    stats: Option<Stats>,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(rename = "BlockCount", default)]
    blocks: u64,
}

async fn has(shared: &Shared, cid: &Cid, bytes: &Bytes) -> Result<(), RpcError> {
    #[derive(Deserialize)]
    struct Stat {
        #[serde(rename = "Size", default)]
        size: u64,
    }
    let call = Call::new("block/stat", shared.config.times.call).arg(cid).option("offline", true);
    let stat: Stat = shared.rpc.json(call).await?;
    if stat.size == bytes.len() as u64 { Ok(()) } else { Err(RpcError::Cut("a block was not taken".to_owned())) }
}
