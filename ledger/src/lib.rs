//! Ledgers of signed comments and messages that many machines keep the same, with no server in charge.
//!
//! A *topic* (a web page, a room) is a folder; an *entry* is a signed file in it; the folder's content id names the
//! topic's whole state. A peer *broadcasts* "the folder of topic T is now C", and whoever lacks something of it *fetches*
//! it by content id, from anybody. The set of entries alone decides the folder, so equal sets have equal ids, and two
//! peers need a few hundred bytes to find out that they agree.
//!
//! What it is not: it keeps no order but time and each author's own chain, it hides nothing (whoever knows a topic can
//! read it), and it cannot make others forget, only make all honest peers drop what an author redacts.
//!
//! Two types to know: [`Ledger`], which opens a store and hands out topics, and [`Topic`], which appends,
//! reads and subscribes. A [`Transport`](transport::Transport) carries the two verbs; a [`Driver`] runs it all.
//!
//! ```
//! use std::sync::Arc;
//! use tidings_ledger::handle::{Query, SystemClock};
//! use tidings_ledger::store::MemoryStore;
//! use tidings_ledger::{AuthorKey, Draft, Ledger, Options, TopicName};
//!
//! # futures::executor::block_on(async {
//! let ledger = Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Options::default())?;
//! let page = ledger.topic(&TopicName::parse("https://example.org/article?utm_source=feed")?);
//! assert_eq!(page.name().to_string(), "url:https://example.org/article");
//!
//! let alice = AuthorKey::from_seed(&[1; 32]); // 32 random bytes, kept secret
//! let post = page.append(&alice, Draft::new("post", "First!")).await?;
//! assert_eq!(page.read(&Query::default())?.items, [post]);
//! assert!(page.info()?.cid.is_some(), "the folder's content id: the same wherever these entries are");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! The state machine inside is [`replica::Replica`]; it does no I/O, and there is one rule for whoever runs it:
//!
//! **Commit first; only when that has succeeded, all other effects; then the next input.**
//!
//! Formats follow RFC 9052 (COSE), RFC 8949 (CBOR), ZIP-215 (signatures), UnixFS and CAR; the wire specification with
//! golden vectors is in `docs/spec`.

#![warn(clippy::iter_over_hash_type)]

pub mod admission;
pub mod announcement;
pub mod archive;
pub mod attachments;
pub mod author;
pub mod car;
mod cbor;
pub mod content;
#[cfg(test)]
#[path = "../tests/support/depth.rs"]
mod depth;
pub mod entry;
pub mod folder;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod handle;
mod marks;
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
