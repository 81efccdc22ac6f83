//! The token that lets a program write through the local API.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::file::{read_secret, write_secret};
use crate::exit::{Exit, Failure};

/// The token of a data folder; made at the first call. 256 random bits.
pub(crate) fn token(data: &Path) -> Result<String, Failure> {
    let path = data.join("token");
    if !path.exists() {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::new(Exit::Failed, format!("the system gives no random numbers: {error}")))?;
        // Two processes may get here at once; whoever comes second reads what the first wrote.
        if let Err(failure) = write_secret(&path, &format!("{}\n", BASE64URL_NOPAD.encode(&bytes)))
            && !path.exists()
        {
            return Err(failure);
        }
    }
    let token = read_secret(&path)?.trim().to_owned();
    if token.len() < 32 {
        return Err(Failure::new(Exit::Refused, format!("{} is too short for a token", path.display()))
            .hint("delete it; the node makes a new one when it starts"));
    }
    Ok(token)
}

/// Compares in a time that tells nothing about where they differ.
pub(crate) fn tokens_match(given: &str, right: &str) -> bool {
    given.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_token() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = token(folder.path()).expect("made");
        assert_eq!(token(folder.path()).expect("kept"), first);
        assert!(tokens_match(&first, &first));
        assert!(!tokens_match(&first[1..], &first) && !tokens_match("", &first));
        std::fs::write(folder.path().join("token"), "short").expect("it is ours");
        assert_eq!(token(folder.path()).expect_err("too short").exit, Exit::Refused);
    }
}
