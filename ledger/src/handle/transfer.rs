//! Export and import, as an embedder gets at them. All of it blocks: it reads and writes files.

use std::io::{Read, Write};
use std::path::Path;

use bytes::Bytes;

use super::{Ledger, Library, Topic, submit};
use crate::admission::{Refusal, Submission};
use crate::archive::{self, ArchiveError, Exported, Imported};
use crate::folder::Kind;
use crate::replica::Input;
use crate::store::StoreError;

impl Topic {
    /// Writes the topic as a CAR file: its folder, its entries, and the attached files that are held here.
    pub fn export_car(&self, writer: impl Write) -> Result<Exported, ArchiveError> {
        let (library, root) = self.settled()?;
        archive::export_car(&library, Kind::Topic, root, writer)
    }

    /// Writes the topic as plain files into a new or empty directory.
    pub fn export_folder(&self, path: impl AsRef<Path>) -> Result<Exported, ArchiveError> {
        let (library, root) = self.settled()?;
        archive::export_folder(&library, Kind::Topic, root, path.as_ref())
    }

    fn settled(&self) -> Result<(Library, cid::Cid), ArchiveError> {
        self.core.step(Input::Flush).map(drop)?;
        let root = self.info()?.cid.ok_or(ArchiveError::Empty)?;
        Ok((Library::new(self.core.store.clone()), root))
    }
}

impl Ledger {
    /// Writes everything that is held as a CAR file, the catalog as its root.
    pub fn export_car(&self, writer: impl Write) -> Result<Exported, ArchiveError> {
        let (library, root) = self.settled()?;
        archive::export_car(&library, Kind::Catalog, root, writer)
    }

    /// Writes everything that is held as plain files into a new or empty directory, a directory for each topic.
    pub fn export_folder(&self, path: impl AsRef<Path>) -> Result<Exported, ArchiveError> {
        let (library, root) = self.settled()?;
        archive::export_folder(&library, Kind::Catalog, root, path.as_ref())
    }

    /// Takes in the entries of a CAR file, of whatever topics, and the files attached to them. Give it a buffered reader.
    pub fn import_car(&self, reader: impl Read) -> Result<Imported, ArchiveError> {
        self.import(|admit| archive::import_car(&*self.core.store, admit, reader))
    }

    /// Takes in every entry file in a directory tree, of whatever topics, and the files attached to them.
    pub fn import_folder(&self, path: impl AsRef<Path>) -> Result<Imported, ArchiveError> {
        self.import(|admit| archive::import_folder(&*self.core.store, admit, path.as_ref()))
    }

    fn import(
        &self,
        run: impl FnOnce(&mut archive::Admit<'_>) -> Result<Imported, ArchiveError>,
    ) -> Result<Imported, ArchiveError> {
        let nothing_is_freed = self.core.attaching.read();
        let mut take = |files: Vec<Bytes>| -> Result<Vec<Result<bool, Refusal>>, StoreError> {
            let submissions: Vec<Submission> = files.into_iter().map(|file| Submission { file, topic: None }).collect();
            submit(&self.core, self.core.admit(&submissions))
        };
        let result = run(&mut take);
        drop(nothing_is_freed);
        self.core.free_files();
        result
    }

    fn settled(&self) -> Result<(Library, cid::Cid), ArchiveError> {
        self.flush()?;
        let root = self.catalog()?.cid.ok_or(ArchiveError::Empty)?;
        Ok((Library::new(self.core.store.clone()), root))
    }
}
