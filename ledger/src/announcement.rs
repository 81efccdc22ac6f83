//! Announcements: "topic T's folder is now CID C", with the news itself where it fits.
//!
//! An announcement is a hint (design invariant 5). Nothing in it is believed: inline entries pass admission like any
//! other, and the folder is fetched and computed, not adopted.

use bytes::Bytes;
use cid::Cid;

use crate::cbor::{CborError, Reader, Writer};
use crate::content;
use crate::entry::limits;
use crate::time::Time;
use crate::topic::TopicId;

/// The version of the format that this program writes and reads.
const VERSION: u64 = 1;

/// The most that one announcement may carry, in bytes: what gossipsub carries by default.
pub const MAX_ANNOUNCEMENT: usize = 60 * 1024;

/// The most entry files that are read out of one announcement; the shortest entry has some 250 bytes.
const MAX_INLINE: u64 = 256;

/// Keys of the map.
mod key {
    pub(super) const VERSION: u64 = 1;
    pub(super) const TOPIC: u64 = 2;
    pub(super) const FOLDER: u64 = 3;
    pub(super) const COUNT: u64 = 4;
    pub(super) const NEWEST: u64 = 5;
    pub(super) const INLINE: u64 = 6;
}

/// The state of one topic (or of a network's catalog) at its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Which topic.
    pub topic: TopicId,
    /// Its folder.
    pub folder: Cid,
    /// Entries in the folder.
    pub count: u64,
    /// The time of the newest entry.
    pub newest: Time,
    /// Entry files that are new, as far as they fit.
    pub inline: Vec<Bytes>,
}

impl Announcement {
    /// The bytes on the wire: a CBOR map in the deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::OVERHEAD + self.inline.iter().map(|file| file.len() + 5).sum::<usize>());
        let mut writer = Writer::new(&mut out);
        writer.map(5 + usize::from(!self.inline.is_empty()));
        writer.uint(key::VERSION).uint(VERSION);
        writer.uint(key::TOPIC).bytes(self.topic.as_bytes());
        writer.uint(key::FOLDER).bytes(&self.folder.to_bytes());
        writer.uint(key::COUNT).uint(self.count);
        writer.uint(key::NEWEST).uint(self.newest.as_millis());
        if !self.inline.is_empty() {
            writer.uint(key::INLINE).array(self.inline.len());
            for file in &self.inline {
                writer.bytes(file);
            }
        }
        out
    }

    /// Bytes of an announcement beside its inline entries, at the most.
    pub const OVERHEAD: usize = 112;

    /// Reads an announcement; accepts exactly what [`Announcement::encode`] writes. O(length).
    pub fn decode(bytes: &Bytes) -> Result<Announcement, AnnouncementError> {
        if bytes.len() > MAX_ANNOUNCEMENT {
            return Err(AnnouncementError::TooLarge(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let pairs = reader.map()?;
        expect(&mut reader, key::VERSION)?;
        match reader.uint()? {
            VERSION => {}
            0 => return Err(AnnouncementError::Shape),
            later => return Err(AnnouncementError::Version(later)),
        }
        expect(&mut reader, key::TOPIC)?;
        let topic = TopicId::from_bytes(reader.bytes32()?);
        expect(&mut reader, key::FOLDER)?;
        let folder = read_folder(reader.bytes()?)?;
        expect(&mut reader, key::COUNT)?;
        let count = reader.uint()?;
        expect(&mut reader, key::NEWEST)?;
        let newest = Time::from_millis(reader.uint()?);
        let inline = match pairs {
            5 => Vec::new(),
            6 => read_inline(bytes, &mut reader)?,
            _ => return Err(AnnouncementError::Shape),
        };
        reader.finish()?;
        Ok(Announcement { topic, folder, count, newest, inline })
    }
}

fn expect(reader: &mut Reader<'_>, key: u64) -> Result<(), AnnouncementError> {
    if reader.uint()? == key { Ok(()) } else { Err(AnnouncementError::Shape) }
}

fn read_folder(bytes: &[u8]) -> Result<Cid, AnnouncementError> {
    let folder = Cid::try_from(bytes).map_err(|_| AnnouncementError::Folder)?;
    let canonical = content::digest_of(&folder).map(|digest| content::cid(content::DAG_PB, &digest));
    if canonical != Some(folder) || folder.to_bytes() != bytes {
        return Err(AnnouncementError::Folder);
    }
    Ok(folder)
}

fn read_inline(all: &Bytes, reader: &mut Reader<'_>) -> Result<Vec<Bytes>, AnnouncementError> {
    expect(reader, key::INLINE)?;
    let count = reader.array()?;
    if count == 0 || count > MAX_INLINE {
        return Err(AnnouncementError::Shape);
    }
    let mut files = Vec::new();
    for _ in 0..count {
        let file = reader.bytes()?;
        if file.len() > limits::FILE {
            return Err(AnnouncementError::Shape);
        }
        files.push(all.slice_ref(file));
    }
    Ok(files)
}

/// Why bytes are not an announcement. The fault of whoever sent them, but for a later version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// Longer than an announcement may be.
    #[error("{0} bytes, more than an announcement may have")]
    TooLarge(usize),
    /// Not the CBOR that was expected, or not its one encoding.
    #[error("not an announcement: {0}")]
    Cbor(#[from] CborError),
    /// Made by a later version of the format: nobody's fault, and nothing that this program can judge.
    #[error("the announcement has version {0}, this program reads version 1")]
    Version(u64),
    /// Keys missing, unknown or out of order, or lists of a forbidden length.
    #[error("not an announcement: wrong keys or lengths")]
    Shape,
    /// The folder's CID is not one of ours.
    #[error("the folder's CID is not version 1, dag-pb, sha2-256")]
    Folder,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn announcement(count: u64, inline: Vec<Vec<u8>>) -> Announcement {
        Announcement {
            topic: TopicId::from_bytes([9; 32]),
            folder: content::node_cid(b"folder"),
            count,
            newest: Time::MAX,
            inline: inline.into_iter().map(Bytes::from).collect(),
        }
    }

    #[test]
    fn the_stated_overhead_is_the_most_there_is() {
        let longest = announcement(u64::MAX, Vec::new()).encode();
        assert!(longest.len() + 5 <= Announcement::OVERHEAD, "{}", longest.len());
    }

    #[test]
    fn a_claimed_number_of_inline_entries_allocates_nothing() {
        let mut bytes = announcement(1, vec![vec![1]]).encode();
        let at = bytes.len() - 3;
        assert_eq!(bytes[at], 0x81, "the head of the list");
        bytes[at] = 0x9b;
        bytes.splice(at + 1..at + 1, [0xff; 8]);
        assert_eq!(Announcement::decode(&bytes.into()), Err(AnnouncementError::Shape));
    }

    proptest! {
        #[test]
        fn what_is_announced_is_what_is_heard(count: u64, inline in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let announcement = announcement(count, inline);
            prop_assert_eq!(Announcement::decode(&announcement.encode().into()), Ok(announcement));
        }

        #[test]
        fn bytes_that_decode_are_the_bytes_that_encode(flip in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = announcement(77, vec![vec![1, 2, 3]]).encode();
            let at = flip.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = Announcement::decode(&bytes.clone().into()) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }
}
