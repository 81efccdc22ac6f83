//! What crosses crates: one suite of scenarios that runs over every transport, and an independent oracle.
//!
//! Two ways to run it over a transport of your own:
//!
//! - The transport lives in real time: implement [`live::Mesh`], which starts, stops, names and connects its nodes, and
//!   give it to [`live::Live`], which does the rest around it: partitions, clocks, counting, strangers, restarts.
//! - It has a time of its own, as a simulator has: implement [`Network`] itself. [`Simulated`] is an example.
//!
//! Then run [`scenarios::all`]. Each [`Scenario`] says what it needs, so that a network runs those that it can.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use tidings_ledger::transport::{Blocks, Peer, Transport};
//! use tidings_tests::live::{Live, Mesh};
//! use tidings_tests::{Node, scenarios};
//!
//! /// Builds lofts, each for a node and the blocks that it serves.
//! type Builder = fn(Node, Arc<dyn Blocks>) -> Arc<dyn Transport>;
//!
//! struct Pigeons(Builder);
//!
//! impl Mesh for Pigeons {
//!     fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<dyn Transport> {
//!         (self.0)(node, blocks)
//!     }
//!     fn stop(&mut self, node: Node) {}
//!     fn name(&self, node: Node) -> Peer {
//!         Peer::new(format!("loft {node}"))
//!     }
//!     fn connect(&mut self, a: Node, b: Node) {}
//! }
//!
//! fn all_that_fit(builder: Builder) {
//!     for scenario in scenarios::all() {
//!         let mut network = Live::new(Pigeons(builder));
//!         if scenario.fits(&network) {
//!             println!("{}", scenario.name);
//!             (scenario.run)(&mut network); // panics, and says why
//!         }
//!     }
//! }
//! ```
//!
//! `examples/own_transport.rs` is a whole one, transport and all; `tests/sockets.rs` does that over libp2p. Nothing here is part of what users build.

pub mod live;
mod network;
mod oracle;
pub mod scenarios;
mod simulated;
pub mod swarm;
mod walk;

pub use network::{Kind, Network, Node, Skill};
pub use oracle::Oracle;
pub use scenarios::Scenario;
pub use simulated::Simulated;
pub use walk::walk;

/// The programs in the guide for embedders, compiled and run.
#[cfg(all(doctest, feature = "rocksdb"))]
#[doc = include_str!("../../docs/guide/embed.md")]
pub struct EmbedGuide;
