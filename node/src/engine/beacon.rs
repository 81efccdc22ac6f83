//! How commands find the running node: a small file in the data folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// Where the running node listens. Left behind by a killed node; whoever reads it has to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beacon {
    /// Base address of its HTTP.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Drawn at each start and told at `/healthz`, so that another program on the same port is not taken for the node.
    pub(crate) instance: String,
}

impl Beacon {
    fn path(data: &Path) -> PathBuf {
        data.join("node.json")
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, data: &Path) -> Result<(), Failure> {
        let path = Self::path(data);
        let failed = |error: std::io::Error| Failure::io("write", &path, &error);
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(data).map_err(failed)?;
        file.write_all(serde_json::to_string(self).unwrap_or_default().as_bytes()).map_err(failed)?;
        file.persist(&path).map(drop).map_err(|error| failed(error.error))
    }

    /// Reads the file, if there is a sound one.
    pub(crate) fn read(data: &Path) -> Option<Beacon> {
        serde_json::from_slice(&std::fs::read(Self::path(data)).ok()?).ok()
    }

    /// Takes the file away, if it is still this node's.
    pub(crate) fn remove(&self, data: &Path) {
        if Self::read(data).as_ref() == Some(self) {
            // If it stays, whoever reads it finds nobody there; nothing depends on it.
            let _ = std::fs::remove_file(Self::path(data));
        }
    }
}
