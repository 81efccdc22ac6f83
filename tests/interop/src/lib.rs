//! Real peers: software that nobody here wrote, beside nodes of ours, on loopback.
//!
//! `make interop` installs it (`scripts/interop-peers`) and runs the tests under `tests/`, each of which starts
//! what it needs and ends it. A [`Peer`] is one of theirs: [`KuboDaemon`], a current Kubo driven by its own command line;
//! [`Lines`], an old Kubo or a Helia driven by a small script that speaks JSON lines. A [`Node`] is one of ours, in this
//! process; [`Program`] runs the `tidings` program. Everything here panics when something is wrong: it serves tests only.

mod hosts;
mod install;
mod kubo;
mod lines;
mod node;
mod peer;
mod program;
mod tree;
mod wait;

pub use hosts::Hosts;
pub use install::{folder, tool};
pub use kubo::KuboDaemon;
pub use lines::Lines;
pub use node::{Node, plain, runtime};
pub use peer::{Message, Peer, Software};
pub use program::{Program, Served};
pub use tree::{Files, files_below};
pub use wait::{LONG, eventually, until};
