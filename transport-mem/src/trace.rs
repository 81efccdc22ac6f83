//! What happened, as one hash and, if wanted, as records: two runs of one seed must agree on both.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::record::{Record, What};

/// The trace of a run.
#[derive(Default)]
pub(crate) struct Trace {
    hash: Mixer,
    records: Option<Vec<Record>>,
    sink: Option<Sink>,
}

/// Takes the lines one by one.
pub(crate) type Sink = Box<dyn FnMut(&str) + Send>;

impl Trace {
    /// Keeps the records, too, from now on.
    pub(crate) fn keep(&mut self) {
        self.records.get_or_insert_default();
    }

    /// Hands the lines on from now on.
    pub(crate) fn hand_to(&mut self, sink: Sink) {
        self.sink = Some(sink);
    }

    /// The next event of the queue is about to happen. Its place in the order goes into the hash, so that two runs that
    /// differ in any event differ in the trace, whether or not the event is worth a record.
    pub(crate) fn tick(&mut self, at: u64, number: u64, kind: u8) {
        self.hash.write_u64(at);
        self.hash.write_u64(number << 8 | u64::from(kind));
    }

    /// Takes note of what happened.
    pub(crate) fn note(&mut self, micros: u64, what: What) {
        what.hash(&mut self.hash);
        if self.records.is_none() && self.sink.is_none() {
            return;
        }
        let record = Record { at: Duration::from_micros(micros), what };
        if let Some(sink) = &mut self.sink {
            sink(&record.to_string());
        }
        if let Some(records) = &mut self.records {
            records.push(record);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(crate) fn records(&self) -> &[Record] {
        self.records.as_deref().unwrap_or_default()
    }
}

/// FNV-1a's constants, taken a word at a time: enough to tell two runs apart, and the same on every machine.
#[derive(Debug)]
struct Mixer(u64);

impl Default for Mixer {
    fn default() -> Self {
        Mixer(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.write_u64(u64::from_le_bytes(padded));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as i64 as u64);
    }
}
