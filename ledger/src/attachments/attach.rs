//! Taking a file in.

use std::io::{self, Read};

use super::keep::Keeper;
use crate::content::digest_of;
use crate::entry::Link;
use crate::store::{Store, StoreError};
use crate::unixfs::{self, AddError};

/// Why a file was not attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// It could not be read.
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
    /// Its name or media type is not allowed in an entry.
    #[error("the file cannot be attached under this name or media type: {0}")]
    Link(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cuts a file into blocks, keeps them, and returns the link for an entry. Holds a few MiB in memory, whatever the length.
///
/// A file that breaks off leaves blocks behind that nothing refers to; attaching it again takes them up.
pub(crate) fn attach(store: &dyn Store, reader: impl Read, name: &str, media_type: &str) -> Result<Link, AttachError> {
    // With the CID of an empty block in its place, so that a bad name is refused before gigabytes are read.
    let cid = crate::content::raw_cid(b"");
    let mut link = Link { name: name.to_owned(), cid, size: 0, media_type: media_type.to_owned() };
    link.check().map_err(AttachError::Link)?;
    let mut keeper = Keeper::new(store);
    let mut digests = Vec::new();
    let added = unixfs::add(reader, |cid, bytes| {
        let Some(digest) = digest_of(&cid) else { return Ok(()) };
        digests.push(digest);
        keeper.put(&digest, &bytes)
    })
    .map_err(|error| match error {
        AddError::Read(error) => AttachError::Read(error),
        AddError::Sink(error) => AttachError::Store(error),
    })?;
    if let Some(root) = digest_of(&added.cid) {
        digests.iter().for_each(|digest| keeper.note(digest, &root));
    }
    keeper.finish()?;
    link.cid = added.cid;
    link.size = added.size;
    Ok(link)
}
