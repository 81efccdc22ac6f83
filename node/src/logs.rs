//! Logs: lines for people or JSON for machines, on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::exit::{Exit, Failure};

/// Starts logging. Called once, by the commands that run long.
///
/// `log.level` is a level (`info`) or a filter in the syntax of `tracing` (`info,libp2p_gossipsub=debug`).
pub(crate) fn start(log: &Log) -> Result<(), Failure> {
    let filter = filter(&log.level).map_err(|error| Failure::new(Exit::Usage, error))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    result.map_err(|error| Failure::new(Exit::Failed, format!("cannot start logging: {error}")))
}

/// Reads a filter, and says what is wrong with it.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text)
        .map_err(|error| format!("log.level: {text:?} is not a level or filter ({error}); write info, debug or warn"))
}
