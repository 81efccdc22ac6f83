//! The transport of Tidings over a Kubo daemon: its HTTP RPC carries both verbs of [`tidings_ledger::transport`].
//!
//! For whoever runs IPFS already, or outgrows one machine: the same calls to the proxy of an IPFS Cluster pin the folders
//! on many. The node keeps its own store in either case; the daemon holds a second copy, serves it to all the world, and is
//! trusted with nothing: blocks must hash to their CIDs, and entries pass admission as ever.
//!
//! HTTP to a daemon fails in ways that a library does not, so every call has a time limit and every answer a length limit;
//! failed calls are made again after a while, with chance in it; a breaker leaves a daemon alone that does not answer; a
//! subscription that broke is opened again and the replica told that it may have missed news. **No daemon, however it
//! behaves, stops the node from reading, writing and serving what it holds.**
//!
//! The two types to know are [`Config`], whose every field has a default, and [`KuboTransport`].
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use tidings_ledger::handle::{Driver, SystemClock};
//! use tidings_ledger::store::MemoryStore;
//! use tidings_ledger::{Ledger, Library, Options};
//! use tidings_transport_kubo::{Config, KuboTransport};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//! let config = Config { api: "http://127.0.0.1:5001".into(), ..Config::default() };
//! let kubo = KuboTransport::start(config, Arc::new(Library::new(store.clone()))).await?;
//! let options = Options::default();
//! let network = options.network;
//! let (ledger, driver) = Ledger::open(store, kubo.clone(), Arc::new(SystemClock), options)?;
//! kubo.keep(&ledger, network); // pins follow the folders from now on
//! if !kubo.ready(Duration::from_secs(5)).await {
//!     println!("no daemon yet: {:?}", kubo.status().daemon.error);
//! }
//! driver.run().await;
//! # Ok(())
//! # }
//! ```

mod blocks;
mod config;
mod counters;
mod daemon;
mod discovery;
mod error;
mod events;
mod gossip;
mod pins;
mod rpc;
mod shared;
mod standing;
mod status;
mod supervise;
mod transport;

pub use config::{Config, LimitsConfig, PinConfig, SuperviseConfig, Times};
pub use counters::CounterSnapshot;
pub use error::{DialError, StartError};
pub use status::{DaemonStatus, PeerStatus, PinStatus, ProcessStatus, Status};
pub use transport::KuboTransport;
