//! What befalls a data folder: torn logs, damage, other people's folders, other processes, newer programs, full disks.
#![cfg(feature = "rocksdb")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tidings_ledger::store::{Batch, Durability, RocksOptions, RocksStore, Store, StoreError, Table};

fn open(folder: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open(folder, RocksOptions::default())
}

/// Commit number `number`: the same key in two tables, and the highest number in a third.
fn commit(store: &RocksStore, number: u32) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(Table::Entries, number.to_be_bytes(), vec![number as u8; 300]);
    batch.put(Table::Ids, number.to_be_bytes(), number.to_be_bytes());
    batch.put(Table::Meta, "last", number.to_be_bytes());
    store.commit(batch)
}

/// How many commits are there; fails unless they are whole and the first ones.
fn count_whole(store: &RocksStore) -> u32 {
    let last = store.get(Table::Meta, b"last").unwrap();
    let count = last.map_or(0, |last| u32::from_be_bytes(last.try_into().unwrap()) + 1);
    for number in 0..count {
        let key = number.to_be_bytes();
        assert_eq!(
            store.get(Table::Entries, &key).unwrap(),
            Some(vec![number as u8; 300]),
            "entry {number} of {count}"
        );
        assert_eq!(store.get(Table::Ids, &key).unwrap(), Some(key.to_vec()), "id {number} of {count}");
    }
    let beyond = count.to_be_bytes();
    assert_eq!(store.get(Table::Entries, &beyond).unwrap(), None);
    assert_eq!(store.get(Table::Ids, &beyond).unwrap(), None);
    count
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder.join("rocks"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// A folder whose newest log holds the last commits.
fn folder_with_log(commits: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for number in 0..commits {
        commit(&store, number).unwrap();
    }
    folder
}

#[test]
fn a_torn_log_opens_with_the_first_commits_whole() {
    let folder = folder_with_log(50);
    let log = files(folder.path(), "log").pop().unwrap();
    let len = fs::metadata(&log).unwrap().len();
    let mut counts = Vec::new();
    for torn in [0, 1, 7, 100, 400, 1000, len / 2, len - 1, len] {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let log = copy.path().join("rocks").join(log.file_name().unwrap());
        fs::File::options().write(true).open(&log).unwrap().set_len(len - torn).unwrap();
        let store = open(copy.path()).unwrap_or_else(|error| panic!("{torn} of {len} bytes torn off: {error}"));
        let count = count_whole(&store);
        // The store goes on from there, and what is written next is there after another start.
        commit(&store, count).unwrap();
        drop(store);
        assert_eq!(count_whole(&open(copy.path()).unwrap()), count + 1);
        counts.push(count);
    }
    assert_eq!(counts[0], 50);
    assert!(counts.is_sorted_by(|more, less| more >= less), "more torn off, more left: {counts:?}");
    assert_eq!(counts.last(), Some(&0));
}

#[test]
fn a_damaged_log_record_does_not_bring_back_what_came_after_it() {
    let folder = folder_with_log(50);
    let log = files(folder.path(), "log").pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&log, bytes).unwrap();
    let count = count_whole(&open(folder.path()).unwrap());
    assert!((10..40).contains(&count), "{count} commits");
}

#[test]
fn damage_in_a_sorted_file_is_an_error_and_not_other_data() {
    let folder = folder_with_log(0);
    let store = open(folder.path()).unwrap();
    for number in 0..2000 {
        commit(&store, number).unwrap();
    }
    store.compact().unwrap();
    drop(store);
    for path in files(folder.path(), "sst") {
        let mut bytes = fs::read(&path).unwrap();
        // The first block of data.
        bytes[40] ^= 0xff;
        fs::write(&path, bytes).unwrap();
    }
    match open(folder.path()) {
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error}"),
        Ok(store) => {
            let error = store.get(Table::Entries, &0u32.to_be_bytes()).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
            let all =
                tidings_ledger::store::KeyRange { from: std::ops::Bound::Unbounded, to: std::ops::Bound::Unbounded };
            let mut visit = |_: &[u8], _: &[u8]| std::ops::ControlFlow::Continue(());
            let scanned = store.scan(Table::Entries, all, tidings_ledger::store::Direction::Forward, &mut visit);
            assert!(matches!(scanned, Err(StoreError::Corrupt(_))), "a damaged scan ended as if complete: {scanned:?}");
        }
    }
}

#[test]
fn a_missing_file_is_damage_and_not_an_empty_store() {
    for extension in ["sst", "log"] {
        let folder = folder_with_log(10);
        {
            let store = open(folder.path()).unwrap();
            store.compact().unwrap();
            commit(&store, 10).unwrap();
        }
        for path in files(folder.path(), extension) {
            fs::remove_file(path).unwrap();
        }
        match open(folder.path()) {
            Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "without {extension}: {error}"),
            // RocksDB cannot know of the newest log alone; what it had is gone, and whole commits remain.
            Ok(store) => {
                assert_eq!(extension, "log");
                assert_eq!(count_whole(&store), 10);
            }
        }
    }
}

/// RocksDB alone would make a new database there and delete what it takes for litter.
#[test]
fn a_database_without_its_head_is_not_swept_away() {
    let folder = folder_with_log(10);
    let store = open(folder.path()).unwrap();
    store.compact().unwrap();
    drop(store);
    let current = folder.path().join("rocks/CURRENT");
    let head = fs::read(&current).unwrap();
    fs::remove_file(&current).unwrap();
    for _ in 0..2 {
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    }
    fs::write(&current, head).unwrap();
    assert_eq!(count_whole(&open(folder.path()).unwrap()), 10);
}

