//! Blocks of a ledger's own, and behind them those of its network.

use std::sync::Arc;
use std::time::Duration;

use cid::Cid;
use futures::{FutureExt, StreamExt};

use super::keep::{Keeper, is_attached};
use crate::content::digest_of;
use crate::handle::Library;
use crate::store::{Store, StoreError};
use crate::transport::{Blocks, FetchError, Transport, Want};
use crate::unixfs::{BlockError, BlockFuture, Source};

/// A [`Source`]: first the own store, then whoever has the block.
#[derive(Clone)]
pub struct LedgerSource {
    store: Arc<dyn Store>,
    transport: Option<Arc<dyn Transport>>,
    patience: Duration,
    /// The root of the file for which fetched blocks are kept.
    keep_for: Option<[u8; 32]>,
}

impl LedgerSource {
    pub(crate) fn new(store: Arc<dyn Store>, transport: Option<Arc<dyn Transport>>, patience: Duration) -> Self {
        LedgerSource { store, transport, patience, keep_for: None }
    }

    /// Keeps what is fetched, if an entry held here has this file attached.
    pub(crate) fn keeping(mut self, root: &Cid) -> Result<Self, StoreError> {
        self.keep_for = match digest_of(root) {
            Some(root) if is_attached(&*self.store, &root)? => Some(root),
            _ => None,
        };
        Ok(self)
    }

    fn keep(&self, cid: &Cid, bytes: &bytes::Bytes) -> Result<(), StoreError> {
        let (Some(root), Some(digest)) = (self.keep_for, digest_of(cid)) else { return Ok(()) };
        let mut keeper = Keeper::new(&*self.store);
        keeper.put(&digest, bytes)?;
        keeper.note(&digest, &root);
        keeper.finish()
    }
}

impl Source for LedgerSource {
    fn block(&self, cid: Cid) -> BlockFuture {
        let this = self.clone();
        async move {
            if let Some(bytes) = Library::new(this.store.clone()).get(&cid)? {
                return Ok(bytes);
            }
            let Some(transport) = &this.transport else { return Err(BlockError::NotHeld) };
            let want = Want { cids: vec![cid], ask_first: Vec::new(), patience: this.patience };
            let mut answers = transport.fetch(want);
            while let Some(group) = answers.next().await {
                if let Some(answer) = group.into_iter().find(|answer| answer.cid == cid) {
                    let block = answer.result?;
                    this.keep(&cid, &block.bytes)?;
                    return Ok(block.bytes);
                }
            }
            Err(FetchError::NotFound.into())
        }
        .boxed()
    }
}
