//! A portion of blocks as the daemon imports it: a CAR file.

use bytes::Bytes;
use cid::Cid;
use tidings_ledger::car::CarWriter;

/// Writes the blocks; the root is only named, for a CAR must name one.
pub(super) fn of(root: Cid, blocks: &[(Cid, Bytes)]) -> std::io::Result<Bytes> {
    let size = blocks.iter().map(|(_, bytes)| bytes.len() + 48).sum::<usize>() + 128;
    let mut writer = CarWriter::new(Vec::with_capacity(size), &[root])?;
    for (cid, bytes) in blocks {
        writer.write(cid, bytes)?;
    }
    writer.finish().map(Bytes::from)
}
