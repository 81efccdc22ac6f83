//! Walking a folder in this node's store, children before parents, past what the daemon already has.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use ipld_dagpb::PbNode;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::Blocks;

/// Multicodec of a dag-pb node; everything else has no links that we follow.
const DAG_PB: u64 = 0x70;
/// Deeper than any folder with its attachments; beyond it nothing is given.
const MAX_DEPTH: usize = 64;

/// What is known to be in the daemon with everything below it.
pub(super) trait Known {
    /// Whether this node is.
    fn holds(&self, cid: &Cid) -> bool;
}

/// A walk that can be interrupted: it gives blocks in portions.
pub(super) struct Walk {
    blocks: Arc<dyn Blocks>,
    /// From the root to where the walk is.
    path: Vec<Visit>,
    /// Nodes that were entered, so that one that hangs in a thousand places is walked once.
    entered: HashSet<Cid>,
    /// Whether only nodes are of interest.
    nodes_only: bool,
    /// Blocks that this node has not got: attachments that nobody fetched yet.
    pub(super) missing: u64,
}

struct Visit {
    cid: Cid,
    bytes: Bytes,
    /// Links not followed yet, the last one first.
    links: Vec<Cid>,
    /// Whether everything below it was found.
    whole: bool,
}

/// Some blocks, and which of them are nodes with everything below them given.
#[derive(Default)]
pub(super) struct Portion {
    pub(super) blocks: Vec<(Cid, Bytes)>,
    pub(super) bytes: usize,
    pub(super) whole: Vec<Cid>,
}

impl Walk {
    pub(super) fn new(blocks: Arc<dyn Blocks>, root: Cid) -> Self {
        let start = Visit { cid: root, bytes: Bytes::new(), links: vec![root], whole: true };
        Walk { blocks, path: vec![start], entered: HashSet::new(), nodes_only: false, missing: 0 }
    }

    /// A walk that gives nodes only.
    pub(super) fn of_nodes(blocks: Arc<dyn Blocks>, root: Cid) -> Self {
        Walk { nodes_only: true, ..Walk::new(blocks, root) }
    }

    /// The next blocks, until there are this many or this many bytes; empty at the end. Reads the disk.
    pub(super) fn next(&mut self, known: &impl Known, most: usize, most_bytes: usize) -> Result<Portion, StoreError> {
        let mut portion = Portion::default();
        while portion.blocks.len() < most && portion.bytes < most_bytes {
            let Some(visit) = self.path.last_mut() else { break };
            match visit.links.pop() {
                Some(cid) => self.follow(cid, known, &mut portion)?,
                None => self.leave(&mut portion),
            }
        }
        Ok(portion)
    }

    fn follow(&mut self, cid: Cid, known: &impl Known, portion: &mut Portion) -> Result<(), StoreError> {
        let is_node = cid.codec() == DAG_PB;
        if !is_node && self.nodes_only {
            return Ok(());
        }
        if is_node && (known.holds(&cid) || self.entered.contains(&cid)) {
            return Ok(());
        }
        let deep = self.path.len() > MAX_DEPTH;
        let Some(bytes) = self.blocks.get(&cid)?.filter(|_| !deep) else {
            self.missing += 1;
            self.path.iter_mut().for_each(|visit| visit.whole = false);
            return Ok(());
        };
        if !is_node {
            portion.add(cid, bytes);
            return Ok(());
        }
        self.entered.insert(cid);
        let mut links = links(&bytes);
        links.reverse();
        self.path.push(Visit { cid, bytes, links, whole: true });
        Ok(())
    }

    fn leave(&mut self, portion: &mut Portion) {
        let Some(visit) = self.path.pop() else { return };
        // The start is not a block.
        if !self.path.is_empty() {
            if visit.whole {
                portion.whole.push(visit.cid);
            }
            portion.add(visit.cid, visit.bytes);
        }
    }
}

impl Portion {
    fn add(&mut self, cid: Cid, bytes: Bytes) {
        self.bytes += bytes.len();
        self.blocks.push((cid, bytes));
    }
}

/// The links of a node, each once. What is no node has none: it was admitted as it is, and is given as it is.
fn links(bytes: &Bytes) -> Vec<Cid> {
    let Ok(node) = PbNode::from_bytes(bytes.clone()) else { return Vec::new() };
    let mut seen = HashSet::new();
    node.links.into_iter().map(|link| link.cid).filter(|cid| seen.insert(*cid)).collect()
}
