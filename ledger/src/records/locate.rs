//! Where entries are.

use crate::entry::EntryId;
use crate::folder::damaged;
use crate::records::Number;
use crate::store::{Store, StoreError, Table};
use crate::time::Time;

/// Bytes of the id that key the table: as many as a short name shows.
const PREFIX: usize = 10;

/// Bytes of one record: number, time, the rest of the id.
const RECORD: usize = 4 + 8 + 22;

/// Where one entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) number: Number,
    pub(crate) time: Time,
    pub(crate) id: EntryId,
}

/// All entries whose ids begin with the same ten bytes; nearly always none or one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Locations(Vec<Location>);

impl Locations {
    /// The key of the record that holds this id.
    pub(crate) fn key(id: &EntryId) -> [u8; PREFIX] {
        let mut key = [0; PREFIX];
        key.copy_from_slice(&id.as_bytes()[..PREFIX]);
        key
    }

    /// Reads the record with this key. One point look-up.
    pub(crate) fn load(store: &dyn Store, key: &[u8; PREFIX]) -> Result<Locations, StoreError> {
        let Some(value) = store.get(Table::Ids, key)? else { return Ok(Locations::default()) };
        let read = |record: &[u8]| {
            let (number, rest) = record.split_first_chunk::<4>()?;
            let (time, rest) = rest.split_first_chunk::<8>()?;
            let mut id = [0; 32];
            id[..PREFIX].copy_from_slice(key);
            id[PREFIX..].copy_from_slice(rest);
            Some(Location {
                number: Number::from_be_bytes(*number),
                time: Time::from_millis(u64::from_be_bytes(*time)),
                id: EntryId::from_bytes(id),
            })
        };
        let (records, rest) = value.as_chunks::<RECORD>();
        if !rest.is_empty() {
            return Err(damaged("a record of the table of ids"));
        }
        Ok(Locations(records.iter().filter_map(|record| read(record)).collect()))
    }

    /// The value of the record.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(self.0.len() * RECORD);
        for location in &self.0 {
            value.extend_from_slice(&location.number.to_be_bytes());
            value.extend_from_slice(&location.time.as_millis().to_be_bytes());
            value.extend_from_slice(&location.id.as_bytes()[PREFIX..]);
        }
        value
    }

    /// Where this entry is.
    pub(crate) fn find(&self, id: &EntryId) -> Option<Location> {
        self.0.iter().copied().find(|location| location.id == *id)
    }

    /// The entries that share a short name in the folder of this topic, in the order of ids.
    pub(crate) fn namesakes(&self, number: Number, time: Time) -> impl Iterator<Item = Location> + '_ {
        self.0.iter().copied().filter(move |location| location.number == number && location.time == time)
    }

    /// Adds one, in the order of ids.
    pub(crate) fn insert(&mut self, location: Location) {
        let at = self.0.partition_point(|other| other.id < location.id);
        self.0.insert(at, location);
    }
}

/// Where the entry is, if it is known. One point look-up.
pub(crate) fn locate(store: &dyn Store, id: &EntryId) -> Result<Option<Location>, StoreError> {
    Ok(Locations::load(store, &Locations::key(id))?.find(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namesakes_are_of_one_topic_and_moment_and_in_the_order_of_ids() {
        let location = |number, millis, last| {
            let mut id = [7; 32];
            id[31] = last;
            Location { number, time: Time::from_millis(millis), id: EntryId::from_bytes(id) }
        };
        let mut all = Locations::default();
        for other in [location(1, 5, 9), location(1, 6, 2), location(1, 5, 3), location(2, 5, 1), location(1, 5, 4)] {
            all.insert(other);
        }
        let found: Vec<Location> = all.namesakes(1, Time::from_millis(5)).collect();
        assert_eq!(found, [location(1, 5, 3), location(1, 5, 4), location(1, 5, 9)]);
    }
}
