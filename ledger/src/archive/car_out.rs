//! Writing a CAR file.

use std::collections::BTreeSet;
use std::io::Write;

use cid::Cid;

use super::error::ArchiveError;
use super::report::Exported;
use super::tree::{Visit, get, visit};
use crate::car::CarWriter;
use crate::folder::Kind;
use crate::transport::Blocks;
use crate::unixfs::child_cids;

/// Writes everything below the root in the order in which `ipfs dag export` does: depth first, an attached file right
/// behind its entry. Holds one block in memory, and the hashes of the blocks of attached files.
pub(crate) fn export_car(
    blocks: &dyn Blocks,
    kind: Kind,
    root: Cid,
    writer: impl Write,
) -> Result<Exported, ArchiveError> {
    let mut car = CarWriter::new(writer, &[root]).map_err(ArchiveError::Write)?;
    let mut exported = Exported { root: root.to_string(), ..Exported::default() };
    let mut written = BTreeSet::new();
    visit(blocks, kind, root, &mut |found| {
        match found {
            Visit::Node { cid, bytes, .. } => car.write(&cid, bytes).map_err(ArchiveError::Write)?,
            Visit::Entry { item, .. } => {
                car.write(&item.cid, &get(blocks, &item.cid)?).map_err(ArchiveError::Write)?;
                exported.entries += 1;
                for file in &item.files {
                    match attachment(blocks, file.cid, &mut written, &mut car)? {
                        true => exported.attachments += 1,
                        false => exported.missing += 1,
                    }
                }
            }
        }
        Ok(())
    })?;
    exported.bytes = car.written();
    car.finish().map_err(ArchiveError::Write)?;
    Ok(exported)
}

/// Writes the blocks of an attached file that are held and were not written yet; says whether all were there.
fn attachment(
    blocks: &dyn Blocks,
    root: Cid,
    written: &mut BTreeSet<Cid>,
    car: &mut CarWriter<impl Write>,
) -> Result<bool, ArchiveError> {
    let mut due = vec![root];
    let mut whole = true;
    let mut seen = BTreeSet::new();
    while let Some(cid) = due.pop() {
        if !seen.insert(cid) {
            continue;
        }
        let Some(bytes) = blocks.get(&cid)? else {
            whole = false;
            continue;
        };
        // A file of another kind than UnixFS is one block and nothing below it.
        due.extend(child_cids(&cid, &bytes).unwrap_or_default().into_iter().rev());
        if written.insert(cid) {
            car.write(&cid, &bytes).map_err(ArchiveError::Write)?;
        }
    }
    Ok(whole)
}
