//! Files that are shared, freed, and taken in again.

use std::sync::Arc;

use super::{attach, release_orphans};
use crate::content::{digest_of, raw_cid};
use crate::entry::{EntryId, Link};
use crate::records::notes;
use crate::store::{Batch, Direction, MemoryStore, Store, Table};
use crate::transport::Blocks;

fn blocks(store: &dyn Store) -> usize {
    crate::records::collect(store, Table::Blocks, &[], &[0xff; 40], Direction::Forward, usize::MAX).unwrap().len()
}

fn file(first: u8, last: u8) -> Vec<u8> {
    let mut bytes = vec![first; 1 << 20];
    bytes.extend(vec![last; 1 << 20]);
    bytes
}

/// As the replica does when an entry with this link comes in, or is redacted.
fn entry(store: &dyn Store, link: &Link, id: u8, there: bool) {
    let root = digest_of(&link.cid).unwrap();
    let id = EntryId::from_bytes([id; 32]);
    let mut batch = Batch::new();
    if there {
        batch.put(Table::Notes, notes::attached(&root, &id), []);
    } else {
        batch.delete(Table::Notes, notes::attached(&root, &id));
        batch.put(Table::Notes, notes::orphan(&link.cid).unwrap(), []);
    }
    store.commit(batch).unwrap();
    release_orphans(store).unwrap();
}

#[test]
fn a_block_that_two_files_share_stays_until_both_are_gone() {
    let store = MemoryStore::new();
    let one = attach(&store, &file(1, 2)[..], "one.bin", "application/octet-stream").unwrap();
    let two = attach(&store, &file(1, 3)[..], "two.bin", "application/octet-stream").unwrap();
    assert_eq!(blocks(&store), 5, "two roots, three different chunks");
    entry(&store, &one, 1, true);
    entry(&store, &two, 2, true);
    entry(&store, &one, 1, false);
    assert_eq!(blocks(&store), 3);
    let library = crate::handle::Library::new(Arc::new(store));
    assert!(library.get(&raw_cid(&[1; 1 << 20])).unwrap().is_some());
}

#[test]
fn a_file_that_two_entries_have_stays_until_both_are_redacted() {
    let store = MemoryStore::new();
    let link = attach(&store, &b"small"[..], "a.txt", "text/plain").unwrap();
    assert_eq!((link.cid, link.size), (raw_cid(b"small"), 5));
    entry(&store, &link, 1, true);
    entry(&store, &link, 2, true);
    entry(&store, &link, 1, false);
    assert_eq!(blocks(&store), 1);
    entry(&store, &link, 2, false);
    assert_eq!(blocks(&store), 0);
    assert!(
        crate::records::collect(&store, Table::Notes, &[], &[0xff; 40], Direction::Forward, 9).unwrap().is_empty(),
        "no notes are left behind"
    );
}

#[test]
fn a_bad_name_is_refused_before_the_file_is_read() {
    struct Unread;
    impl std::io::Read for Unread {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("read although the name is bad")
        }
    }
    let store = MemoryStore::new();
    for name in ["", "..", "a/b", "a\u{0}"] {
        assert!(matches!(attach(&store, Unread, name, "text/plain"), Err(super::AttachError::Link(_))), "{name:?}");
    }
}

#[test]
fn a_file_that_breaks_off_is_an_error_and_not_a_shorter_file() {
    struct Breaks(usize);
    impl std::io::Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| std::io::Error::other("unplugged"))?;
            Ok(buffer.len())
        }
    }
    let error = attach(&MemoryStore::new(), Breaks(3), "a.bin", "application/octet-stream").unwrap_err();
    assert!(error.to_string().contains("unplugged"), "{error}");
}
