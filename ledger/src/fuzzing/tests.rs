//! Valid inputs, damaged, through every decoder.

use std::sync::LazyLock;

use cid::Cid;
use proptest::prelude::*;

use super::mutation::{mutated, mutations};
use super::*;
use crate::author::AuthorKey;
use crate::depth::cases;
use crate::entry::{Draft, Link, Place, sign};
use crate::folder::{Child, File, Item};
use crate::unixfs::add;

fn topic() -> TopicName {
    TopicName::parse("https://example.org/page").unwrap()
}

/// An entry with everything that an entry can have, and a plain one.
fn entries() -> Vec<Entry> {
    let key = AuthorKey::from_seed(&[3; 32]);
    let place = |seq: u64, prev: Option<EntryId>| Place {
        topic: topic().id(),
        topic_name: (seq == 0).then(|| topic().to_string()),
        seq,
        prev,
        now: Time::from_millis(1_795_218_125_123),
    };
    let first = sign(Draft::new("post", "first"), place(0, None), &key).unwrap();
    let link = |name: &str| Link {
        name: name.to_owned(),
        cid: content::raw_cid(name.as_bytes()),
        size: 1 << 33,
        media_type: "audio/ogg".to_owned(),
    };
    let full = Draft::new("reply", "a text\nof two lines, with ü")
        .about(first.id())
        .redacting(first.id())
        .with(link("a.ogg"))
        .with(link("b b.ogg"))
        .of_type("text/markdown");
    let full = sign(full, place(1, Some(first.id())), &key).unwrap();
    vec![first.redacted(), first, full]
}

fn entry_files() -> Vec<Vec<u8>> {
    entries().iter().map(Entry::to_file).collect()
}

fn headers() -> Vec<Vec<u8>> {
    entries().iter().map(|entry| entry.header_bytes().to_vec()).collect()
}

fn nodes() -> Vec<Vec<u8>> {
    let entries = entries();
    let (time, cid) = (entries[1].time(), entries[1].file_cid());
    let (first, second) = (entries[1].id().min(entries[2].id()), entries[1].id().max(entries[2].id()));
    let item = |id: &EntryId, files: Vec<File>| Item { key: folder::short(time, id), cid, size: 300, files };
    let file = File { name: "a.ogg".to_owned(), cid, size: 5 };
    let leaf = folder::encode_leaf(&[item(&first, vec![file]), item(&second, Vec::new())]);
    let inner = |name: String| folder::encode_inner(&[Child { first: name, cid: leaf.cid, size: leaf.size }]);
    let catalog_item = Item { key: topic().id().to_string(), cid: leaf.cid, size: leaf.size, files: Vec::new() };
    vec![
        folder::encode_leaf(&[]).bytes,
        inner(folder::short(time, &first)).bytes,
        inner(folder::long(time, &first)).bytes,
        inner(topic().id().to_string()).bytes,
        folder::encode_leaf(&[catalog_item]).bytes,
        leaf.bytes,
    ]
}

fn announcements() -> Vec<Vec<u8>> {
    let news = |inline: Vec<Vec<u8>>| Announcement {
        topic: topic().id(),
        folder: content::node_cid(b"a folder"),
        count: 100_000,
        newest: Time::MAX,
        inline: inline.into_iter().map(Bytes::from).collect(),
    };
    vec![news(Vec::new()).encode(), news(entry_files()).encode()]
}

/// The blocks of a small file in several parts, root last, with their CIDs.
fn file_blocks() -> Vec<(Cid, Bytes)> {
    let mut blocks = Vec::new();
    let content = vec![7u8; crate::unixfs::CHUNK + 5];
    let keep = |cid: Cid, block: Bytes| {
        blocks.push((cid, block));
        Ok::<(), std::convert::Infallible>(())
    };
    add(&content[..], keep).unwrap();
    blocks
}

fn cars() -> Vec<Vec<u8>> {
    let files = entry_files();
    let mut writer = CarWriter::new(Vec::new(), &[content::raw_cid(&files[0]), content::node_cid(b"root")]).unwrap();
    for file in &files {
        writer.write(&content::raw_cid(file), file).unwrap();
    }
    for node in nodes() {
        writer.write(&content::node_cid(&node), &node).unwrap();
    }
    vec![writer.finish().unwrap(), CarWriter::new(Vec::new(), &[]).unwrap().finish().unwrap()]
}

