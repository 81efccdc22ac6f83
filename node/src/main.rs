//! `tidings`: a node that keeps ledgers of signed comments the same on many machines, with no server in charge.
//!
//! The binary is thin on purpose: everything about entries, folders and peers is in `tidings-ledger` and the
//! transports. What is here is how a person or a program talks to them: a command line ([`cli`]), HTTP with a page of
//! its own ([`http`]), settings ([`config`]) and secrets ([`keys`]).

mod bench;
mod cli;
mod client;
mod config;
mod demo;
mod engine;
mod exit;
mod http;
mod keys;
mod logs;
mod output;

use std::process::ExitCode;

/// For RocksDB as well. A ledger allocates much that is small and frees it on another thread; measured against the
/// system's, importing and joining gain an eighth to a half, for ten megabytes more.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run()
}
