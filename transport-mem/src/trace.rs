//! What happened, as one hash and, if wanted, as text: two runs of one seed must agree on both.

use std::fmt;

/// FNV-1a, 64 bits: enough to tell two runs apart, and the same on every machine.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The trace of a run.
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
    sink: Option<Sink>,
}

/// Takes the lines one by one.
pub(crate) type Sink = Box<dyn FnMut(&str) + Send>;

impl Default for Trace {
    fn default() -> Self {
        Trace { hash: OFFSET, lines: None, sink: None }
    }
}

impl Trace {
    /// Keeps the lines, too, from now on.
    pub(crate) fn keep_lines(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// Hands the lines on from now on.
    pub(crate) fn hand_to(&mut self, sink: Sink) {
        self.sink = Some(sink);
    }

    /// Takes note of an event.
    pub(crate) fn note(&mut self, micros: u64, what: fmt::Arguments<'_>) {
        let line = format!("{:>12.6} {what}", micros as f64 / 1e6);
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        if let Some(sink) = &mut self.sink {
            sink(&line);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
