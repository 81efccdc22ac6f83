//! RocksDB's errors, which are texts, sorted into ours.

use std::io;
use std::path::Path;

use crate::store::StoreError;

/// Sorts an error of an open store.
///
/// The kind is the text's first word; what the operating system said comes after it in its own (untranslated) words.
pub(super) fn from_rocks(error: rocksdb::Error) -> StoreError {
    let text = error.into_string();
    if says_full(&text) {
        StoreError::Full(text)
    } else if text.starts_with("Corruption") || text.contains("checksum mismatch") {
        StoreError::Corrupt(text)
    } else {
        StoreError::Io(text)
    }
}

/// Sorts an error of opening the folder.
pub(super) fn from_open(error: rocksdb::Error, folder: &Path) -> StoreError {
    let text = error.as_ref();
    let is_lock =
        text.contains("LOCK") && (text.contains("lock file") || text.contains("lock hold by current process"));
    if is_lock && !text.contains("Permission denied") {
        return StoreError::Locked { path: folder.to_owned() };
    }
    if let Some((_, tables)) = text.split_once("Column families not opened: ") {
        let found = format!("tables of another program: {tables}");
        return StoreError::Foreign { path: folder.to_owned(), found };
    }
    from_rocks(error)
}

/// Sorts an error of the operating system.
pub(super) fn from_io(error: &io::Error, what: &str, path: &Path) -> StoreError {
    let text = format!("{what} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(text),
        _ => StoreError::Io(text),
    }
}

fn says_full(text: &str) -> bool {
    ["No space left on device", "NoSpace", "Disk quota exceeded"].iter().any(|words| text.contains(words))
}
