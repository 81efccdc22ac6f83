//! Why an export or import ended early.

use std::io;
use std::path::{Path, PathBuf};

use cid::Cid;

use crate::car::CarError;
use crate::folder::NodeError;
use crate::store::StoreError;

/// Why an export or import ended early. What was imported before it stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// There is nothing to export.
    #[error("there is nothing to export yet")]
    Empty,
    /// The folder to write to has something in it.
    #[error("{0} is not an empty folder; choose a new one")]
    NotEmpty(PathBuf),
    /// A file or folder cannot be read or written.
    #[error("{path}: {error}")]
    Path {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(io::Error),
    /// The input is not a good CAR file.
    #[error(transparent)]
    Car(#[from] CarError),
    /// A block of the folder is not there any more.
    #[error("block {0} is gone: the folder changed during the export; run it again")]
    Gone(Cid),
    /// A node of the folder does not read.
    #[error("node {cid} of the folder: {error}")]
    Node {
        /// Which.
        cid: Cid,
        /// What is wrong.
        error: NodeError,
    },
    /// The folder or directory tree is deeper than any that is read.
    #[error("{0}: nested too deeply")]
    TooDeep(PathBuf),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Names the path in an error of the operating system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError + '_ {
    move |error| ArchiveError::Path { path: path.to_owned(), error }
}
