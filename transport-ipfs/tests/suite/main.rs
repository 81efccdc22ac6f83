//! The transport over real sockets, on loopback. One program, so that it is linked once.

mod hostile;
mod hostile_peers;
mod meeting;
mod moving_blocks;
mod support;
mod two_nodes;
