//! The payload of a header: a CBOR map in the deterministic encoding, with small numbers for keys.

use cid::Cid;

use super::EntryId;
use super::header::{BodyInfo, Header, Link};
use crate::author::Author;
use crate::cbor::{CborError, Reader, Writer};
use crate::time::Time;
use crate::topic::TopicId;

/// The version of the format that this program writes and reads.
const VERSION: u64 = 1;

/// Keys of the map, in the order in which the deterministic encoding has them.
/// 14 and above are free for later versions (owned topics will need some).
mod key {
    pub(super) const VERSION: u64 = 1;
    pub(super) const TOPIC: u64 = 2;
    pub(super) const SEQ: u64 = 3;
    pub(super) const PREV: u64 = 4;
    pub(super) const TIME: u64 = 5;
    pub(super) const KIND: u64 = 6;
    pub(super) const REFS: u64 = 7;
    pub(super) const REDACTS: u64 = 8;
    pub(super) const LINKS: u64 = 9;
    pub(super) const BODY_HASH: u64 = 10;
    pub(super) const BODY_LEN: u64 = 11;
    pub(super) const BODY_TYPE: u64 = 12;
    pub(super) const TOPIC_NAME: u64 = 13;
}

/// Why a payload is refused.
pub(super) enum PayloadError {
    Cbor(CborError),
    Version(u64),
    Rule(&'static str),
}

impl From<CborError> for PayloadError {
    fn from(error: CborError) -> Self {
        PayloadError::Cbor(error)
    }
}

/// Writes the payload. What is empty or the default is left out.
pub(super) fn encode(header: &Header) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let text_body = header.body.media_type == BodyInfo::TEXT;
    let optional = [
        header.prev.is_some(),
        !header.refs.is_empty(),
        !header.redacts.is_empty(),
        !header.links.is_empty(),
        !text_body,
        header.topic_name.is_some(),
    ];
    let mut writer = Writer::new(&mut out);
    writer.map(7 + optional.iter().filter(|present| **present).count());
    writer.uint(key::VERSION).uint(VERSION);
    writer.uint(key::TOPIC).bytes(header.topic.as_bytes());
    writer.uint(key::SEQ).uint(header.seq);
    if let Some(prev) = &header.prev {
        writer.uint(key::PREV).bytes(prev.as_bytes());
    }
    writer.uint(key::TIME).uint(header.time.as_millis());
    writer.uint(key::KIND).text(&header.kind);
    write_ids(&mut writer, key::REFS, &header.refs);
    write_ids(&mut writer, key::REDACTS, &header.redacts);
    if !header.links.is_empty() {
        writer.uint(key::LINKS).array(header.links.len());
        for link in &header.links {
            writer.array(4).text(&link.name).bytes(&link.cid.to_bytes()).uint(link.size).text(&link.media_type);
        }
    }
    writer.uint(key::BODY_HASH).bytes(&header.body.hash);
    writer.uint(key::BODY_LEN).uint(header.body.len);
    if !text_body {
        writer.uint(key::BODY_TYPE).text(&header.body.media_type);
    }
    if let Some(name) = &header.topic_name {
        writer.uint(key::TOPIC_NAME).text(name);
    }
    out
}

fn write_ids(writer: &mut Writer<'_>, key: u64, ids: &[EntryId]) {
    if !ids.is_empty() {
        writer.uint(key).array(ids.len());
        for id in ids {
            writer.bytes(id.as_bytes());
        }
    }
}

/// Reads a payload that `author` is said to have signed; accepts exactly what [`encode`] writes.
pub(super) fn decode(author: Author, bytes: &[u8]) -> Result<Header, PayloadError> {
    let mut map = Pairs::open(bytes)?;
    map.require(key::VERSION)?;
    match map.reader.uint()? {
        VERSION => {}
        other => return Err(PayloadError::Version(other)),
    }
    map.require(key::TOPIC)?;
    let topic = TopicId::from_bytes(map.reader.bytes32()?);
    map.require(key::SEQ)?;
    let seq = map.reader.uint()?;
    let prev = if map.optional(key::PREV)? { Some(EntryId::from_bytes(map.reader.bytes32()?)) } else { None };
    map.require(key::TIME)?;
    let time = Time::from_millis(map.reader.uint()?);
    map.require(key::KIND)?;
    let kind = map.reader.text()?.to_owned();
    let refs = if map.optional(key::REFS)? { read_ids(&mut map.reader)? } else { Vec::new() };
    let redacts = if map.optional(key::REDACTS)? { read_ids(&mut map.reader)? } else { Vec::new() };
    let links = if map.optional(key::LINKS)? { read_links(&mut map.reader)? } else { Vec::new() };
    map.require(key::BODY_HASH)?;
    let hash = map.reader.bytes32()?;
    map.require(key::BODY_LEN)?;
    let len = map.reader.uint()?;
    let media_type = if map.optional(key::BODY_TYPE)? {
        match map.reader.text()? {
            BodyInfo::TEXT => return Err(PayloadError::Rule("the default media type is written out")),
            other => other.to_owned(),
        }
    } else {
        BodyInfo::TEXT.to_owned()
    };
    let topic_name = if map.optional(key::TOPIC_NAME)? { Some(map.reader.text()?.to_owned()) } else { None };
    map.close()?;
    let body = BodyInfo { hash, len, media_type };
    let header = Header { author, topic, topic_name, seq, prev, time, kind, refs, redacts, links, body };
    header.check().map_err(PayloadError::Rule)?;
    Ok(header)
}

