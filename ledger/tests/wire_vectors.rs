//! Golden bytes of entries, folders and announcements. `tests/python/check_vectors.py` reads the same files with software
//! that shares no code with this crate.

#[path = "support/golden.rs"]
mod golden;

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use data_encoding::HEXLOWER;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt, pending};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidings_ledger::admission::{Submission, admit};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::car::CarWriter;
use tidings_ledger::entry::Link;
use tidings_ledger::handle::Clock;
use tidings_ledger::store::{MemoryStore, Store};
use tidings_ledger::transport::Blocks;
use tidings_ledger::{AuthorKey, Draft, Entry, EntryId, Ledger, Library, Options, Time, TopicName};

/// 2026-11-20T23:42:05.123Z
const NOW: u64 = 1_795_218_125_123;

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        Time::from_millis(NOW)
    }

    fn sleep_until(&self, _: Time) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}

struct Replica {
    store: Arc<dyn Store>,
    ledger: Ledger,
}

impl Replica {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let ledger = Ledger::offline(store.clone(), Arc::new(Stopped), Options::default()).unwrap();
        Replica { store, ledger }
    }

    fn append(&self, author: u8, draft: Draft) -> Entry {
        block_on(self.ledger.topic(&page()).append(&key(author), draft)).unwrap()
    }

    fn submit(&self, entries: &[Entry]) {
        let files = entries.iter().map(|entry| Bytes::from(entry.to_file())).collect();
        for result in self.ledger.topic(&page()).submit(files).unwrap() {
            assert!(result.unwrap(), "an entry was there before");
        }
    }

    fn folder(&self) -> Cid {
        self.ledger.flush().unwrap();
        self.ledger.topic(&page()).info().unwrap().cid.unwrap()
    }
}

fn page() -> TopicName {
    TopicName::parse("https://example.org/news").unwrap()
}

