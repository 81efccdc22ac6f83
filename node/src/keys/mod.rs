//! Secrets in files: the author's key, the node's key, the token of the API.

mod author;
mod file;
mod passphrase;
mod token;

pub(crate) use author::{create, key_file, load, test_key};
pub(crate) use passphrase::ask_new;
pub(crate) use token::{token, tokens_match};
