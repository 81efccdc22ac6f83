//! `tidings init`: keys and settings in the data folder.

use serde_json::json;

use super::place::Place;
use crate::exit::{Exit, Failure};
use crate::keys;
use crate::output::Out;

/// Make the data folder, your author key and a file of settings
///
/// Not needed before anything else: every command makes what it lacks. It is for choosing a passphrase, and for
/// reading the settings before the first start.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings init\n  tidings init --passphrase      encrypt the key; TIDINGS_PASSPHRASE answers for you\n\n\
    The key is a file that OpenSSL reads, too (PKCS#8). Keep a copy: whoever lost it cannot\n\
    edit or redact any more."
)]
pub(super) struct Args {
    /// Encrypt the author key with a passphrase (asked for, or taken from TIDINGS_PASSPHRASE)
    #[arg(long)]
    passphrase: bool,
}

pub(super) fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let data = place.made()?;
    let path = keys::key_file(&data);
    if path.exists() {
        let text = format!("{} is there already; it was left as it is", path.display());
        return Err(Failure::new(Exit::Refused, text).hint("tidings id shows whose it is"));
    }
    let passphrase = if args.passphrase { Some(keys::ask_new()?) } else { None };
    let key = keys::create(&path, passphrase.as_ref())?;
    keys::token(&data)?;
    let settings = super::config::write_template(place)?;
    if out.is_json() {
        return out.json(&json!({ "author": key.author().to_string(), "data": data, "key": path, "config": settings }));
    }
    out.line(format!("You are    {}", key.author()))?;
    out.line(format!("Key        {} (keep a copy in a safe place)", path.display()))?;
    out.line(format!("Settings   {}", settings.display()))?;
    out.line("Next       tidings serve")
}
