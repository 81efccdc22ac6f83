//! The transport of Tidings over libp2p: announcements by gossipsub, blocks by Bitswap, strangers by Kademlia.
//!
//! It is the two verbs of [`tidings_ledger::transport`], and nothing else: it knows no entry and no folder, keeps
//! nothing on disk, and serves what its user's [`Blocks`] hold. Kubo and Helia speak the same protocols, so either can
//! fetch from a node, and be fetched from.
//!
//! The two types to know are [`Config`], whose every field has a default, and [`IpfsTransport`], the running node.
//! **All network work happens in tasks of the tokio runtime that [`IpfsTransport::start`] was called in; every method
//! of the two traits returns at once.**
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use futures::StreamExt;
//! use tidings_ledger::topic::TopicId;
//! use tidings_ledger::transport::{Blocks, Broadcast, Channel, Event, Fetch, Verdict, Want};
//! use tidings_transport_ipfs::{Config, Identity, IpfsTransport};
//!
//! # async fn run(blocks: Arc<dyn Blocks>, cid: cid::Cid) -> Result<(), Box<dyn std::error::Error>> {
//! let node = IpfsTransport::start(Config::default(), Identity::generate(), blocks).await?;
//! println!("dial me at {}", node.addresses()[0]);
//! let peer = node.dial("/ip4/192.0.2.1/tcp/4281").await?;
//!
//! let channel = Channel::new(TopicId::from_bytes([7; 32]));
//! node.join(channel);
//! node.publish(channel, "news".into())?;
//!
//! let mut answers = node.fetch(Want { cids: vec![cid], ask_first: vec![peer], patience: Duration::from_secs(10) });
//! while let Some(group) = answers.next().await {
//!     for answer in group {
//!         println!("{}: {} bytes", answer.cid, answer.result?.bytes.len());
//!     }
//! }
//!
//! let mut events = node.events();
//! while let Some(event) = events.next().await {
//!     if let Event::Message { id, data, .. } = event {
//!         let verdict = if data.is_empty() { Verdict::Reject } else { Verdict::Accept };
//!         node.judge(id, verdict); // passed on to others, or held against its sender
//!     }
//! }
//! node.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`Blocks`]: tidings_ledger::transport::Blocks

mod bitswap;
mod config;
mod counters;
mod error;
mod events;
mod identity;
mod meter;
mod network;
mod node;
mod standing;
mod status;
mod yamux;

pub use config::{BitswapConfig, Config, GossipConfig, KadMode, LimitsConfig, ProvideConfig};
pub use counters::CounterSnapshot;
pub use error::{DialError, StartError};
pub use identity::{Identity, IdentityError};
pub use network::{NetworkId, NetworkIdError};
pub use node::IpfsTransport;
pub use status::{Direction, PeerStatus, Status};
