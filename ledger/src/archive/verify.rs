//! Checking files that came from anywhere, with no node and no network: what `tidings verify` does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

use super::error::ArchiveError;
use super::folder_in::{Found, beside, matches, read_small, visit_files};
use super::report::{Problem, note};
use crate::admission::{Submission, admit};
use crate::author::Author;
use crate::content::raw_cid;
use crate::entry::{Entry, EntryId};
use crate::folder::{self, Changes, File, Item, Ranked, Tree, TreeId, is_entry, long, short};
use crate::store::{Batch, MemoryStore};
use crate::topic::TopicId;

/// Entries whose signatures are checked together.
const TOGETHER: usize = 2048;

/// What was found below a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Entries that are well formed, signed by their authors, and named as they should be.
    pub good: u64,
    /// Attached files that are what their entries say.
    pub attachments: u64,
    /// Attached files that are not there.
    pub missing: u64,
    /// How many things are wrong.
    pub bad: u64,
    /// What is wrong, the first thousand times.
    pub problems: Vec<Problem>,
    /// The topics, and the folder that each topic's entries make.
    pub topics: Vec<TopicReport>,
    /// The catalog that these folders make, if there are several topics.
    pub catalog: Option<String>,
}

/// A topic of which entries were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopicReport {
    /// Its id.
    pub id: String,
    /// Its name, if an entry tells it.
    pub name: Option<String>,
    /// Its entries found.
    pub entries: u64,
    /// The CID of the folder of exactly these entries: the one that they were got from, if none is missing.
    pub folder: String,
}

impl VerifyReport {
    /// Whether nothing is wrong. Missing attachments are not wrong.
    pub fn is_good(&self) -> bool {
        self.bad == 0
    }
}

/// Checks an entry file, or every one in a directory tree such as `ipfs get` makes. Reads no more than one batch at once
/// and keeps some hundred bytes an entry.
pub fn verify_path(path: &Path) -> Result<VerifyReport, ArchiveError> {
    let mut checker = Checker::default();
    visit_files(path, &mut |path, found| {
        match found {
            Found::File => match read_small(path) {
                Ok(bytes) => checker.waiting.push((path.to_owned(), bytes)),
                Err(what) => checker.wrong(path, what),
            },
            Found::Attachment => {
                checker.beside.insert(path.to_owned());
            }
            Found::Other(what) => checker.wrong(path, what),
        }
        if checker.waiting.len() >= TOGETHER {
            checker.check();
        }
        Ok(())
    })?;
    checker.check();
    checker.finish()
}

#[derive(Default)]
struct Checker {
    report: VerifyReport,
    waiting: Vec<(PathBuf, Bytes)>,
    /// Files that look like attachments and belong to no entry so far.
    beside: BTreeSet<PathBuf>,
    attached: BTreeSet<PathBuf>,
    topics: BTreeMap<TopicId, Topic>,
}

#[derive(Default)]
struct Topic {
    name: Option<String>,
    entries: BTreeMap<EntryId, Kept>,
    redactions: BTreeSet<(EntryId, Author)>,
}

/// What is kept of an entry: what its folder says of it, and where it was.
struct Kept {
    item: Item,
    author: Author,
    path: PathBuf,
    has_body: bool,
}

impl Checker {
    fn wrong(&mut self, path: &Path, what: impl ToString) {
        self.report.bad += 1;
        note(&mut self.report.problems, path.display(), what);
    }

    fn check(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let submissions: Vec<Submission> =
            waiting.iter().map(|(_, file)| Submission { file: file.clone(), topic: None }).collect();
        for ((path, file), result) in waiting.into_iter().zip(admit(&submissions)) {
            match result {
                Ok(entry) => self.take(path, &file, &entry),
                Err(refusal) => self.wrong(&path, refusal),
            }
        }
    }

    fn take(&mut self, path: PathBuf, file: &Bytes, entry: &Entry) {
        let (time, id) = (entry.time(), entry.id());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Only a name that claims something can be wrong: a renamed file is as good as any.
        if is_entry(&name) && name != short(time, &id) && name != long(time, &id) {
            self.wrong(&path, format!("its name is not that of the entry in it, {}", short(time, &id)));
            return;
        }
        let header = entry.header();
        let links = if entry.is_redacted() { &[][..] } else { &header.links };
        for link in links {
            let place = beside(&path, link);
            self.attached.insert(place.clone());
            match matches(&place, link) {
                Ok(true) => self.report.attachments += 1,
                Ok(false) => self.wrong(&place, "not the file that its entry names"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.report.missing += 1,
                Err(error) => self.wrong(&place, error),
            }
        }
        let files = links.iter().map(|link| File { name: link.name.clone(), cid: link.cid, size: link.size }).collect();
        let item = Item { key: short(time, &id), cid: raw_cid(file), size: file.len() as u64, files };
        let topic = self.topics.entry(entry.topic()).or_default();
        topic.redactions.extend(header.redacts.iter().map(|target| (*target, entry.author())));
        if topic.name.is_none() {
            topic.name.clone_from(&header.topic_name);
        }
        let kept = Kept { item, author: entry.author(), path, has_body: !entry.is_redacted() };
        if topic.entries.insert(id, kept).is_none() {
            self.report.good += 1;
        }
    }

    fn finish(mut self) -> Result<VerifyReport, ArchiveError> {
        for path in std::mem::take(&mut self.beside).difference(&std::mem::take(&mut self.attached)) {
            self.wrong(path, "no entry here has this file attached");
        }
        let mut catalog = Changes::new();
        for (id, topic) in std::mem::take(&mut self.topics) {
            for (entry, kept) in &topic.entries {
                let redacted = topic.redactions.contains(&(*entry, kept.author));
                match (kept.has_body, redacted) {
                    (false, false) => self.wrong(&kept.path, "no body, and no redaction by its author is here"),
                    (true, true) => self.wrong(&kept.path, "its author took it back, but its body is still here"),
                    _ => {}
                }
            }
            let entries = topic.entries.len() as u64;
            let tree = build(TreeId(1), listed(topic.entries))?;
            let Some(cid) = tree.root else { continue };
            let item = Item { key: id.to_string(), cid, size: tree.size, files: Vec::new() };
            catalog.insert(item.key.clone(), Some(Ranked { item, rank: folder::rank(id.as_bytes()) }));
            let folder = cid.to_string();
            self.report.topics.push(TopicReport { id: id.to_string(), name: topic.name, entries, folder });
        }
        if self.report.topics.len() > 1 {
            self.report.catalog = build(TreeId::CATALOG, catalog)?.root.map(|root| root.to_string());
        }
        Ok(self.report)
    }
}

/// The names of the entries in their folder: of those that share a short one, the smallest id has it.
fn listed(entries: BTreeMap<EntryId, Kept>) -> Changes {
    let mut changes = Changes::new();
    for (id, Kept { mut item, .. }) in entries {
        if changes.contains_key(&item.key)
            && let Some((time, _, _)) = folder::parts(&item.key)
        {
            item.key = long(time, &id);
        }
        changes.insert(item.key.clone(), Some(Ranked { item, rank: folder::rank(id.as_bytes()) }));
    }
    changes
}

fn build(id: TreeId, changes: Changes) -> Result<Tree, ArchiveError> {
    let store = MemoryStore::new();
    // Nothing is there before, so nobody asks for the rank of what is.
    let rank_of = |_: &str| Ok(0);
    Ok(folder::update(&store, id, &Tree::default(), changes, &rank_of, &mut Batch::new())?.tree)
}
