//! Settings: a file, the environment, and defaults that are written out in full.
//!
//! Later wins: defaults, then `config.toml` in the data folder (or the file named with `--config`), then variables
//! such as `TIDINGS_HTTP_LISTEN`. An unknown key is an error, because a misspelled setting that is silently ignored is
//! worse than a node that does not start.

mod check;
mod error;
mod load;
mod schema;
mod text;

pub(crate) use load::{Loaded, load};
pub(crate) use schema::{Config, Dht, Durability, Http, Log, LogFormat, Transport};
pub(crate) use text::{effective, template};
