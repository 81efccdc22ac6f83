//! Topics: what a discussion is about, and the id that names it.

mod id;

pub use id::{TopicId, TopicIdError};
