//! Passphrases: from the environment, or from a person at a terminal.

use std::io::IsTerminal;

use crate::exit::{Exit, Failure};

/// The variable that answers instead of a person.
const VARIABLE: &str = "TIDINGS_PASSPHRASE";

/// A passphrase; never printed.
pub(crate) struct Passphrase(String);

impl Passphrase {
    /// From text.
    #[cfg(test)]
    pub(crate) fn new(text: String) -> Self {
        Passphrase(text)
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Asks for the passphrase of an existing key.
pub(crate) fn ask(prompt: &str) -> Result<Passphrase, Failure> {
    if let Some(given) = given()? {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Refused,
            "the key is encrypted, and there is no terminal to ask for the passphrase",
        )
        .hint(format!("set {VARIABLE}, for example from a credential store")));
    }
    prompted(prompt)
}

/// Asks for a new passphrase, twice.
pub(crate) fn ask_new() -> Result<Passphrase, Failure> {
    let first = match given()? {
        Some(given) => given,
        None if !std::io::stdin().is_terminal() => {
            return Err(Failure::new(Exit::Usage, "there is no terminal to ask for a passphrase")
                .hint(format!("set {VARIABLE}, or leave --passphrase out")));
        }
        None => {
            let first = prompted("New passphrase: ")?;
            if prompted("The same again: ")?.0 != first.0 {
                return Err(Failure::new(Exit::Usage, "the two passphrases differ; nothing was written"));
            }
            first
        }
    };
    if first.0.is_empty() {
        return Err(Failure::new(Exit::Usage, "an empty passphrase protects nothing; nothing was written"));
    }
    Ok(first)
}

fn given() -> Result<Option<Passphrase>, Failure> {
    match std::env::var(VARIABLE) {
        Ok(text) => Ok(Some(Passphrase(text))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(_) => Err(Failure::new(Exit::Usage, format!("{VARIABLE} is not UTF-8"))),
    }
}

fn prompted(prompt: &str) -> Result<Passphrase, Failure> {
    rpassword::prompt_password(prompt)
        .map(Passphrase)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot read the passphrase: {error}")))
}