fn unixfs_blocks() -> Vec<Vec<u8>> {
    let mut blocks = nodes();
    blocks.extend(
        file_blocks().into_iter().filter(|(cid, _)| cid.codec() == content::DAG_PB).map(|(_, block)| block.to_vec()),
    );
    // A sharded directory of two slots: an entry and a shard below, as other programs make them.
    let link = |name: &str| ipld_dagpb::PbLink {
        cid: content::raw_cid(name.as_bytes()),
        name: Some(name.to_owned()),
        size: Some(9),
    };
    let data = [&[0x08, 0x05, 0x12, 0x20][..], &[0x55; 32], &[0x28, 0x22, 0x30, 0x80, 0x02]].concat();
    blocks.push(ipld_dagpb::PbNode { links: vec![link("0Fname"), link("A0")], data: Some(data.into()) }.into_bytes());
    blocks
}

fn topic_names() -> Vec<Vec<u8>> {
    let texts =
        ["url:https://example.org/a%20b?q=%C3%BC&utm_id=1#top", "room:lobby", "HTTP://EXAMPLE.org:80", "owned:x"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn texts() -> Vec<Vec<u8>> {
    let entry = &entries()[1];
    let texts = [
        entry.author().to_string(),
        entry.id().to_string(),
        entry.topic().to_string(),
        entry.time().to_string(),
        Channel::new(entry.topic()).to_string(),
        folder::long(entry.time(), &entry.id()),
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A decoder and valid inputs for it.
type Target = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

fn targets() -> Vec<Target> {
    vec![
        ("announcement", announcement, announcements()),
        ("car", car, cars()),
        ("entry_file", entry_file, entry_files()),
        ("folder_node", folder_node, nodes()),
        ("header", header, headers()),
        ("names", names, texts()),
        ("topic_name", topic_name, topic_names()),
        ("unixfs", unixfs, unixfs_blocks()),
    ]
}

/// A seed that its own decoder refuses would test nothing.
#[test]
fn the_valid_inputs_are_valid() {
    for file in entry_files() {
        let admitted = admit(&[Submission { file: file.into(), topic: Some(topic().id()) }]);
        assert!(admitted[0].is_ok(), "{:?}", admitted[0]);
    }
    for bytes in nodes() {
        let bytes = Bytes::from(bytes);
        assert!([Kind::Topic, Kind::Catalog].into_iter().any(|kind| folder::decode(kind, &bytes).is_ok()));
    }
    for bytes in announcements() {
        Announcement::decode(&bytes.into()).unwrap();
    }
    let blocks = CarReader::new(&cars()[0][..]).unwrap().map(Result::unwrap).count();
    assert_eq!(blocks, entry_files().len() + nodes().len());
    for bytes in unixfs_blocks() {
        let bytes = Bytes::from(bytes);
        let cid = content::node_cid(&bytes);
        let listed = Lister::new(cid).supply(&bytes).is_ok();
        let mut reader = FileReader::new(cid, 0, None);
        reader.supply(cid, bytes.clone());
        assert!(listed || reader.next().is_ok());
    }
    for (_, probe, inputs) in targets() {
        inputs.iter().for_each(|input| probe(input));
    }
}

/// Writes the valid inputs where the fuzzer looks for them: `TIDINGS_REGENERATE=1` as for every generated file.
#[test]
fn the_fuzzers_begin_with_the_same_inputs() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let write = std::env::var_os("TIDINGS_REGENERATE").is_some_and(|value| value == "1");
    for (name, _, inputs) in targets() {
        for (number, input) in inputs.iter().enumerate() {
            let path = corpus.join(name).join(number.to_string());
            if write {
                std::fs::create_dir_all(corpus.join(name)).unwrap();
                std::fs::write(&path, input).unwrap();
            }
            let stored = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(stored == *input, "{name}/{number} is not what the code makes; regenerate it");
        }
    }
}

/// Made once for all cases.
static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(targets);

fn damage(name: &str, which: prop::sample::Index, changes: &[super::mutation::Mutation]) {
    let (_, probe, inputs) = TARGETS.iter().find(|(target, ..)| *target == name).unwrap();
    probe(&mutated(&inputs[which.index(inputs.len())], changes));
}

macro_rules! damaged {
    ($($test:ident: $target:literal, $cases:literal;)*) => {
        $(proptest! {
            #![proptest_config(cases($cases))]
            #[test]
            fn $test(which in any::<prop::sample::Index>(), changes in mutations()) {
                damage($target, which, &changes);
            }
        })*
    };
}

damaged! {
    a_damaged_announcement_does_no_harm: "announcement", 20_000;
    a_damaged_car_does_no_harm: "car", 5_000;
    a_damaged_entry_file_does_no_harm: "entry_file", 20_000;
    a_damaged_folder_node_does_no_harm: "folder_node", 20_000;
    a_damaged_header_does_no_harm: "header", 20_000;
    a_damaged_name_does_no_harm: "names", 20_000;
    a_damaged_topic_name_does_no_harm: "topic_name", 20_000;
    a_damaged_unixfs_block_does_no_harm: "unixfs", 20_000;
}
