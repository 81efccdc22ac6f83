//! A ledger of signed entries that many machines keep the same with no server in charge.

#![warn(clippy::iter_over_hash_type)]

pub mod admission;
pub mod announcement;
pub mod attachments;
pub mod author;
pub mod car;
mod cbor;
mod content;
pub mod entry;
pub mod folder;
pub mod handle;
mod records;
pub mod replica;
pub mod store;
mod time;
pub mod topic;
pub mod transport;
pub mod unixfs;
pub mod verify;
pub mod vocabulary;

pub use author::{Author, AuthorKey};
pub use cbor::CborError;
pub use entry::{Draft, Entry, EntryId};
pub use handle::{Driver, Ledger, Library, Topic};
pub use replica::{Notice, Options};
pub use time::Time;
pub use topic::{TopicId, TopicName};
