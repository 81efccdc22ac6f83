//! How a command ends when it does not end well: one sentence, one hint, one exit code.

use std::fmt;

use serde_json::json;

/// What the process's exit code says. The numbers are part of the command line's contract and listed in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed that fits nothing below (a full disk, a network that broke down).
    Failed = 1,
    /// Wrong flags, or wrong settings.
    Usage = 2,
    /// What was asked for is not there.
    NotFound = 3,
    /// The input was understood and turned down: a bad signature, a bad address, a damaged file.
    Refused = 4,
    /// A running node was needed and none answered.
    Unreachable = 5,
    /// The data folder is in use, foreign, damaged or of a newer format.
    Folder = 6,
    /// The port is taken.
    PortTaken = 7,
}

impl Exit {
    /// The word for it in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::NotFound => "not_found",
            Exit::Refused => "refused",
            Exit::Unreachable => "unreachable",
            Exit::Folder => "folder",
            Exit::PortTaken => "port_taken",
        }
    }
}

/// A failure on its way to the person at the terminal.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Which exit code.
    pub(crate) exit: Exit,
    /// What went wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Failure { exit, message: message.to_string(), hint: None }
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The failure of reading or writing a path.
    pub(crate) fn io(what: impl fmt::Display, path: &std::path::Path, error: &std::io::Error) -> Self {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, format!("cannot {what} {}: {error}", path.display()))
    }

    /// For machines: the shape that HTTP errors have, too.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({ "error": { "code": self.exit.word(), "message": self.message, "hint": self.hint } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}
