//! Whether everything below a root is there.

use std::collections::BTreeSet;

use cid::Cid;
use ipld_dagpb::PbNode;
use tidings_ledger::Library;
use tidings_ledger::transport::Blocks;

/// Walks everything below a root that a store holds; says which block is missing.
///
/// Attached files are fetched when somebody wants them, so they may be missing; their names have a dot behind the name of
/// their entry, which has one itself.
pub fn walk(library: &Library, root: &Cid) -> Result<(), String> {
    let mut waiting = vec![*root];
    let mut seen = BTreeSet::new();
    while let Some(cid) = waiting.pop() {
        if !seen.insert(cid) {
            continue;
        }
        let block = library.get(&cid).map_err(|error| error.to_string())?;
        let Some(block) = block else { return Err(format!("{cid} is listed below {root} and not there")) };
        if cid.codec() == 0x70 {
            let node = PbNode::from_bytes(block).map_err(|error| format!("{cid} is no node: {error}"))?;
            let is_attached = |name: &str| !name.starts_with("from-") && name.matches('.').count() > 1;
            let links = node.links.into_iter().filter(|link| !link.name.as_deref().is_some_and(is_attached));
            waiting.extend(links.map(|link| link.cid));
        }
    }
    Ok(())
}
