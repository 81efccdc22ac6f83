//! The ledger with everything it needs to run: store, author, network, driver.

mod beacon;
mod failure;
#[cfg(feature = "kubo")]
mod kubo;
mod network;
mod open;

pub(crate) use beacon::Beacon;
pub(crate) use network::{DialFailure, Network};

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tidings_ledger::store::RocksStore;
use tidings_ledger::{AuthorKey, Ledger, Library};

/// An open ledger. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Parts>);

struct Parts {
    data: PathBuf,
    store: Arc<RocksStore>,
    ledger: Ledger,
    /// Whoever writes here; `None` if the key is locked and nobody could be asked.
    author: Option<AuthorKey>,
    /// `None` when the folder was opened without a network.
    network: Option<Network>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// The ledger.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// All blocks held.
    pub(crate) fn library(&self) -> Library {
        Library::new(self.0.store.clone())
    }

    /// The network, if there is one.
    pub(crate) fn network(&self) -> Option<&Network> {
        self.0.network.as_ref()
    }

    /// The key that signs what is written here.
    pub(crate) fn author(&self) -> Option<&AuthorKey> {
        self.0.author.as_ref()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &PathBuf {
        &self.0.data
    }

    /// Folds what is pending into the folders, says goodbye to peers, and returns when all of it is done.
    pub(crate) async fn close(&self) {
        let ledger = self.0.ledger.clone();
        // Folding writes to the disk.
        let folded = tokio::task::spawn_blocking(move || ledger.close()).await;
        if folded.is_err() {
            tracing::error!("the ledger could not be closed in order; everything acknowledged is in its log");
        }
        if let Some(network) = &self.0.network {
            network.shutdown().await;
        }
        let driver = self.0.driver.lock().take();
        if let Some(driver) = driver
            && tokio::task::spawn_blocking(move || driver.join().is_err()).await.unwrap_or(true)
        {
            tracing::error!("the driver of the ledger ended with a panic");
        }
    }
}
