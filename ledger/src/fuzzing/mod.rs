//! One function for each decoder of bytes that others hand in, with what must hold whatever the bytes are.
//!
//! They panic when it does not hold. The fuzz targets under `fuzz/` call them with whatever the fuzzer thinks of, and
//! the tests here with valid inputs that were damaged, so that every run of the tests exercises them on any compiler.
//! What holds everywhere: no panic, no hang, and memory in proportion to the input. What holds for our own formats
//! too: bytes that are accepted are the bytes that encoding gives back.

#[cfg(test)]
mod mutation;
#[cfg(test)]
mod tests;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bytes::Bytes;

use crate::admission::{Submission, admit};
use crate::announcement::Announcement;
use crate::author::Author;
use crate::car::{CarReader, CarWriter};
use crate::content;
use crate::entry::{self, Entry, EntryId};
use crate::folder::{self, Kind, Node};
use crate::handle::Cursor;
use crate::time::Time;
use crate::topic::{TopicId, TopicName};
use crate::transport::Channel;
use crate::unixfs::{FileReader, Lister, Resolver, Turn, child_cids};

/// Topic names, as people write them and as peers send them.
pub fn topic_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = TopicName::parse(text) {
        let canonical = name.to_string();
        assert_eq!(TopicName::parse(&canonical), Ok(name.clone()));
        assert_eq!(TopicName::from_canonical(&canonical), Ok(name));
    }
    if let Ok(name) = TopicName::from_canonical(text) {
        assert_eq!(name.to_string(), text);
    }
}

/// Names and ids in text form.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    says_what_it_read::<Author>(text);
    says_what_it_read::<Channel>(text);
    says_what_it_read::<Cursor>(text);
    says_what_it_read::<EntryId>(text);
    says_what_it_read::<TopicId>(text);
    if let Some(time) = Time::parse(text) {
        assert_eq!(time.to_string(), text);
    }
}

fn says_what_it_read<T: FromStr + Display>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text, "{}", std::any::type_name::<T>());
    }
}

/// Entry files.
pub fn entry_file(bytes: &[u8]) {
    let file = Bytes::copy_from_slice(bytes);
    let decoded = entry::decode(&file);
    let admitted = admit(&[Submission { file: file.clone(), topic: None }]);
    if let Ok(candidate) = decoded {
        assert_eq!(entry::rewrite(&candidate), bytes, "an entry in another encoding was accepted");
        assert_eq!(Entry::from_verified(candidate).to_file(), bytes);
    } else {
        assert!(admitted.iter().all(Result::is_err), "admission let in what does not decode");
    }
}

/// Headers: an entry file around them, with the body redacted.
pub fn header(bytes: &[u8]) {
    entry_file(&[&[0x82], bytes, &[0xf6]].concat());
}

/// Nodes of a folder or a catalog.
pub fn folder_node(bytes: &[u8]) {
    let block = Bytes::copy_from_slice(bytes);
    for kind in [Kind::Topic, Kind::Catalog] {
        let encoded = match folder::decode(kind, &block) {
            Ok(Node::Leaf(items)) => folder::encode_leaf(&items),
            Ok(Node::Inner(children)) => folder::encode_inner(&children),
            Err(_) => continue,
        };
        assert_eq!(encoded.bytes, bytes, "a node in another encoding was accepted");
    }
}

/// Announcements.
pub fn announcement(bytes: &[u8]) {
    if let Ok(announcement) = Announcement::decode(&Bytes::copy_from_slice(bytes)) {
        assert_eq!(announcement.encode(), bytes, "an announcement in another encoding was accepted");
    }
}

/// CAR files. The format has more than one encoding, so what was read is written and read once more.
pub fn car(bytes: &[u8]) {
    let Ok(mut reader) = CarReader::new(bytes) else { return };
    let Ok(mut writer) = CarWriter::new(Vec::new(), reader.roots()) else { return };
    let mut blocks = Vec::new();
    while let Ok(Some((cid, block))) = reader.next_block() {
        if writer.write(&cid, &block).is_err() {
            return;
        }
        blocks.push((cid, block));
    }
    assert!(matches!(reader.next_block(), Ok(None)), "something came after the end");
    let Ok(written) = writer.finish() else { return };
    let again: Vec<_> =
        CarReader::new(&written[..]).map(|reader| reader.filter_map(Result::ok).collect()).unwrap_or_default();
    assert_eq!(again, blocks);
}

/// Blocks of UnixFS graphs, which may be anybody's: read as a file, as a directory and as a step of a path.
pub fn unixfs(bytes: &[u8]) {
    let block = Bytes::copy_from_slice(bytes);
    for cid in [content::node_cid(bytes), content::raw_cid(bytes)] {
        ignore(child_cids(&cid, &block));
        ignore(Lister::new(cid).supply(&block));
        for path in ["", "name", "a/b"] {
            ignore(Resolver::new(cid, path).map(|mut resolver| resolver.supply(block.clone())));
        }
        let mut reader = FileReader::new(cid, 1, Some(1 << 40));
        reader.supply(cid, block.clone());
        let mut read = 0;
        // Every turn gives bytes or stops; a node's own bytes and what is inlined in its links are less than the block.
        while let Ok(Turn::Data(data)) = reader.next() {
            assert!(!data.is_empty(), "a turn without bytes");
            read += data.len();
            assert!(read <= bytes.len(), "more bytes than there are");
        }
    }
}

/// A result that may be either.
fn ignore<T, E: Debug>(result: Result<T, E>) {
    drop(result);
}
