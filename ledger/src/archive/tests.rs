//! Whole ledgers out of one store and into another.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};

use super::{ArchiveError, verify_path};
use crate::author::AuthorKey;
use crate::car::{CarReader, CarWriter};
use crate::entry::{Entry, Link};
use crate::handle::{Clock, Query};
use crate::store::MemoryStore;
use crate::time::Time;
use crate::unixfs::UnixfsError;
use crate::vocabulary::{file, post, redact};
use crate::{Ledger, Options, Topic, TopicName};

/// A clock that stands.
struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_millis(1_800_000_000_000)
    }

    fn sleep_until(&self, _: Time) -> BoxFuture<'static, ()> {
        futures::future::pending().boxed()
    }
}

fn ledger() -> Ledger {
    Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(Still), Options::default()).unwrap()
}

fn room(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

fn key(seed: u8) -> AuthorKey {
    AuthorKey::from_seed(&[seed; 32])
}

fn big() -> Vec<u8> {
    (0..2_500_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

struct Made {
    ledger: Ledger,
    topic: Topic,
    big: Link,
    taken_back: Entry,
}

/// A topic of 300 entries (so that its folder has levels), two of them with files, one of these taken back.
fn made() -> Made {
    let ledger = ledger();
    let topic = ledger.topic(&room("archive"));
    let big = ledger.attach(&big()[..], "big.bin", "application/octet-stream").unwrap();
    let gone = ledger.attach(&b"gone"[..], "gone.txt", "text/plain").unwrap();
    let time = |n: u64| Time::from_millis(1_700_000_000_000 + n * 1000);
    let drafts = (0..298).map(|n| post(format!("comment {n}")).at(time(n))).collect();
    block_on(topic.append_all(&key(1), drafts)).unwrap();
    block_on(topic.append(&key(2), file(big.clone(), "a file").at(time(50)))).unwrap();
    let taken_back = block_on(topic.append(&key(2), file(gone, "a mistake").at(time(51)))).unwrap();
    block_on(topic.append(&key(2), redact(taken_back.id(), "").at(time(280)))).unwrap();
    ledger.flush().unwrap();
    Made { ledger, topic, big, taken_back }
}

fn read(ledger: &Ledger, link: &Link) -> Result<Vec<u8>, UnixfsError> {
    let stream = ledger.attachment(link).unwrap();
    block_on(stream.try_fold(Vec::new(), |mut all, data| async move {
        all.extend_from_slice(&data);
        Ok(all)
    }))
}

fn cids(ledger: &Ledger) -> (Option<cid::Cid>, u64) {
    ledger.flush().unwrap();
    let catalog = ledger.catalog().unwrap();
    (catalog.cid, catalog.entries)
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut due = vec![path.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = due.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            (if path.is_dir() { &mut due } else { &mut files }).push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn a_car_brings_the_same_ledger_with_its_files_into_an_empty_store() {
    let made = made();
    let mut car = Vec::new();
    let exported = made.topic.export_car(&mut car).unwrap();
    assert_eq!((exported.entries, exported.attachments, exported.missing), (301, 1, 0));
    assert_eq!(exported.bytes, car.len() as u64);
    assert_eq!(exported.root, made.topic.info().unwrap().cid.unwrap().to_string());
    let other = ledger();
    let imported = other.import_car(&car[..]).unwrap();
    assert_eq!((imported.new, imported.known, imported.refused, imported.unused), (301, 0, 0, 0), "{imported:?}");
    assert_eq!(imported.attachments, 4, "the blocks of the big file: three chunks and their root");
    assert_eq!(cids(&other), cids(&made.ledger));
    assert_eq!(read(&other, &made.big).unwrap(), big());
    let again = other.import_car(&car[..]).unwrap();
    assert_eq!((again.new, again.known, again.unused), (0, 301, 0), "nothing is taken twice");
}

#[test]
fn a_car_of_everything_has_the_catalog_as_its_root() {
    let made = made();
    block_on(made.ledger.topic(&room("another")).append(&key(3), post("hi"))).unwrap();
    let mut car = Vec::new();
    let exported = made.ledger.export_car(&mut car).unwrap();
    assert_eq!((Some(exported.root), exported.entries), (cids(&made.ledger).0.map(|cid| cid.to_string()), 302));
    let other = ledger();
    other.import_car(&car[..]).unwrap();
    assert_eq!(cids(&other), cids(&made.ledger));
}

#[test]
fn every_block_of_an_exported_car_is_reached_from_its_root_and_there_once() {
    let made = made();
    let mut car = Vec::new();
    made.topic.export_car(&mut car).unwrap();
    let blocks: Vec<_> = CarReader::new(&car[..]).unwrap().collect::<Result<_, _>>().unwrap();
    let held: BTreeSet<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    assert_eq!(held.len(), blocks.len());
    let mut reached = BTreeSet::from([made.topic.info().unwrap().cid.unwrap()]);
    for (cid, bytes) in &blocks {
        reached.extend(crate::unixfs::child_cids(cid, bytes).unwrap());
    }
    assert_eq!(reached, held);
}

#[test]
fn a_cars_blocks_in_any_order_bring_all_entries() {
    let made = made();
    let mut car = Vec::new();
    made.topic.export_car(&mut car).unwrap();
    let mut blocks: Vec<_> = CarReader::new(&car[..]).unwrap().collect::<Result<_, _>>().unwrap();
    // A redaction before what it redacts, files before their entry: the files are lost, which is told, the entries not.
    blocks.reverse();
    let mut writer = CarWriter::new(Vec::new(), &[]).unwrap();
    blocks.iter().for_each(|(cid, bytes)| writer.write(cid, bytes).unwrap());
    let other = ledger();
    let imported = other.import_car(&writer.finish().unwrap()[..]).unwrap();
    assert_eq!((imported.new, imported.refused, imported.unused), (301, 0, 4), "{imported:?}");
    assert_eq!(cids(&other), cids(&made.ledger));
}

#[test]
fn a_car_cut_short_is_an_error_and_what_came_whole_stays() {
    let made = made();
    let mut car = Vec::new();
    made.topic.export_car(&mut car).unwrap();
    let other = ledger();
    let error = other.import_car(&car[..car.len() - 10]).unwrap_err();
    assert!(matches!(error, ArchiveError::Car(crate::car::CarError::Truncated { .. })), "{error}");
    assert_eq!(cids(&other).1, 300);
}

#[test]
fn a_forged_entry_in_a_car_is_refused_by_name_and_the_rest_comes_in() {
    let made = made();
    let entry = made.topic.read(&Query { limit: 1, ..Query::default() }).unwrap().items.remove(0);
    let mut forged = entry.to_file();
    let signature = forged.windows(6).position(|bytes| bytes == b"commen").unwrap() - 20;
    forged[signature] ^= 1;
    let mut writer = CarWriter::new(Vec::new(), &[]).unwrap();
    let good = entry.to_file();
    let cid = crate::content::raw_cid(&forged);
    writer.write(&cid, &forged).unwrap();
    writer.write(&crate::content::raw_cid(&good), &good).unwrap();
    writer.write(&crate::content::raw_cid(b"junk"), b"junk").unwrap();
    let imported = ledger().import_car(&writer.finish().unwrap()[..]).unwrap();
    assert_eq!((imported.new, imported.refused, imported.unused), (1, 1, 1), "{imported:?}");
    assert_eq!(imported.problems[0].place, cid.to_string());
}

#[test]
fn a_folder_of_files_brings_the_same_ledger_and_verifies_to_its_cid() {
    let made = made();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let exported = made.topic.export_folder(&path).unwrap();
    assert_eq!((exported.entries, exported.attachments, exported.missing), (301, 1, 0));
    assert_eq!(files_below(&path).len(), 302);
    let report = verify_path(&path).unwrap();
    assert_eq!((report.good, report.attachments, report.missing, report.bad), (301, 1, 0, 0), "{report:?}");
    assert_eq!(report.topics[0].folder, exported.root);
    assert_eq!(report.topics[0].name.as_deref(), Some(made.topic.name().to_string().as_str()));
    let other = ledger();
    let imported = other.import_folder(&path).unwrap();
    assert_eq!((imported.new, imported.attachments, imported.refused, imported.unused), (301, 1, 0, 0), "{imported:?}");
    assert_eq!(cids(&other), cids(&made.ledger));
    assert_eq!(read(&other, &made.big).unwrap(), big());
}

#[test]
fn an_export_into_a_folder_with_something_in_it_is_refused() {
    let made = made();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine.txt"), "mine").unwrap();
    assert!(matches!(made.topic.export_folder(directory.path()), Err(ArchiveError::NotEmpty(_))));
    assert!(matches!(ledger().topic(&room("empty")).export_car(Vec::new()), Err(ArchiveError::Empty)));
}

#[test]
fn bad_files_in_a_folder_are_named_and_the_rest_is_imported_and_verified() {
    let made = made();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    made.topic.export_folder(&path).unwrap();
    let files = files_below(&path);
    let is_big = |path: &&PathBuf| path.to_string_lossy().ends_with(".big.bin");
    let attached = files.iter().find(is_big).unwrap();
    let entries: Vec<&PathBuf> = files.iter().filter(|path| !is_big(path)).collect();
    // A flipped byte in the file, in an entry; a wrong name; a text; a directory of more; a link to elsewhere.
    let mut bytes = fs::read(attached).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(attached, bytes).unwrap();
    let mut bytes = fs::read(entries[3]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(entries[3], bytes).unwrap();
    let renamed = entries[5].with_file_name("20200101T000000.000Z-aaaaaaaaaaaaaaaa");
    fs::rename(entries[5], &renamed).unwrap();
    fs::write(path.join("readme.txt"), "hello").unwrap();
    fs::write(path.join("large.txt"), vec![0; 3 << 20]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/", path.join("root")).unwrap();
    let links = usize::from(cfg!(unix));

    let report = verify_path(&path).unwrap();
    assert_eq!((report.good, report.attachments, report.bad as usize), (299, 0, 5 + links), "{:#?}", report.problems);
    let named: BTreeSet<&str> = report.problems.iter().map(|problem| problem.place.as_str()).collect();
    for bad in [attached, entries[3], &renamed, &path.join("readme.txt")] {
        assert!(named.contains(bad.display().to_string().as_str()), "{}", bad.display());
    }
    assert_ne!(report.topics[0].folder, made.topic.info().unwrap().cid.unwrap().to_string());

    let other = ledger();
    let imported = other.import_folder(&path).unwrap();
    // A wrong name is no reason not to take a good entry in.
    assert_eq!((imported.new, imported.refused as usize, imported.unused), (300, 4 + links, 1), "{imported:#?}");
    assert_eq!(imported.attachments, 0);
    assert!(matches!(read(&other, &made.big), Err(UnixfsError::Block { .. })));
}

#[test]
fn a_body_that_was_taken_back_is_noticed_when_it_is_still_there() {
    let made = made();
    let directory = tempfile::tempdir().unwrap();
    made.topic.export_folder(directory.path()).unwrap();
    let redacted = files_below(directory.path())
        .into_iter()
        .find(|path| path.to_string_lossy().contains(&made.taken_back.id().digits()[..16]))
        .unwrap();
    fs::write(&redacted, made.taken_back.to_file()).unwrap();
    let report = verify_path(directory.path()).unwrap();
    assert_eq!((report.bad, report.missing), (1, 1));
    assert!(report.problems[0].what.contains("took it back"), "{report:?}");
    // And its import changes nothing for whoever has the redaction.
    let imported = made.ledger.import_folder(directory.path()).unwrap();
    assert_eq!((imported.new, imported.refused), (0, 0), "{imported:?}");
    assert!(made.ledger.entry(&made.taken_back.id()).unwrap().unwrap().is_redacted());
}

#[test]
fn a_redaction_frees_the_file_that_only_its_entry_had() {
    let ledger = ledger();
    let topic = ledger.topic(&room("freed"));
    let link = ledger.attach(&b"secret"[..], "a.txt", "text/plain").unwrap();
    let entry = block_on(topic.append(&key(1), file(link.clone(), ""))).unwrap();
    assert_eq!(read(&ledger, &link).unwrap(), b"secret");
    block_on(topic.redact(&key(1), entry.id())).unwrap();
    assert!(matches!(read(&ledger, &link), Err(UnixfsError::Block { .. })));
}

#[test]
fn a_link_that_lies_about_its_files_length_is_an_error_when_read() {
    let ledger = ledger();
    let mut link = ledger.attach(&b"four"[..], "a.txt", "text/plain").unwrap();
    link.size = 5;
    assert!(matches!(read(&ledger, &link), Err(UnixfsError::Size { claimed: 5, found: 4, .. })));
}
