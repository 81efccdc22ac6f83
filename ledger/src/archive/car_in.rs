//! Reading a CAR file.

use std::io::Read;

use bytes::Bytes;
use cid::Cid;

use super::error::ArchiveError;
use super::intake::{Admit, Intake};
use super::report::Imported;
use crate::car::CarReader;
use crate::content::{DAG_PB, RAW};
use crate::folder::{self, Kind};
use crate::store::{Store, StoreError};

/// Takes in the entries of a CAR file, whatever else is in it, and the files attached to them that come behind them.
///
/// Folders' nodes are passed over: each node makes its own from the entries. A broken file ends the import where it
/// breaks; what came before stays, and is told in the error's place by the counts of the next run.
pub(crate) fn import_car<'a>(
    store: &'a dyn Store,
    admit: &'a mut Admit<'a>,
    reader: impl Read,
) -> Result<Imported, ArchiveError> {
    let mut car = CarReader::new(reader)?;
    let mut intake: Intake<'a, Cid> = Intake::new(store, admit);
    let broken = loop {
        match car.next_block() {
            Ok(Some((cid, bytes))) => block(&mut intake, cid, &bytes)?,
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    // What came whole before the break is good.
    settle(&mut intake, true)?;
    let report = intake.report()?;
    broken.map_or(Ok(report), |error| Err(error.into()))
}

fn block(intake: &mut Intake<'_, Cid>, cid: Cid, bytes: &Bytes) -> Result<(), StoreError> {
    if intake.keep(&cid, bytes)? {
        return Ok(());
    }
    let malformed = match cid.codec() {
        RAW => match intake.push(cid, bytes) {
            Ok(()) if intake.is_full() => return settle(intake, false),
            Ok(()) => return Ok(()),
            Err(malformed) => Some(malformed),
        },
        DAG_PB if is_node(bytes) => return Ok(()),
        _ => None,
    };
    // Perhaps it belongs to an entry that still waits.
    if intake.awaits_files() {
        settle(intake, false)?;
        if intake.keep(&cid, bytes)? {
            return Ok(());
        }
    }
    match malformed {
        // Of a raw block that is not even nearly an entry, nobody can say what it was meant for.
        Some(malformed) if bytes.starts_with(&[0x82, 0xd2]) => intake.report.refuse(cid, malformed),
        _ if intake.holds(&cid)? => {}
        _ => intake.report.unused += 1,
    }
    Ok(())
}

fn settle(intake: &mut Intake<'_, Cid>, is_last: bool) -> Result<(), StoreError> {
    let admitted = if is_last { intake.finish()? } else { intake.flush()? };
    for entry in admitted {
        entry.links.iter().try_for_each(|link| intake.expect(&link.cid))?;
    }
    Ok(())
}

fn is_node(bytes: &Bytes) -> bool {
    [Kind::Topic, Kind::Catalog].into_iter().any(|kind| folder::decode(kind, bytes).is_ok())
}
