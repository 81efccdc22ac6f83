//! Attached files, and any other files, as an embedder gets at them.

use std::io::Read;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::Ledger;
use crate::attachments::{self, AttachError, LedgerSource};
use crate::entry::Link;
use crate::store::StoreError;
use crate::unixfs::{FileReader, Unixfs, UnixfsError};

impl Ledger {
    /// Takes a file in, cut into chunks of 1 MiB, for [`Draft::with`](crate::Draft::with). Reads to the end and blocks
    /// meanwhile; holds a few MiB in memory, whatever the length.
    pub fn attach(&self, reader: impl Read, name: &str, media_type: &str) -> Result<Link, AttachError> {
        let nothing_is_freed = self.core.attaching.read();
        let link = attachments::attach(&*self.core.store, reader, name, media_type);
        drop(nothing_is_freed);
        self.core.free_files();
        link
    }

    /// Reads an attached file: what is held here from the store, the rest from whoever has it. What is fetched is kept
    /// if an entry held here has the file attached.
    pub fn attachment(&self, link: &Link) -> Result<BoxStream<'static, Result<Bytes, UnixfsError>>, StoreError> {
        self.attachment_range(link, 0, None)
    }

    /// [`Ledger::attachment`], only `len` bytes (to the end for `None`) from the byte `from` on.
    pub fn attachment_range(
        &self,
        link: &Link,
        from: u64,
        len: Option<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, UnixfsError>>, StoreError> {
        let source = self.source().keeping(&link.cid)?;
        Ok(Unixfs::new(source).run(FileReader::new(link.cid, from, len).expecting(link.size)))
    }

    /// Files and directories of any kind by their CIDs: topics' folders, attachments, and whatever the network has. What
    /// is fetched is not kept.
    pub fn unixfs(&self) -> Unixfs<LedgerSource> {
        Unixfs::new(self.source())
    }

    fn source(&self) -> LedgerSource {
        LedgerSource::new(self.core.store.clone(), self.core.transport.clone(), self.core.options.patience)
    }
}
