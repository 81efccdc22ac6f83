//! Topics: what a discussion is about, and the id that names it.
//!
//! A topic is a page of the web or a room. [`TopicName`] is its name in the one spelling that every peer agrees on;
//! [`TopicId`] is 32 bytes made from that spelling. Whoever knows the name can compute the id, and nobody has to be
//! asked which discussion belongs to a page.

mod error;
mod id;
mod name;
mod page;
mod room;
mod tracking;

pub use error::TopicNameError;
pub use id::{TopicId, TopicIdError};
pub use name::TopicName;
pub use page::PageUrl;
pub use room::RoomName;
