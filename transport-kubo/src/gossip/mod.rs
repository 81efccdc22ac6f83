//! Announcements over the daemon's pubsub.

mod echoes;
mod message;
mod presence;
mod publisher;
mod subscriptions;

pub(crate) use echoes::Echoes;
pub(crate) use message::sender;
pub(crate) use presence::{Presence, run as look_around};
pub(crate) use publisher::run as publish;
pub(crate) use subscriptions::{Command, announce_gaps, run as subscribe};
