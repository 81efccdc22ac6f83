//! Rows that are signed and stored together.

use tidings_ledger::replica::AppendError;
use tidings_ledger::store::StoreError;
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, TopicName};

use super::known::Known;

/// What came of some rows.
pub(super) struct Appended {
    pub(super) known: Known,
    pub(super) skipped: u64,
    pub(super) rows: Vec<(u64, Result<Entry, AppendError>)>,
}

/// Appends the rows that are not here yet.
pub(super) fn append_new(
    ledger: &Ledger,
    mut known: Known,
    rows: Vec<(u64, (TopicName, AuthorKey, Draft))>,
) -> Result<Appended, StoreError> {
    let (mut lines, mut drafts) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    let mut skipped = 0;
    for (line, row) in rows {
        if known.has(ledger, &row)? {
            skipped += 1;
        } else {
            lines.push(line);
            drafts.push(row);
        }
    }
    let results = futures::executor::block_on(ledger.append_all(drafts));
    Ok(Appended { known, skipped, rows: lines.into_iter().zip(results).collect() })
}
