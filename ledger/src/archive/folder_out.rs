//! Writing a folder of plain files.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use cid::Cid;

use super::error::{ArchiveError, at};
use super::report::Exported;
use super::tree::{Visit, get, visit};
use crate::folder::{Kind, attachment};
use crate::transport::Blocks;
use crate::unixfs::{FileReader, Turn};

/// Writes what `ipfs get` would: a directory for each node, a file for each entry, attached files beside it. The
/// directory must be new or empty.
pub(crate) fn export_folder(blocks: &dyn Blocks, kind: Kind, root: Cid, path: &Path) -> Result<Exported, ArchiveError> {
    fs::create_dir_all(path).map_err(at(path))?;
    if fs::read_dir(path).map_err(at(path))?.next().is_some() {
        return Err(ArchiveError::NotEmpty(path.to_owned()));
    }
    let mut exported = Exported { root: root.to_string(), ..Exported::default() };
    visit(blocks, kind, root, &mut |found| {
        match found {
            // Names in a folder were checked when its nodes were read: no `/`, no `..`.
            Visit::Node { path: "", .. } => {}
            Visit::Node { path: below, .. } => {
                let directory = path.join(below);
                fs::create_dir(&directory).map_err(at(&directory))?;
            }
            Visit::Entry { path: below, item } => {
                let directory = path.join(below);
                let bytes = get(blocks, &item.cid)?;
                write_new(&directory.join(&item.key), &mut [Ok(bytes.clone())].into_iter())?;
                exported.entries += 1;
                exported.bytes += bytes.len() as u64;
                for file in &item.files {
                    let name = directory.join(attachment(&item.key, &file.name));
                    match write_attachment(blocks, file.cid, file.size, &name)? {
                        true => exported.attachments += 1,
                        false => exported.missing += 1,
                    }
                    exported.bytes += fs::metadata(&name).map_or(0, |data| data.len());
                }
            }
        }
        Ok(())
    })?;
    Ok(exported)
}

/// Writes an attached file if all of it is held and it is what the entry says; else leaves no file behind.
fn write_attachment(blocks: &dyn Blocks, cid: Cid, size: u64, path: &Path) -> Result<bool, ArchiveError> {
    let mut reader = FileReader::new(cid, 0, None).expecting(size);
    let mut whole = true;
    let mut parts = std::iter::from_fn(|| {
        loop {
            match reader.next() {
                Ok(Turn::Data(data)) => return Some(Ok(data)),
                Ok(Turn::Done) => return None,
                Ok(Turn::Need) => {}
                Err(_) => {
                    whole = false;
                    return None;
                }
            }
            let next = reader.wants().first().copied()?;
            match blocks.get(&next) {
                Ok(Some(bytes)) => reader.supply(next, bytes),
                Ok(None) => {
                    whole = false;
                    return None;
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    });
    let partial = partial(path);
    let written = write_new(&partial, &mut parts);
    if written.is_ok() && whole {
        fs::rename(&partial, path).map_err(at(path))?;
    } else {
        // The error that made it useless is the one to tell, not that it could not be removed.
        let _ = fs::remove_file(&partial);
    }
    written.map(|()| whole)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

fn write_new(
    path: &Path,
    parts: &mut dyn Iterator<Item = Result<bytes::Bytes, ArchiveError>>,
) -> Result<(), ArchiveError> {
    let mut file = File::create_new(path).map_err(at(path))?;
    for part in parts {
        file.write_all(&part?).map_err(at(path))?;
    }
    Ok(())
}
