//! The transport against real daemons. `scripts/interop-peers` fetches and builds them; everything runs on loopback.

mod daemon;
mod failing;
mod living;
mod node;
