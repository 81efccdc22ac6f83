//! The transport against real daemons. `scripts/interop-peers` fetches and builds them; everything runs on loopback.

mod bad_lines;
mod cluster;
mod daemon;
mod failing;
mod js_ipfs;
mod living;
mod node;
mod other_server;
mod proxy;
mod supervised;
