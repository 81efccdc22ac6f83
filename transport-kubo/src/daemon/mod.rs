//! Whether the daemon is there.

mod health;
mod watch;

pub(crate) use health::Health;
pub(crate) use watch::run as watch;