fn key(author: u8) -> AuthorKey {
    AuthorKey::from_seed(&[author; 32])
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn raw_cid(bytes: &[u8]) -> Cid {
    EntryId::from_bytes(Sha256::digest(bytes).into()).to_cid()
}

fn link(name: &str, bytes: &[u8], media_type: &str) -> Link {
    Link { name: name.to_owned(), cid: raw_cid(bytes), size: bytes.len() as u64, media_type: media_type.to_owned() }
}

#[test]
fn entries_keep_their_bytes() {
    let replica = Replica::new();
    let first = replica.append(1, Draft::new("post", "Good morning."));
    let answer = replica.append(2, Draft::new("reply", "Grüß dich! 早上好").about(first.id()).at(at(NOW + 1)));
    let photo = link("photo.png", b"not really a picture", "image/png");
    let sound = link("a sound.ogg", b"nor a sound", "audio/ogg");
    let attached = replica.append(1, Draft::new("post", "").with(photo).with(sound).at(at(NOW + 2)));
    let json = Draft::new("poll", r#"{"yes":1}"#).of_type("application/json").at(at(0));
    let typed = replica.append(1, json.about(first.id()).about(answer.id()));
    let redaction = replica.append(1, Draft::new("redact", "").redacting(first.id()).redacting(attached.id()));
    let entries = [
        ("an author's first entry, which names the topic", first),
        ("a reply by another author, text outside ASCII", answer),
        ("an empty body, two attached files", attached),
        ("another media type, two refs, the earliest time", typed),
        ("takes back two entries", redaction),
    ];
    let rows: Vec<Value> = entries.iter().map(|(what, entry)| row(what, entry)).collect();
    let refused = refused(&entries[0].1);
    for vector in &refused {
        let file = HEXLOWER.decode(vector["file"].as_str().unwrap().as_bytes()).unwrap().into();
        let answer = admit(&[Submission { file, topic: None }]).pop().unwrap();
        assert!(answer.is_err(), "{} was accepted", vector["what"]);
    }
    golden::compare_json("entries.json", &json!({ "entries": rows, "refused": refused }));
}

fn row(what: &str, entry: &Entry) -> Value {
    let header = entry.header();
    json!({
        "what": what,
        "file": HEXLOWER.encode(&entry.to_file()),
        "file_cid": entry.file_cid().to_string(),
        "redacted_file_cid": entry.redacted().file_cid().to_string(),
        "id": entry.id().to_string(),
        "author": entry.author().to_string(),
        "topic": entry.topic().to_string(),
        "topic_name": header.topic_name,
        "seq": header.seq,
        "prev": header.prev.map(|prev| prev.to_string()),
        "time": entry.time().as_millis(),
        "kind": entry.kind(),
        "refs": header.refs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "redacts": header.redacts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "links": header.links.iter().map(|l| json!([l.name, l.cid.to_string(), l.size, l.media_type])).collect::<Vec<_>>(),
        "media_type": header.body.media_type,
        "text": entry.text(),
    })
}

/// What one change makes of a good file.
fn refused(good: &Entry) -> Vec<Value> {
    let (file, header_len) = (good.to_file(), good.header_bytes().len());
    let changed = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file.clone();
        change(&mut bytes);
        assert_ne!(bytes, file, "{what}");
        json!({ "what": what, "file": HEXLOWER.encode(&bytes) })
    };
    vec![
        changed("one bit of the signature", &|bytes| bytes[header_len] ^= 1),
        changed("another key", &|bytes| bytes[40] ^= 1),
        changed("another content type", &|bytes| bytes[12] = b'b'),
        changed("another version", &|bytes| {
            let at = 1 + 2 + 61 + 1 + 2;
            assert_eq!(bytes[at..at + 3], [0xa8, 1, 1], "a map of eight, key 1, version 1");
            bytes[at + 2] = 2;
        }),
        changed("one bit of the body", &|bytes| *bytes.last_mut().unwrap() ^= 1),
        changed("a byte behind the end", &|bytes| bytes.push(0)),
        changed("the last byte is missing", &|bytes| bytes.truncate(bytes.len() - 1)),
        changed("a length that is not in its shortest form", &|bytes| drop(bytes.splice(0..1, [0x98, 2]))),
        changed("a body of another type", &|bytes| bytes[1 + header_len] |= 0x20),
        changed("no tag", &|bytes| drop(bytes.drain(1..2))),
    ]
}

#[test]
fn folders_keep_their_shape() {
    let sets = [
        ("one entry", small(1)),
        ("64 links: still flat", small(64)),
        ("65 links: two levels", small(65)),
        ("1,200 entries", small(1200)),
        ("300 entries whose ids end nothing: cut after 256", ground(300)),
        ("attached files, some of them taken back", attached()),
    ];
    let rows: Vec<Value> = sets
        .into_iter()
        .map(|(what, entries)| {
            let replica = Replica::new();
            replica.submit(&entries);
            let root = replica.folder();
            let items: Vec<Value> = items(&replica);
            json!({ "what": what, "root": root.to_string(), "items": items })
        })
        .collect();
    golden::compare("folder.json", one_line_each(&rows).as_bytes());
}

/// What a folder's shape depends on: time, id, file's CID and length, attached files.
fn items(replica: &Replica) -> Vec<Value> {
    let mut items = Vec::new();
    let topic = replica.ledger.topic(&page());
    let mut query = tidings_ledger::handle::Query { limit: 1000, ..Default::default() };
    loop {
        let found = topic.read(&query).unwrap();
        items.extend(found.items.iter().map(|entry| {
            let links = if entry.is_redacted() { &[][..] } else { &entry.header().links };
            let links: Vec<Value> = links.iter().map(|l| json!([l.name, l.cid.to_string(), l.size])).collect();
            let file = entry.to_file();
            json!([entry.time().as_millis(), entry.id().to_string(), entry.file_cid().to_string(), file.len(), links])
        }));
        match found.next {
            Some(next) => query.after = Some(next),
            None => return items,
        }
    }
}

/// JSON with one item a line: long lists stay readable, and differences small.
fn one_line_each(rows: &[Value]) -> String {
    let mut text = String::from("[\n");
    for (at, row) in rows.iter().enumerate() {
        let items: Vec<String> = row["items"].as_array().unwrap().iter().map(|item| format!("  {item}")).collect();
        let end = if at + 1 < rows.len() { "," } else { "" };
        text += &format!(
            "{{\"what\": {}, \"root\": {}, \"items\": [\n{}\n]}}{end}\n",
            row["what"],
            row["root"],
            items.join(",\n")
        );
    }
    text + "]\n"
}

/// Entries of three authors, a minute apart.
fn small(count: u64) -> Vec<Entry> {
    let replica = Replica::new();
    let draft = |n: u64| Draft::new("post", format!("entry {n}")).at(at(NOW - 86_400_000 + 60_000 * n));
    (0..count).map(|n| replica.append((n % 3) as u8, draft(n))).collect()
}

/// Entries none of which ends a node, as an author would make them who searches for such ids.
fn ground(count: u64) -> Vec<Entry> {
    let attempt = |n: u64, attempt: u64| {
        let draft = Draft::new("post", format!("entry {n}.{attempt}")).at(at(NOW - 86_400_000 + n));
        Replica::new().append(9, draft)
    };
    let ends_nothing = |entry: &Entry| !entry.id().as_bytes()[31].is_multiple_of(32);
    (0..count).filter_map(|n| (0..100).map(|again| attempt(n, again)).find(ends_nothing)).collect()
}

/// 60 entries with 2 files each, of which 10 are taken back.
fn attached() -> Vec<Entry> {
    let replica = Replica::new();
    let mut entries = Vec::new();
    for n in 0..60u64 {
        let text = format!("with files {n}");
        let files =
            [link("b.txt", text.as_bytes(), "text/plain"), link("a.bin", &[n as u8], "application/octet-stream")];
        let draft = files.into_iter().fold(Draft::new("post", text), Draft::with);
        entries.push(replica.append(4, draft.at(at(NOW - 1000 + n))));
    }
    for n in 0..10 {
        let draft = Draft::new("redact", "").redacting(entries[6 * n].id()).at(at(NOW + n as u64));
        entries.push(replica.append(4, draft));
    }
    entries
}

#[test]
fn a_folder_exported_as_car_keeps_its_bytes() {
    let replica = Replica::new();
    replica.submit(&small(80));
    let library = Library::new(replica.store.clone());
    let mut car = CarWriter::new(Vec::new(), &[replica.folder()]).unwrap();
    for (cid, block) in blocks_below(&library, replica.folder()) {
        car.write(&cid, &block).unwrap();
    }
    golden::compare("folder.car", &car.finish().unwrap());
}

/// A folder's blocks, each directory before what is in it.
fn blocks_below(library: &Library, root: Cid) -> Vec<(Cid, Bytes)> {
    let mut blocks = Vec::new();
    let mut left = vec![root];
    while let Some(cid) = left.pop() {
        let block = library.get(&cid).unwrap().unwrap();
        if cid.codec() == 0x70 {
            let node = ipld_dagpb::PbNode::from_bytes(block.clone()).unwrap();
            left.extend(node.links.iter().rev().map(|link| link.cid));
        }
        blocks.push((cid, block));
    }
    blocks
}

#[test]
fn announcements_keep_their_bytes() {
    let replica = Replica::new();
    let entry = replica.append(1, Draft::new("post", "Good morning."));
    let without = Announcement {
        topic: page().id(),
        folder: replica.folder(),
        count: 1,
        newest: entry.time(),
        inline: Vec::new(),
    };
    let with =
        Announcement { inline: vec![entry.to_file().into(), entry.redacted().to_file().into()], ..without.clone() };
    let many = Announcement { count: u64::MAX, newest: Time::MAX, ..without.clone() };
    let rows: Vec<Value> =
        [("without entries", without), ("with two entry files", with), ("the largest numbers", many)]
            .iter()
            .map(|(what, announcement)| {
                let bytes = announcement.encode();
                assert_eq!(Announcement::decode(&bytes.clone().into()).as_ref(), Ok(announcement), "{what}");
                json!({
                    "what": what,
                    "bytes": HEXLOWER.encode(&bytes),
                    "topic": announcement.topic.to_string(),
                    "folder": announcement.folder.to_string(),
                    "count": announcement.count,
                    "newest": announcement.newest.as_millis(),
                    "inline": announcement.inline.iter().map(|file| HEXLOWER.encode(file)).collect::<Vec<_>>(),
                })
            })
            .collect();
    golden::compare_json("announcement.json", &json!({ "announcements": rows }));
}
