//! Blocks of others' folders that were passed on a moment ago.
//!
//! Every file below a folder is found through the folder's own blocks. Asking peers for these each time costs a round trip each, and a
//! Helia does not answer the same question twice within some seconds.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use cid::Cid;
use parking_lot::Mutex;

/// A folder's block of about two thousand names; chunks of files are larger and hardly read twice.
const LARGEST: usize = 256 * 1024;
/// All together.
const ROOM: usize = 8 * 1024 * 1024;

/// A bounded memory of blocks, the oldest forgotten first.
#[derive(Default)]
pub(crate) struct PassedOn(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    blocks: HashMap<Cid, Bytes>,
    order: VecDeque<Cid>,
    bytes: usize,
}

impl PassedOn {
    /// A block, if it was passed on lately.
    pub(super) fn get(&self, cid: &Cid) -> Option<Bytes> {
        self.0.lock().blocks.get(cid).cloned()
    }

    /// Remembers a block that was checked against its CID, unless it is a large one.
    pub(super) fn put(&self, cid: Cid, block: &Bytes) {
        if block.len() > LARGEST {
            return;
        }
        let mut kept = self.0.lock();
        // A copy: the bytes that came may be a slice of a whole message.
        if kept.blocks.insert(cid, Bytes::copy_from_slice(block)).is_some() {
            return;
        }
        kept.order.push_back(cid);
        kept.bytes += block.len();
        while kept.bytes > ROOM {
            let Some(oldest) = kept.order.pop_front() else { return };
            kept.bytes -= kept.blocks.remove(&oldest).map_or(0, |block| block.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;

    use super::*;

    fn block(at: usize, len: usize) -> (Cid, Bytes) {
        let hash = Multihash::wrap(0x12, &at.to_be_bytes()).expect("eight bytes fit");
        (Cid::new_v1(0x55, hash), vec![at as u8; len].into())
    }

    #[test]
    fn reading_others_folders_for_ever_does_not_fill_the_memory() {
        let passed = PassedOn::default();
        let blocks: Vec<_> = (0..3 * ROOM / LARGEST).map(|at| block(at, LARGEST)).collect();
        for (cid, bytes) in &blocks {
            passed.put(*cid, bytes);
            passed.put(*cid, bytes);
        }
        assert_eq!(passed.0.lock().bytes, ROOM);
        let held = blocks.iter().filter(|(cid, bytes)| passed.get(cid).as_ref() == Some(bytes)).count();
        assert_eq!(held, ROOM / LARGEST, "and what is new is there");
    }

    #[test]
    fn a_files_large_chunks_do_not_push_folders_out() {
        let passed = PassedOn::default();
        let (cid, bytes) = block(0, LARGEST + 1);
        passed.put(cid, &bytes);
        assert_eq!(passed.get(&cid), None);
    }
}
