//! Where things are: the data folder, the settings in it.

use std::path::{Path, PathBuf};

use super::Global;
use crate::config::{self, Loaded};
use crate::exit::{Exit, Failure};

/// Paths, as flags, environment and the platform's customs say.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    data: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl Place {
    /// As the flags say.
    pub(crate) fn new(global: &Global) -> Self {
        Place { data: global.data.clone(), config: global.config.clone() }
    }

    /// As without any flags.
    pub(crate) fn usual() -> Self {
        Place { data: None, config: None }
    }

    /// The data folder, which need not exist.
    pub(crate) fn data(&self) -> Result<PathBuf, Failure> {
        if let Some(data) = &self.data {
            return std::path::absolute(data).map_err(|error| Failure::io("find", data, &error));
        }
        let folders = directories::ProjectDirs::from("", "", "tidings");
        folders.map(|folders| folders.data_dir().to_owned()).ok_or_else(|| {
            Failure::new(Exit::Usage, "this account has no home folder to put the data into")
                .hint("name one: --data DIR")
        })
    }

    /// The data folder, made if it is not there, closed to others.
    pub(crate) fn made(&self) -> Result<PathBuf, Failure> {
        let data = self.data()?;
        make(&data).map_err(|error| {
            Failure::new(Exit::Folder, format!("cannot make the data folder {}: {error}", data.display()))
                .hint("name another one: --data DIR")
        })?;
        Ok(data)
    }

    /// The file of settings, which need not exist.
    pub(crate) fn config_file(&self) -> Result<PathBuf, Failure> {
        match &self.config {
            Some(path) => Ok(path.clone()),
            None => Ok(self.data()?.join("config.toml")),
        }
    }

    /// The settings in effect.
    pub(crate) fn settings(&self) -> Result<Loaded, Failure> {
        config::load(&self.config_file()?, self.config.is_some(), std::env::vars_os())
    }
}

fn make(data: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)
}