fn read_ids(reader: &mut Reader<'_>) -> Result<Vec<EntryId>, PayloadError> {
    let count = nonempty(reader.array()?)?;
    (0..count).map(|_| Ok(EntryId::from_bytes(reader.bytes32()?))).collect()
}

fn read_links(reader: &mut Reader<'_>) -> Result<Vec<Link>, PayloadError> {
    let count = nonempty(reader.array()?)?;
    let mut links = Vec::new();
    for _ in 0..count {
        if reader.array()? != 4 {
            return Err(PayloadError::Rule("a link has four parts"));
        }
        let name = reader.text()?.to_owned();
        let bytes = reader.bytes()?;
        let cid = Cid::try_from(bytes).map_err(|_| PayloadError::Rule("a link's CID is malformed"))?;
        if cid.to_bytes() != bytes {
            return Err(PayloadError::Rule("a link's CID is not in its one encoding"));
        }
        links.push(Link { name, cid, size: reader.uint()?, media_type: reader.text()?.to_owned() });
    }
    Ok(links)
}

/// An empty list is left out, so a list that is there has something in it. The upper bound is the largest of the
/// format's limits; the exact ones are checked with the whole header.
fn nonempty(count: u64) -> Result<u64, PayloadError> {
    if (1..=64).contains(&count) { Ok(count) } else { Err(PayloadError::Rule("a list is empty or too long")) }
}

/// A map whose keys come in a fixed order, some of them optional.
struct Pairs<'a> {
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Pairs<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        let left = reader.map()?;
        Ok(Pairs { reader, left })
    }

    /// Moves past the key if it is the next one.
    fn optional(&mut self, key: u64) -> Result<bool, CborError> {
        if self.left == 0 {
            return Ok(false);
        }
        let mut ahead = self.reader.clone();
        if ahead.uint()? != key {
            return Ok(false);
        }
        self.reader = ahead;
        self.left -= 1;
        Ok(true)
    }

    fn require(&mut self, key: u64) -> Result<(), PayloadError> {
        if self.optional(key)? { Ok(()) } else { Err(PayloadError::Rule("a key is missing, unknown or out of order")) }
    }

    fn close(self) -> Result<(), PayloadError> {
        if self.left != 0 {
            return Err(PayloadError::Rule("a key is unknown or out of order"));
        }
        Ok(self.reader.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::AuthorKey;
    use crate::content::raw_cid;
    use crate::entry::{Draft, Place, sign};
    use crate::topic::TopicName;

    /// A header with one attached file, and its bytes.
    fn encoded() -> (Header, Vec<u8>) {
        let name = TopicName::parse("room:lobby").expect("a good name");
        let (now, topic_name) = (Time::from_millis(1_800_000_000_000), Some(name.to_string()));
        let place = Place { topic: name.id(), topic_name, seq: 0, prev: None, now };
        let link = Link { name: "a.bin".into(), cid: raw_cid(b"a"), size: 1, media_type: "text/x".into() };
        let entry = sign(Draft::new("post", "a text").with(link), place, &AuthorKey::from_seed(&[1; 32]));
        let header = entry.expect("a good draft").header().clone();
        let bytes = encode(&header);
        (header, bytes)
    }

    fn why(header: &Header, bytes: &[u8]) -> Option<&'static str> {
        match decode(header.author, bytes) {
            Err(PayloadError::Rule(rule)) => Some(rule),
            _ => None,
        }
    }

    /// Where these bytes stand.
    fn find(bytes: &[u8], what: &[u8]) -> usize {
        bytes.windows(what.len()).position(|window| window == what).expect("it is there")
    }

    #[test]
    fn a_list_that_is_empty_is_left_out_or_there_would_be_two_encodings_of_one_entry() {
        let (header, mut bytes) = encoded();
        assert_eq!(why(&header, &bytes), None);
        let behind_kind = find(&bytes, b"post") + 4;
        bytes.splice(behind_kind..behind_kind, [key::REFS as u8, 0x80]);
        bytes[0] += 1;
        assert_eq!(why(&header, &bytes), Some("a list is empty or too long"));
    }

    #[test]
    fn a_cid_with_something_behind_it_is_no_second_encoding_of_that_cid() {
        let (header, mut bytes) = encoded();
        let cid = header.links[0].cid.to_bytes();
        let at = find(&bytes, &cid);
        bytes.insert(at + cid.len(), 0);
        bytes[at - 1] += 1;
        assert_eq!(why(&header, &bytes), Some("a link's CID is not in its one encoding"));
    }
}
