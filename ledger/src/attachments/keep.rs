//! Which blocks are held, and for which file.

use std::collections::BTreeSet;

use bytes::Bytes;
use cid::Cid;

use crate::content::{DAG_PB, cid, digest_of};
use crate::records::{self, notes};
use crate::store::{Batch, Direction, Store, StoreError, Table};
use crate::unixfs::child_cids;

/// Writes that are committed together: large enough to be worth it, small enough to be held in memory.
const TOGETHER: usize = 4 * 1024 * 1024;

/// Puts blocks into the store and notes what they are for. Commits by the way and in [`Keeper::finish`].
pub(crate) struct Keeper<'a> {
    store: &'a dyn Store,
    batch: Batch,
    bytes: usize,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Keeper { store, batch: Batch::new(), bytes: 0 }
    }

    /// Keeps a block; what it is for is said later, or not at all if the file does not become whole.
    pub(crate) fn put(&mut self, digest: &[u8; 32], bytes: &Bytes) -> Result<(), StoreError> {
        self.batch.put(Table::Blocks, *digest, bytes.to_vec());
        self.bytes += bytes.len();
        if self.bytes >= TOGETHER { self.commit() } else { Ok(()) }
    }

    /// Notes that the file with this root needs the block.
    pub(crate) fn note(&mut self, digest: &[u8; 32], root: &[u8; 32]) {
        self.batch.put(Table::Notes, notes::block(digest, root), []);
    }

    /// Writes what is left to write.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.commit()
    }

    /// Writes what has gathered, so that it can be read.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() { Ok(()) } else { self.store.commit(batch) }
    }
}

/// Whether an entry that still stands has the file attached. One short scan.
pub(super) fn is_attached(store: &dyn Store, root: &[u8; 32]) -> Result<bool, StoreError> {
    has_any(store, &notes::attached(root, &crate::entry::EntryId::from_bytes([0; 32]))[..33])
}

/// Frees the files whose last entry was redacted. O(blocks of those files).
///
/// The caller sees to it that nobody attaches one of them meanwhile.
pub(crate) fn release_orphans(store: &dyn Store) -> Result<(), StoreError> {
    // One by one, since whether a block is needed depends on what the commit before took away.
    loop {
        let (from, to) = (notes::ORPHANS, notes::ORPHANS_END);
        let Some((key, _)) = records::collect(store, Table::Notes, from, to, Direction::Forward, 1)?.pop() else {
            return Ok(());
        };
        let mut batch = Batch::new();
        if let Some((codec, root)) = key.get(1..).and_then(<[u8]>::split_first)
            && let Ok(root) = <[u8; 32]>::try_from(root)
            && !is_attached(store, &root)?
        {
            release(store, cid(u64::from(*codec), &root), &root, &mut batch)?;
        }
        batch.delete(Table::Notes, key);
        store.commit(batch)?;
    }
}

/// Takes the file's notes away, and the blocks that only it needed.
fn release(store: &dyn Store, root_cid: Cid, root: &[u8; 32], batch: &mut Batch) -> Result<(), StoreError> {
    let mut due = vec![root_cid];
    let mut seen = BTreeSet::new();
    while let Some(cid) = due.pop() {
        let Some(digest) = digest_of(&cid).filter(|digest| seen.insert(*digest)) else { continue };
        let note = notes::block(&digest, root);
        if store.get(Table::Notes, &note)?.is_none() {
            continue;
        }
        if cid.codec() == DAG_PB
            && let Some(bytes) = store.get(Table::Blocks, &digest)?
        {
            due.extend(child_cids(&cid, &Bytes::from(bytes)).unwrap_or_default());
        }
        batch.delete(Table::Notes, note);
        let prefix = notes::block(&digest, &[]);
        let mut end = prefix.clone();
        end.extend([0xff; 33]);
        let holders = records::collect(store, Table::Notes, &prefix, &end, Direction::Forward, 2)?;
        if holders.len() < 2 {
            batch.delete(Table::Blocks, digest);
        }
    }
    Ok(())
}

fn has_any(store: &dyn Store, prefix: &[u8]) -> Result<bool, StoreError> {
    let mut end = prefix.to_vec();
    end.extend([0xff; 33]);
    Ok(!records::collect(store, Table::Notes, prefix, &end, Direction::Forward, 1)?.is_empty())
}
