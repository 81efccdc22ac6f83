//! The way in that all imports share: entry files in batches through admission, attached files for those that passed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use cid::Cid;

use super::report::Imported;
use crate::admission::Refusal;
use crate::attachments::Keeper;
use crate::content::{DAG_PB, digest_of};
use crate::entry::{self, EntryId, Link};
use crate::store::{Store, StoreError, Table};
use crate::unixfs::child_cids;

/// Files that are admitted together: signatures are checked in batches.
const TOGETHER: usize = 2048;

/// Bytes of files that wait to be admitted together.
const TOGETHER_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of files that are put aside until the redaction has come that explains why they have no body.
const ASIDE_BYTES: usize = 64 * 1024 * 1024;

/// Blocks of attached files that are waited for.
const MOST_WANTED: usize = 1_000_000;

/// Admission, and what comes behind it: for each file whether it was new.
pub(crate) type Admit<'a> = dyn FnMut(Vec<Bytes>) -> Result<Vec<Result<bool, Refusal>>, StoreError> + 'a;

/// Takes files in. `P` says where a file comes from.
pub(super) struct Intake<'a, P> {
    store: &'a dyn Store,
    admit: &'a mut Admit<'a>,
    keeper: Keeper<'a>,
    waiting: Vec<Waiting<P>>,
    waiting_bytes: usize,
    aside: Vec<Waiting<P>>,
    aside_bytes: usize,
    /// Blocks that attached files still need, and the roots of those files.
    wanted: BTreeMap<[u8; 32], Vec<[u8; 32]>>,
    pub(super) report: Imported,
}

/// A file on its way.
pub(super) struct Waiting<P> {
    place: P,
    file: Bytes,
    id: EntryId,
    links: Vec<Link>,
}

/// An entry that has attachments and is in.
pub(super) struct Admitted<P> {
    pub(super) place: P,
    pub(super) links: Vec<Link>,
}

impl<'a, P: fmt::Display> Intake<'a, P> {
    pub(super) fn new(store: &'a dyn Store, admit: &'a mut Admit<'a>) -> Self {
        Intake {
            store,
            admit,
            keeper: Keeper::new(store),
            waiting: Vec::new(),
            waiting_bytes: 0,
            aside: Vec::new(),
            aside_bytes: 0,
            wanted: BTreeMap::new(),
            report: Imported::default(),
        }
    }

    /// Takes a file if it is well formed; says what is wrong if not. Its signature is checked later.
    pub(super) fn push(&mut self, place: P, file: &Bytes) -> Result<(), entry::Malformed> {
        let candidate = entry::decode(file)?;
        self.waiting_bytes += file.len();
        let links = if candidate.body.is_some() { candidate.header.links } else { Vec::new() };
        self.waiting.push(Waiting { place, file: file.clone(), id: candidate.id, links });
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= TOGETHER || self.waiting_bytes >= TOGETHER_BYTES
    }

    /// Whether an entry that waits has attachments.
    pub(super) fn awaits_files(&self) -> bool {
        self.waiting.iter().any(|waiting| !waiting.links.is_empty())
    }

    /// Admits what waits; returns the entries whose attachments may be kept.
    pub(super) fn flush(&mut self) -> Result<Vec<Admitted<P>>, StoreError> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        self.run(waiting, false)
    }

    /// Ends: admits what waits, and what was put aside.
    pub(super) fn finish(&mut self) -> Result<Vec<Admitted<P>>, StoreError> {
        let mut admitted = self.flush()?;
        let aside = std::mem::take(&mut self.aside);
        admitted.extend(self.run(aside, true)?);
        Ok(admitted)
    }

    fn run(&mut self, waiting: Vec<Waiting<P>>, is_last: bool) -> Result<Vec<Admitted<P>>, StoreError> {
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let answers = (self.admit)(waiting.iter().map(|waiting| waiting.file.clone()).collect())?;
        let mut admitted = Vec::new();
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(is_new) => {
                    *(if is_new { &mut self.report.new } else { &mut self.report.known }) += 1;
                    if !waiting.links.is_empty() && self.stands(&waiting.id)? {
                        admitted.push(Admitted { place: waiting.place, links: waiting.links });
                    }
                }
                Err(Refusal::NoBody(_)) if !is_last && self.aside_bytes < ASIDE_BYTES => {
                    self.aside_bytes += waiting.file.len();
                    self.aside.push(waiting);
                }
                Err(refusal) => self.report.refuse(waiting.place, refusal),
            }
        }
        Ok(admitted)
    }

    /// Whether the entry is here with its body: attachments of a redacted one stay out.
    fn stands(&self, id: &EntryId) -> Result<bool, StoreError> {
        let Some(location) = crate::records::locate(self.store, id)? else { return Ok(false) };
        Ok(!crate::records::load_entry(self.store, &location)?.is_redacted())
    }

    /// Waits for the blocks of an admitted entry's file; takes up those that are here.
    pub(super) fn expect(&mut self, root: &Cid) -> Result<(), StoreError> {
        let Some(root_digest) = digest_of(root) else { return Ok(()) };
        self.want(vec![*root], &root_digest)
    }

    fn want(&mut self, mut due: Vec<Cid>, root: &[u8; 32]) -> Result<(), StoreError> {
        self.keeper.commit()?;
        let mut seen = BTreeSet::new();
        while let Some(cid) = due.pop() {
            let Some(digest) = digest_of(&cid).filter(|digest| seen.insert(*digest)) else { continue };
            match self.store.get(Table::Blocks, &digest)? {
                Some(bytes) => {
                    self.keeper.note(&digest, root);
                    if cid.codec() == DAG_PB {
                        due.extend(child_cids(&cid, &Bytes::from(bytes)).unwrap_or_default());
                    }
                }
                None if self.wanted.len() < MOST_WANTED => {
                    let roots = self.wanted.entry(digest).or_default();
                    if !roots.contains(root) {
                        roots.push(*root);
                    }
                }
                None => self.report.unused += 1,
            }
        }
        Ok(())
    }

    /// Keeps the block if a file needs it.
    pub(super) fn keep(&mut self, cid: &Cid, bytes: &Bytes) -> Result<bool, StoreError> {
        let Some((digest, roots)) = digest_of(cid).and_then(|digest| self.wanted.remove_entry(&digest)) else {
            return Ok(false);
        };
        self.keeper.put(&digest, bytes)?;
        self.report.attachments += 1;
        let below = if cid.codec() == DAG_PB { child_cids(cid, bytes).unwrap_or_default() } else { Vec::new() };
        for root in roots {
            self.keeper.note(&digest, &root);
            if !below.is_empty() {
                self.want(below.clone(), &root)?;
            }
        }
        Ok(true)
    }

    /// Whether the block is here already.
    pub(super) fn holds(&self, cid: &Cid) -> Result<bool, StoreError> {
        match digest_of(cid) {
            Some(digest) => Ok(self.store.get(Table::Blocks, &digest)?.is_some()),
            None => Ok(false),
        }
    }

    /// Writes the last blocks and gives the report.
    pub(super) fn report(self) -> Result<Imported, StoreError> {
        self.keeper.finish()?;
        Ok(self.report)
    }
}
