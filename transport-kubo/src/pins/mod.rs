//! Recursive pins that follow the topics' folders as they change.

mod board;
mod keeper;
mod provider;
mod record;

pub(crate) use board::PinBoard;
pub(crate) use keeper::{Signal, list, run as keep};
pub(crate) use provider::{RENEW, provide_one, run as provide};