#[test]
fn a_foreign_folder_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Foreign { found, .. } if found.contains("thesis.txt")), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);
    assert_eq!(fs::read_to_string(folder.path().join("thesis.txt")).unwrap(), "precious");

    let file = folder.path().join("thesis.txt");
    let error = open(&file).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");

    let marked = tempfile::tempdir().unwrap();
    fs::write(marked.path().join("TIDINGS"), "the paper of 3 May").unwrap();
    let error = open(marked.path()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_to_string(marked.path().join("TIDINGS")).unwrap(), "the paper of 3 May");
}

#[test]
fn a_fresh_volume_and_a_start_that_was_cut_short_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    fs::write(folder.path().join("TIDINGS.new"), "Tidi").unwrap();
    commit(&open(folder.path()).unwrap(), 0).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("TIDINGS")).unwrap(), "Tidings data folder, format 1\n");

    // Marked, and then nothing more.
    fs::remove_dir_all(folder.path().join("rocks")).unwrap();
    assert_eq!(count_whole(&open(folder.path()).unwrap()), 0);
}

#[test]
fn a_folder_of_a_newer_program_is_refused_and_left_as_it_is() {
    let folder = folder_with_log(1);
    let marker = folder.path().join("TIDINGS");
    fs::write(&marker, "Tidings data folder, format 2\n").unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::TooNew { found: 2, known: 1 });
    fs::write(&marker, "Tidings data folder, format 1\n").unwrap();
    assert_eq!(count_whole(&open(folder.path()).unwrap()), 1);

    // The number inside counts too, should the marker have been copied from elsewhere.
    let names: Vec<&str> = Table::ALL.iter().map(|table| table.name()).chain(["default"]).collect();
    let database = rocksdb::DB::open_cf(&rocksdb::Options::default(), folder.path().join("rocks"), &names).unwrap();
    database.put("format", 7u32.to_be_bytes()).unwrap();
    drop(database);
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::TooNew { found: 7, known: 1 });
}

#[test]
fn unknown_tables_are_refused() {
    let folder = folder_with_log(1);
    let names: Vec<&str> = Table::ALL.iter().map(|table| table.name()).chain(["default"]).collect();
    let database = rocksdb::DB::open_cf(&rocksdb::Options::default(), folder.path().join("rocks"), &names);
    let mut database = database.unwrap();
    database.create_cf("votes", &rocksdb::Options::default()).unwrap();
    drop(database);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Foreign { found, .. } if found.contains("votes")), "{error}");
}

const HOLD: &str = "TIDINGS_TEST_HOLD";

/// Not a test of its own: what [`two_processes_cannot_open_one_folder`] runs in another process.
#[test]
fn hold_a_folder_when_told_to() {
    let Some(folder) = std::env::var_os(HOLD) else { return };
    let store = open(Path::new(&folder)).unwrap();
    commit(&store, 0).unwrap();
    println!("\nheld");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn two_processes_cannot_open_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_folder_when_told_to", "--nocapture"])
        .env(HOLD, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::Locked { path: folder.path().to_owned() });
    // However it ends, its lock ends with it.
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(count_whole(&open(folder.path()).unwrap()), 1);
}

#[test]
fn one_process_cannot_open_a_folder_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), StoreError::Locked { path: folder.path().to_owned() });
    drop(store);
    open(folder.path()).unwrap();
}

#[test]
fn a_copy_holds_the_moment_of_its_making() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for number in 0..20 {
        commit(&store, number).unwrap();
    }
    let backup = tempfile::tempdir().unwrap();
    store.checkpoint(backup.path().join("copy")).unwrap();
    commit(&store, 20).unwrap();
    assert_eq!(count_whole(&open(&backup.path().join("copy")).unwrap()), 20);
    assert_eq!(count_whole(&store), 21);

    // Nothing is copied over.
    for taken in [folder.path().to_owned(), backup.path().join("copy"), backup.path().to_owned()] {
        let error = store.checkpoint(&taken).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
    // A copy that was cut short is not taken for a store.
    fs::remove_file(backup.path().join("copy/TIDINGS")).unwrap();
    let error = open(&backup.path().join("copy")).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

/// A small file system in memory, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|done| done.status.success()).then(|| SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "RocksDB recovers by its own clock")]
fn a_full_disk_is_told_loses_nothing_and_heals() {
    for durability in [Durability::Wal, Durability::Fsync] {
        let Some(disk) = SmallDisk::mount(48) else {
            eprintln!("skipped: mounting a small file system needs root on Linux");
            return;
        };
        let ballast = disk.0.path().join("ballast");
        fs::write(&ballast, vec![0u8; 20 << 20]).unwrap();
        let folder = disk.0.path().join("data");
        let store = RocksStore::open(&folder, RocksOptions::durable(durability)).unwrap();
        let mut taken = 0;
        let refused = loop {
            assert!(taken < 200_000, "the disk does not fill");
            match commit(&store, taken) {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, StoreError::Full(_)), "{refused}");
        assert_eq!(count_whole(&store), taken, "reads while the disk is full");

        fs::remove_file(&ballast).unwrap();
        // RocksDB looks for space every few seconds.
        let healed = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            commit(&store, taken).is_ok()
        });
        assert!(healed, "commits did not work again once there was space");
        assert_eq!(count_whole(&store), taken + 1);
        drop(store);
        assert_eq!(count_whole(&RocksStore::open(&folder, RocksOptions::durable(durability)).unwrap()), taken + 1);
    }
}
