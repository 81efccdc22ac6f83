//! Reading a folder of plain files.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::{ArchiveError, at};
use super::intake::{Admit, Admitted, Intake};
use super::report::Imported;
use crate::content::digest_of;
use crate::entry::{Link, limits};
use crate::folder::{SHORT_NAME, attachment, is_entry};
use crate::store::Store;
use crate::unixfs;

/// Directories inside each other at most. A folder's tree has twenty levels; a person's archive a few more.
const MAX_DEPTH: usize = 64;

/// A path that shows itself.
pub(super) struct Place(pub(super) PathBuf);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Takes in every entry file below the path, in whatever directories and under whatever names, and the files attached to
/// them that lie beside them under the entry's name and theirs. Symbolic links are not followed. What is no entry is
/// named in the report; the rest is imported.
pub(crate) fn import_folder<'a>(
    store: &'a dyn Store,
    admit: &'a mut Admit<'a>,
    path: &Path,
) -> Result<Imported, ArchiveError> {
    let mut intake: Intake<'a, Place> = Intake::new(store, admit);
    let mut found = Vec::new();
    visit_files(path, &mut |path, kind| {
        match kind {
            Found::Attachment => found.push(path.to_owned()),
            Found::Other(what) => intake.report.refuse(path.display(), what),
            Found::File => match read_small(path) {
                Ok(bytes) => {
                    if let Err(malformed) = intake.push(Place(path.to_owned()), &bytes) {
                        intake.report.refuse(path.display(), malformed);
                    }
                }
                Err(what) => intake.report.refuse(path.display(), what),
            },
        }
        if intake.is_full() {
            let admitted = intake.flush()?;
            take_attachments(store, &mut intake, admitted)?;
        }
        Ok(())
    })?;
    let admitted = intake.finish()?;
    take_attachments(store, &mut intake, admitted)?;
    // Files that look like attachments and were not taken with their entry.
    let taken = intake.report.attachments;
    intake.report.unused = (found.len() as u64).saturating_sub(taken);
    Ok(intake.report()?)
}

/// What lies at a path.
pub(super) enum Found {
    /// A file that may be an entry.
    File,
    /// A file whose name is that of an entry and one more.
    Attachment,
    /// Nothing that is read.
    Other(&'static str),
}

/// Goes through a directory tree in the order of names; a file stands for itself.
pub(super) fn visit_files(
    root: &Path,
    visitor: &mut dyn FnMut(&Path, Found) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut due = vec![(root.to_owned(), 0)];
    while let Some((path, depth)) = due.pop() {
        let kind = fs::symlink_metadata(&path).map_err(at(&path))?.file_type();
        if kind.is_dir() {
            if depth >= MAX_DEPTH {
                return Err(ArchiveError::TooDeep(path));
            }
            let names = fs::read_dir(&path).map_err(at(&path))?.map(|entry| entry.map(|entry| entry.path()));
            let mut paths: Vec<PathBuf> = names.collect::<Result<_, _>>().map_err(at(&path))?;
            paths.sort_by(|a, b| b.cmp(a));
            due.extend(paths.into_iter().map(|path| (path, depth + 1)));
        } else if kind.is_symlink() {
            visitor(&path, Found::Other("a symbolic link, which is not followed"))?;
        } else if !kind.is_file() {
            visitor(&path, Found::Other("not a plain file"))?;
        } else if is_attachment(&path) {
            visitor(&path, Found::Attachment)?;
        } else {
            visitor(&path, Found::File)?;
        }
    }
    Ok(())
}

/// Reads a file that may be an entry.
pub(super) fn read_small(path: &Path) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(limits::FILE as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(Bytes::from(bytes))
}

/// Where a file attached to the entry at this path lies.
pub(super) fn beside(entry: &Path, link: &Link) -> PathBuf {
    let name = entry.file_name().unwrap_or_default().to_string_lossy();
    entry.with_file_name(attachment(&name, &link.name))
}

/// Whether the name is that of an entry, a dot, and more.
fn is_attachment(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let dot = name.get(SHORT_NAME..).and_then(|rest| rest.find('.')).map(|dot| dot + SHORT_NAME);
    dot.is_some_and(|dot| is_entry(&name[..dot]))
}

/// Keeps the files attached to entries that are in.
fn take_attachments(
    store: &dyn Store,
    intake: &mut Intake<'_, Place>,
    admitted: Vec<Admitted<Place>>,
) -> Result<(), ArchiveError> {
    for entry in admitted {
        for link in &entry.links {
            let path = beside(&entry.place.0, link);
            let is_file = fs::symlink_metadata(&path).is_ok_and(|data| data.is_file());
            if !is_file {
                continue;
            }
            match matches(&path, link) {
                Ok(true) => {
                    let file = File::open(&path).map_err(at(&path))?;
                    intake.report.attachments += 1;
                    keep(store, link, BufReader::new(file)).map_err(|error| match error {
                        unixfs::AddError::Read(error) => at(&path)(error),
                        unixfs::AddError::Sink(error) => error.into(),
                    })?;
                }
                Ok(false) => intake.report.refuse(path.display(), "not the file that its entry names"),
                Err(error) => intake.report.refuse(path.display(), error),
            }
        }
    }
    Ok(())
}

/// Whether the file is the one that the link names. Files that others cut into other chunks have other CIDs, and are
/// taken for different.
pub(super) fn matches(path: &Path, link: &Link) -> std::io::Result<bool> {
    let file = File::open(path)?;
    if file.metadata()?.len() != link.size {
        return Ok(false);
    }
    let added = unixfs::add(BufReader::new(file.take(link.size + 1)), |_, _| Ok::<_, std::convert::Infallible>(()));
    match added {
        Ok(added) => Ok(added.cid == link.cid && added.size == link.size),
        Err(unixfs::AddError::Read(error)) => Err(error),
        Err(unixfs::AddError::Sink(never)) => match never {},
    }
}

fn keep(store: &dyn Store, link: &Link, file: impl Read) -> Result<(), unixfs::AddError<crate::store::StoreError>> {
    let mut keeper = crate::attachments::Keeper::new(store);
    let root = digest_of(&link.cid);
    unixfs::add(file, |cid, bytes| {
        let (Some(digest), Some(root)) = (digest_of(&cid), root) else { return Ok(()) };
        keeper.note(&digest, &root);
        keeper.put(&digest, &bytes)
    })?;
    keeper.finish().map_err(unixfs::AddError::Sink)
}
