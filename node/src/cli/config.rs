//! `tidings config`: see, make and check the settings.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::place::Place;
use crate::config::{effective, template};
use crate::exit::{Exit, Failure};
use crate::output::Out;

/// See, make and check the settings
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  tidings config show\n  tidings config init\n  TIDINGS_HTTP_LISTEN=127.0.0.1:8080 tidings config check\n\n\
    Later wins: defaults, the file, variables of the environment (TIDINGS_<TABLE>_<KEY>; lists\n\
    are separated by commas)."
)]
pub(super) enum Command {
    /// Write config.toml with every setting explained and its default
    Init,
    /// Print the settings in effect, what each is for, and where it comes from
    Show,
    /// Check the file and the environment; exit code 2 if something is wrong
    Check,
    /// Print where the file is
    Path,
}

pub(super) fn run(command: Command, place: &Place, out: &mut Out) -> Result<(), Failure> {
    match command {
        Command::Init => {
            let path = place.config_file()?;
            if path.exists() {
                let text = format!("{} is there already; it was left as it is", path.display());
                return Err(Failure::new(Exit::Refused, text).hint("tidings config show prints every setting"));
            }
            place.made()?;
            let path = write_template(place)?;
            if out.is_json() { out.json(&json!({ "config": path })) } else { out.line(path.display().to_string()) }
        }
        Command::Show => {
            let loaded = place.settings()?;
            if out.is_json() {
                return out.json(&loaded.config);
            }
            out.line(effective(&loaded.config, &loaded.sources).trim_end())
        }
        Command::Check => {
            let loaded = place.settings()?;
            let path = place.config_file()?;
            if out.is_json() {
                return out.json(&json!({ "ok": true, "config": path, "changed": loaded.sources.len() }));
            }
            let found = if path.exists() { "" } else { " (not there; defaults hold)" };
            out.line(format!(
                "{}{found}: fine, {} settings differ from their defaults",
                path.display(),
                loaded.sources.len()
            ))
        }
        Command::Path => {
            let path = place.config_file()?;
            if out.is_json() { out.json(&json!({ "config": path })) } else { out.line(path.display().to_string()) }
        }
    }
}

/// Writes the file of settings if it is not there; never over an existing one.
pub(super) fn write_template(place: &Place) -> Result<PathBuf, Failure> {
    let path = place.config_file()?;
    match std::fs::File::create_new(&path) {
        Ok(mut file) => {
            file.write_all(template().as_bytes()).map_err(|error| Failure::io("write", &path, &error))?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Failure::io("write", &path, &error)),
    }
    Ok(path)
}
