//! A ledger of signed entries that many machines keep the same with no server in charge.

pub mod author;
pub mod car;
mod cbor;
mod content;
pub mod entry;
pub mod folder;
pub mod store;
mod time;
pub mod topic;
pub mod transport;
pub mod unixfs;

pub use cbor::CborError;
pub use time::Time;
