//! What an export or import did.

use serde::Serialize;

/// Problems that are kept one by one; more are only counted.
const MOST_PROBLEMS: usize = 1000;

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exported {
    /// The root of what was exported.
    pub root: String,
    /// Entry files.
    pub entries: u64,
    /// Attached files that were held here whole.
    pub attachments: u64,
    /// Attached files that were not, and so are missing.
    pub missing: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Imported {
    /// Entries that were new here.
    pub new: u64,
    /// Entries that were here already.
    pub known: u64,
    /// Entries that were refused, and files that are no entries; see `problems`.
    pub refused: u64,
    /// Blocks (of a CAR file) or whole files (of a folder) that were kept as attachments.
    pub attachments: u64,
    /// Blocks or files that belong to no entry that was taken in.
    pub unused: u64,
    /// What was wrong, the first thousand times.
    pub problems: Vec<Problem>,
}

/// Something wrong with one file or block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: a path, or a block's CID.
    pub place: String,
    /// What.
    pub what: String,
}

impl Imported {
    pub(super) fn refuse(&mut self, place: impl ToString, what: impl ToString) {
        self.refused += 1;
        note(&mut self.problems, place, what);
    }
}

/// Keeps a problem if there is room.
pub(super) fn note(problems: &mut Vec<Problem>, place: impl ToString, what: impl ToString) {
    if problems.len() < MOST_PROBLEMS {
        problems.push(Problem { place: place.to_string(), what: what.to_string() });
    }
}
