//! Bitswap, server and client.
//!
//! Streams are read and written by tasks of their own ([`reader`], [`writer`]); the swarm only opens and accepts them
//! ([`behaviour`], [`handler`]), so that moving blocks never holds up gossip. Who wants what is decided in
//! [`session`], a state machine; [`client`] holds the sessions, [`exchange`] ties all together.

mod behaviour;
mod client;
#[cfg(test)]
mod codec_tests;
mod exchange;
mod fetching;
mod frame;
mod handler;
mod limits;
mod link;
mod message;
mod prefix;
mod reader;
mod recent;
mod session;
#[cfg(test)]
mod session_tests;
mod throttle;
mod upgrade;
mod varint;
mod version;
mod wantlist;
mod writer;

pub(crate) use behaviour::{Behaviour, OpenRequest};
pub(crate) use exchange::{Exchange, Parts, Wish};
pub(crate) use limits::Limits;
pub(crate) use session::Windows;
