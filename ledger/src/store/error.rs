//! What can go wrong with a store.

use std::path::PathBuf;

/// A store's failure. Never the fault of a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the folder open.
    #[error("the data folder {path} is in use by another process; stop it, or choose another folder")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds something else.
    #[error("{path} is not a Tidings data folder: {found}; choose an empty folder or the right one")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
    /// The folder was written by a newer version.
    #[error("the data folder has format {found}, this program reads up to {known}; use a newer program")]
    TooNew {
        /// The folder's format version.
        found: u32,
        /// The newest that is understood.
        known: u32,
    },
    /// The disk is full.
    #[error("the disk is full: {0}; free some space, nothing was lost")]
    Full(String),
    /// What is stored cannot be read back as it was written.
    #[error("the data folder is damaged: {0}; restore it from a copy, or start an empty one and let it catch up")]
    Corrupt(String),
    /// The operating system reported an error.
    #[error("input/output error of the data folder: {0}")]
    Io(String),
}
