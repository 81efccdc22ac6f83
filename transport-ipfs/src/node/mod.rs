//! The node: a libp2p swarm in a task of its own, and the handle that talks to it.

mod carrier;
mod command;
mod dialer;
mod discovery;
mod gossip;
mod peers;
mod reach;
mod relays;
mod run;
mod shared;
mod stack;
mod start;
mod transport;

pub use transport::IpfsTransport;
