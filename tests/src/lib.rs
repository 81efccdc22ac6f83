//! What crosses crates: one suite of scenarios that runs over every transport, and an independent oracle.
//!
//! A transport takes part by implementing [`Network`] and running [`scenarios::all`] over it: each [`Scenario`] says
//! what it needs, so that a transport runs those that it can. [`Simulated`] is the first, a world of transport-mem.
//! Nothing here is part of what users build; a scenario that fails panics and says what it expected.

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
