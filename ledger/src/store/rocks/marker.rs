//! The file that says whose a folder is.
//!
//! A data folder has a file `TIDINGS` with one line of text. A folder that is neither empty nor so marked is somebody
//! else's: nothing in it is touched.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use super::failure::from_io;
use crate::store::StoreError;

/// The newest format of the folder that is understood: the files, the tables' names and what is in them.
pub(super) const FORMAT: u32 = 1;

const NAME: &str = "TIDINGS";
/// The marker before it is complete.
const DRAFT: &str = "TIDINGS.new";
const LINE: &str = "Tidings data folder, format ";
/// More than a marker ever has.
const MAX_LEN: u64 = 128;

/// Makes sure that the folder exists and is ours, and marks it if it is new.
pub(super) fn claim(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(|error| not_a_folder(error, folder))?;
    match read(folder)? {
        Some(format) if format > FORMAT => Err(StoreError::TooNew { found: format, known: FORMAT }),
        Some(_) => Ok(()),
        None => {
            refuse_others(folder)?;
            write(folder)
        }
    }
}

/// Makes sure that the folder can take a copy: that it is absent or empty.
pub(super) fn claim_empty(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(|error| not_a_folder(error, folder))?;
    match read(folder)? {
        Some(_) => Err(StoreError::Foreign { path: folder.to_owned(), found: "another data folder".to_owned() }),
        None => refuse_others(folder),
    }
}

/// Marks the folder: a draft, made durable, then renamed, so that a marker is whole or absent.
pub(super) fn write(folder: &Path) -> Result<(), StoreError> {
    let draft = folder.join(DRAFT);
    let written = File::create(&draft)
        .and_then(|mut file| {
            file.write_all(format!("{LINE}{FORMAT}\n").as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, folder.join(NAME)))
        .and_then(|()| sync_folder(folder));
    written.map_err(|error| from_io(&error, "writing", &folder.join(NAME)))
}

/// The format that the marker names, if there is a marker.
fn read(folder: &Path) -> Result<Option<u32>, StoreError> {
    let path = folder.join(NAME);
    let mut text = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_LEN).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(from_io(&error, "reading", &path)),
    }
    let format = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().strip_prefix(LINE)?.parse().ok());
    let found = || format!("its file {NAME} says something else");
    format.map(Some).ok_or_else(|| StoreError::Foreign { path: folder.to_owned(), found: found() })
}

fn refuse_others(folder: &Path) -> Result<(), StoreError> {
    let unreadable = |error: io::Error| from_io(&error, "reading the folder", folder);
    for item in fs::read_dir(folder).map_err(unreadable)? {
        let name = item.map_err(unreadable)?.file_name();
        if !is_nobodys(&name) {
            let found = format!("it holds {}", name.display());
            return Err(StoreError::Foreign { path: folder.to_owned(), found });
        }
    }
    Ok(())
}

/// A marker that was not finished is ours; `lost+found` is in the root of every fresh ext4 volume.
fn is_nobodys(name: &OsStr) -> bool {
    name == DRAFT || name == "lost+found"
}

fn not_a_folder(error: io::Error, folder: &Path) -> StoreError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            StoreError::Foreign { path: folder.to_owned(), found: "a file is there".to_owned() }
        }
        _ => from_io(&error, "creating", folder),
    }
}

/// Makes a rename durable, where the system can (Windows cannot open folders).
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
