//! Blocks through the daemon: fetching what the network has, and giving it what this node has.

mod car;
mod fetch;
mod put;
mod verify;
mod walk;

pub(crate) use fetch::fetch;
pub(crate) use put::{Shelf, put, put_one};
