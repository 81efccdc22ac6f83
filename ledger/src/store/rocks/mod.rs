//! The durable store, on RocksDB.
//!
//! A data folder holds the file `TIDINGS`, which says whose it is and in which format, and the database in `rocks/`.
//! Every table is a column family and every commit one write batch, so a crash at any instant leaves whole commits:
//! the log is replayed up to the first record that is not whole.
//!
//! One process at a time has the folder open. The lock is the operating system's and goes with the process, however it
//! ends.

mod failure;
mod marker;
mod options;
mod scan;
mod tuning;

pub use options::{Durability, RocksOptions};

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{ColumnFamily, DB, WriteBatch, WriteOptions};

use self::failure::{from_io, from_open, from_rocks};
use super::{Batch, Change, Direction, KeyRange, Store, StoreError, Table};

/// Where in the data folder the database is.
const DATABASE: &str = "rocks";
/// The format's key, in the default column family, beside the tables.
const FORMAT_KEY: &[u8] = b"format";

/// A [`Store`] in a folder.
///
/// Reads and commits from many threads at once are fine; commits that meet are written as one.
///
/// When the disk is full, a commit fails with [`StoreError::Full`] and nothing of it is kept. Reads go on. Once there
/// is space again, commits work again after some seconds, without a restart.
pub struct RocksStore {
    db: DB,
    writes: WriteOptions,
    folder: PathBuf,
}

impl RocksStore {
    /// Opens the data folder, or makes one where there is nothing or an empty folder.
    ///
    /// Start-up cost: O(files) and the replay of about 32 MiB of log at most.
    pub fn open(folder: impl AsRef<Path>, options: RocksOptions) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        marker::claim(&folder)?;
        let database = folder.join(DATABASE);
        let settings = tuning::database(&options);
        refuse_beheaded(&database)?;
        let db = DB::open_cf_descriptors(&settings, &database, tuning::families(&options))
            .map_err(|error| from_open(error, &folder))?;
        let store = RocksStore { db, writes: tuning::writes(options.durability), folder };
        store.check_format()?;
        Ok(store)
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes everything into sorted files, drops what was deleted or replaced, and compresses the rest as well as it
    /// can be. O(size); commits and reads go on meanwhile.
    pub fn compact(&self) -> Result<(), StoreError> {
        // The log is dropped once no table needs it, the default family included.
        self.db.flush().map_err(from_rocks)?;
        for table in Table::ALL {
            self.db.flush_cf(self.family(table)?).map_err(from_rocks)?;
        }
        let options = tuning::full_compaction();
        for table in Table::ALL {
            self.db.compact_range_cf_opt(self.family(table)?, None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
    }

    /// Makes a copy that is the state at one instant, in a folder that is absent or empty, while the store stays open.
    /// On the same file system the copy shares the files (hard links), so it is made at once and costs no space.
    ///
    /// The copy's marker is written last: a copy that was interrupted does not open.
    pub fn checkpoint(&self, folder: impl AsRef<Path>) -> Result<(), StoreError> {
        let folder = folder.as_ref();
        marker::claim_empty(folder)?;
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(folder.join(DATABASE)))
            .map_err(from_rocks)?;
        marker::write(folder)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let stored = self.db.get(FORMAT_KEY).map_err(from_rocks)?;
        let Some(stored) = stored else {
            return self.db.put_opt(FORMAT_KEY, marker::FORMAT.to_be_bytes(), &self.writes).map_err(from_rocks);
        };
        let found = <[u8; 4]>::try_from(stored.as_slice())
            .map(u32::from_be_bytes)
            .map_err(|_| StoreError::Corrupt("the format is not a number".to_owned()))?;
        if found > marker::FORMAT { Err(StoreError::TooNew { found, known: marker::FORMAT }) } else { Ok(()) }
    }

    fn family(&self, table: Table) -> Result<&ColumnFamily, StoreError> {
        let missing = || StoreError::Corrupt(format!("the table {} is missing", table.name()));
        self.db.cf_handle(table.name()).ok_or_else(missing)
    }
}

impl Store for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf(self.family(table)?, key).map_err(from_rocks)
    }

    fn scan(
        &self,
        table: Table,
        range: KeyRange<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        scan::scan(&self.db, self.family(table)?, range, direction, visit)
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut writes = WriteBatch::default();
        for change in batch.changes() {
            match change {
                Change::Put(table, key, value) => writes.put_cf(self.family(*table)?, key, value),
                Change::Delete(table, key) => writes.delete_cf(self.family(*table)?, key),
            }
        }
        self.db.write_opt(writes, &self.writes).map_err(from_rocks)
    }

    /// The lengths of the database's files.
    fn size(&self) -> Result<u64, StoreError> {
        let folder = self.folder.join(DATABASE);
        let unreadable = |error: std::io::Error| from_io(&error, "reading the folder", &folder);
        let mut size = 0;
        for item in std::fs::read_dir(&folder).map_err(unreadable)? {
            // A file may go, after a compaction, between being listed and being asked for its length.
            size += item.map_err(unreadable)?.metadata().map_or(0, |data| data.len());
        }
        Ok(size)
    }
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A database that lost its `CURRENT` would be taken for a new one, and its files for litter to be swept up. (A start that
/// was cut short leaves neither `CURRENT` nor data.)
fn refuse_beheaded(database: &Path) -> Result<(), StoreError> {
    if database.join("CURRENT").exists() {
        return Ok(());
    }
    let items = match std::fs::read_dir(database) {
        Ok(items) => items,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(from_io(&error, "reading the folder", database)),
    };
    for item in items {
        let name = item.map_err(|error| from_io(&error, "reading the folder", database))?.file_name();
        let is_data = Path::new(&name).extension().is_some_and(|kind| kind == "sst" || kind == "log" || kind == "blob");
        if is_data {
            let missing = format!("{} has data ({}) but no file CURRENT", database.display(), name.display());
            return Err(StoreError::Corrupt(missing));
        }
    }
    Ok(())
}
