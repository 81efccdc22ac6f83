//! `tidings id`: who you are to others.

use serde_json::json;

use super::place::Place;
use crate::exit::{Exit, Failure};
use crate::keys;
use crate::output::Out;

/// Show who you are to others: your author id
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings id\n  tidings id --json")]
pub(super) struct Args {}

pub(super) fn run(_: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let path = keys::key_file(&place.data()?);
    if !path.exists() {
        return Err(Failure::new(Exit::NotFound, format!("there is no author key at {}", path.display()))
            .hint("tidings init makes one, and so does the first post"));
    }
    let key = keys::load(&path)?;
    if out.is_json() {
        return out.json(&json!({ "author": key.author().to_string(), "key": path }));
    }
    out.line(key.author().to_string())
}
