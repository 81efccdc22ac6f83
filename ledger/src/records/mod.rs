//! The layout of a replica's state in its store: every key and value is made and read here.
//!
//! | table | key | value |
//! |---|---|---|
//! | topics | `i` ‖ topic id | number |
//! | topics | `n` ‖ number | [`TopicRecord`] |
//! | entries | number ‖ time ‖ id | the entry's file |
//! | ids | first 10 bytes of the id | number ‖ time ‖ other 22 bytes, for each entry with these ten |
//! | files | SHA-256 of the file | the key of the table entries under which the file is |
//! | chains | number ‖ author ‖ seq | the ids that have this place: one, or several where the author forked |
//! | nodes | SHA-256 of the node | the node |
//! | index | tree ‖ level ‖ first key | digest ‖ size ‖ rank of a live node |
//! | notes | `p` ‖ number ‖ serial | entries of one commit that no folder lists yet: time ‖ id, for each |
//! | notes | `r` ‖ number ‖ id ‖ author | that author asked to redact that entry |
//! | notes | `d` ‖ serial | number ‖ SHA-256 ‖ level ‖ first key of a node that died; swept later |
//! | notes | `a` ‖ root of an attached file ‖ id | the entry holds the file |
//! | notes | `b` ‖ SHA-256 of a block ‖ root of an attached file | the file needs the block |
//! | notes | `o` ‖ codec ‖ root of an attached file | an entry let go of the file; freed if it was the last |
//!
//! Numbers are 32-bit, times and serials 64-bit, big-endian, so that they sort. The ids table has one point look-up for
//! two questions: whether an entry is known, and whether another has the same short name in the folder.

mod locate;
mod topic;

pub(crate) use locate::{Location, Locations, locate};
pub(crate) use topic::TopicRecord;

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use crate::author::Author;
use crate::content::sha256;
use crate::entry::{self, Entry, EntryId};
use crate::folder::damaged;
use crate::store::{Direction, KeyRange, Store, StoreError, Table};
use crate::time::Time;
use crate::topic::TopicId;

/// A topic's number in this store. 0 is the catalog.
pub(crate) type Number = u32;

/// Joins parts to a key.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Keys of the table `topics`.
pub(crate) mod topics {
    use super::{Number, TopicId, join};

    pub(crate) fn by_id(id: &TopicId) -> Vec<u8> {
        join(&[b"i", id.as_bytes()])
    }

    pub(crate) fn record(number: Number) -> Vec<u8> {
        join(&[b"n", &number.to_be_bytes()])
    }

    /// Before all records.
    pub(crate) const RECORDS: &[u8] = b"n";
    /// Behind all records.
    pub(crate) const RECORDS_END: &[u8] = b"o";
}

/// Keys of the table `entries`.
pub(crate) mod entries {
    use super::{Location, Number, Time, join};

    pub(crate) fn key(location: &Location) -> Vec<u8> {
        join(&[&location.number.to_be_bytes(), &location.time.as_millis().to_be_bytes(), location.id.as_bytes()])
    }

    /// Before all entries of the topic at or after this time.
    pub(crate) fn from(number: Number, time: Time) -> Vec<u8> {
        join(&[&number.to_be_bytes(), &time.as_millis().to_be_bytes()])
    }

    /// Behind all entries of the topic.
    pub(crate) fn end(number: Number) -> Vec<u8> {
        (u64::from(number) + 1).to_be_bytes()[4..].to_vec()
    }
}

/// Keys of the table `chains`.
pub(crate) mod chains {
    use super::{Author, EntryId, Number, join};

    pub(crate) fn key(number: Number, author: &Author, seq: u64) -> Vec<u8> {
        join(&[&number.to_be_bytes(), author.as_bytes(), &seq.to_be_bytes()])
    }

    pub(crate) fn read(key: &[u8]) -> Option<(Author, u64)> {
        let (author, seq) = key.get(4..)?.split_first_chunk::<32>()?;
        Some((Author::from_bytes(*author), u64::from_be_bytes(seq.try_into().ok()?)))
    }

    /// The ids that have this place in the chain, in order.
    pub(crate) fn ids(value: &[u8]) -> Vec<EntryId> {
        value.as_chunks::<32>().0.iter().map(|id| EntryId::from_bytes(*id)).collect()
    }

    pub(crate) fn value(ids: &[EntryId]) -> Vec<u8> {
        ids.iter().flat_map(|id| *id.as_bytes()).collect()
    }
}

/// Keys of the table `notes`.
pub(crate) mod notes {
    use cid::Cid;

    use super::{Author, EntryId, Number, join};
    use crate::content::{self, digest_of};
    use crate::folder::Dead;

    pub(crate) fn pending(number: Number, serial: u64) -> Vec<u8> {
        join(&[b"p", &number.to_be_bytes(), &serial.to_be_bytes()])
    }

