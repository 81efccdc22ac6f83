//! What a node serves: every block that its store holds, by content id.

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;

use crate::content::{DAG_PB, RAW, digest_of, is_nothing};
use crate::records;
use crate::store::{Store, StoreError, Table};
use crate::transport::Blocks;

/// The blocks in a store: entry files, folder nodes, and attached files.
///
/// A transport is given one and serves from it. It reads only what was admitted and committed, so nothing unverified is
/// ever served (design invariant 2).
#[derive(Clone)]
pub struct Library(Arc<dyn Store>);

impl Library {
    /// The blocks in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Library(store)
    }
}

impl Blocks for Library {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        if is_nothing(cid) {
            return Ok(Some(Bytes::new()));
        }
        let Some(digest) = digest_of(cid) else { return Ok(None) };
        let ours = match cid.codec() {
            RAW => records::file_by_digest(&*self.0, &digest)?,
            DAG_PB => self.0.get(Table::Nodes, &digest)?,
            _ => None,
        };
        let block = match ours {
            Some(block) => Some(block),
            None => self.0.get(Table::Blocks, &digest)?,
        };
        Ok(block.map(Bytes::from))
    }
}