    /// That the catalog is to list a topic's folder, which has so many more entries.
    pub(crate) fn listing(number: Number, more: u64) -> [u8; 12] {
        let mut listing = [0; 12];
        listing[..4].copy_from_slice(&number.to_be_bytes());
        listing[4..].copy_from_slice(&more.to_be_bytes());
        listing
    }

    /// A note of listings, read.
    pub(crate) fn read_listings(note: &[u8]) -> impl Iterator<Item = (Number, u64)> {
        note.as_chunks::<12>().0.iter().filter_map(|listing| {
            let (number, more) = listing.split_first_chunk::<4>()?;
            Some((Number::from_be_bytes(*number), u64::from_be_bytes(*more.first_chunk::<8>()?)))
        })
    }

    pub(crate) fn redaction(number: Number, entry: &EntryId, author: &Author) -> Vec<u8> {
        join(&[b"r", &number.to_be_bytes(), entry.as_bytes(), author.as_bytes()])
    }

    pub(crate) fn dead(serial: u64) -> Vec<u8> {
        join(&[b"d", &serial.to_be_bytes()])
    }

    /// Before all dead nodes, and behind them.
    pub(crate) const DEAD: &[u8] = b"d";
    pub(crate) const DEAD_END: &[u8] = b"e";

    /// Before all lists of pending entries, and behind them.
    pub(crate) const PENDING: &[u8] = b"p";
    pub(crate) const PENDING_END: &[u8] = b"q";

    /// What is kept of a dead node: whose it was, its block, and the row that it had.
    pub(crate) fn dead_value(number: Number, dead: &Dead) -> Vec<u8> {
        join(&[&number.to_be_bytes(), dead.cid.hash().digest(), &[dead.level], dead.first.as_bytes()])
    }

    pub(crate) fn read_dead(value: &[u8]) -> Option<(Number, Dead)> {
        let (number, rest) = value.split_first_chunk::<4>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let (level, first) = rest.split_first()?;
        let first = std::str::from_utf8(first).ok()?.to_owned();
        let cid = content::cid(content::DAG_PB, digest);
        Some((Number::from_be_bytes(*number), Dead { cid, level: *level, first }))
    }

    pub(crate) fn attached(root: &[u8], entry: &EntryId) -> Vec<u8> {
        join(&[b"a", root, entry.as_bytes()])
    }

    pub(crate) fn block(digest: &[u8; 32], root: &[u8]) -> Vec<u8> {
        join(&[b"b", digest, root])
    }

    /// The codecs of files, raw and dag-pb, fit into a byte; other CIDs hold no files.
    pub(crate) fn orphan(root: &Cid) -> Option<Vec<u8>> {
        let codec = u8::try_from(root.codec()).ok()?;
        Some(join(&[b"o", &[codec], &digest_of(root)?]))
    }

    /// Before all orphans, and behind them.
    pub(crate) const ORPHANS: &[u8] = b"o";
    pub(crate) const ORPHANS_END: &[u8] = b"p";
}

/// Reads an entry of our own. One point look-up.
pub(crate) fn load_entry(store: &dyn Store, location: &Location) -> Result<Entry, StoreError> {
    let file = store.get(Table::Entries, &entries::key(location))?;
    file.and_then(|file| entry::read_stored(&Bytes::from(file))).ok_or_else(|| damaged("an entry is missing or broken"))
}

/// The file with this SHA-256, if it is that of an entry. Two point look-ups.
///
/// Between the two, a redaction may have put another file in its place: then this one is no longer here.
pub(crate) fn file_by_digest(store: &dyn Store, digest: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(key) = store.get(Table::Files, digest)? else { return Ok(None) };
    let file = store.get(Table::Entries, &key)?;
    Ok(file.filter(|file| sha256(file)[..] == *digest))
}

/// From this key on, up to but without that one.
pub(crate) fn range<'a>(from: &'a [u8], to: &'a [u8]) -> KeyRange<'a> {
    KeyRange { from: Bound::Included(from), to: Bound::Excluded(to) }
}

/// Collects up to `limit` pairs of a range.
pub(crate) fn collect(
    store: &dyn Store,
    table: Table,
    from: &[u8],
    to: &[u8],
    direction: Direction,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    let mut pairs = Vec::new();
    if limit == 0 {
        return Ok(pairs);
    }
    store.scan(table, range(from, to), direction, &mut |key, value| {
        pairs.push((key.to_vec(), value.to_vec()));
        if pairs.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(pairs)
}

/// The head of an author's chain in a topic: the highest seq, and the entry that has it. One short scan.
///
/// Where an author forked there are several; the smallest id is as good as any, and the same everywhere.
pub(crate) fn chain_head(
    store: &dyn Store,
    number: Number,
    author: &Author,
) -> Result<Option<(u64, EntryId)>, StoreError> {
    let (from, to) = (chains::key(number, author, 0), chains::key(number, author, u64::MAX));
    let last = collect(store, Table::Chains, &from, &to, Direction::Backward, 1)?;
    Ok(last.first().and_then(|(key, value)| {
        let (_, seq) = chains::read(key)?;
        Some((seq, *chains::ids(value).first()?))
    }))
}
