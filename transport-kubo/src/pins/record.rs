//! What may be pinned on our account, on disk: a line is added before a pin is made and after it is removed.
//!
//! So a node that was killed at any moment knows every pin of its own, and unpins what it no longer wants. It is enough that
//! the record survives the process; after a power cut, a pin too many may stay.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use cid::Cid;
use tidings_ledger::topic::TopicId;

/// Lines beyond those that are needed, before the record is written anew.
const SLACK: usize = 4096;
/// A line is never longer.
const MAX_LINE: u64 = 256;

/// The record. Without a path it is kept in memory only.
#[derive(Debug)]
pub(super) struct Record {
    path: Option<PathBuf>,
    file: Option<File>,
    lines: usize,
    /// The roots that may be pinned, oldest first.
    roots: BTreeMap<TopicId, Vec<Cid>>,
}

impl Record {
    /// Reads the record, or begins one.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut record = Record { path: path.map(Path::to_owned), file: None, lines: 0, roots: BTreeMap::new() };
        if let Some(path) = path {
            match File::open(path) {
                Ok(file) => record.read(file)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            record.compact()?;
        }
        Ok(record)
    }

    /// The roots that may be pinned, oldest first.
    pub(super) fn roots(&self) -> &BTreeMap<TopicId, Vec<Cid>> {
        &self.roots
    }

    /// This is about to be pinned.
    pub(super) fn add(&mut self, topic: TopicId, root: Cid) -> io::Result<()> {
        if self.roots.get(&topic).is_some_and(|roots| roots.contains(&root)) {
            return Ok(());
        }
        self.write('+', topic, root)?;
        self.roots.entry(topic).or_default().push(root);
        Ok(())
    }

    /// This is pinned no longer.
    pub(super) fn remove(&mut self, topic: TopicId, root: Cid) -> io::Result<()> {
        let Some(roots) = self.roots.get_mut(&topic) else { return Ok(()) };
        roots.retain(|other| *other != root);
        if roots.is_empty() {
            self.roots.remove(&topic);
        }
        self.write('-', topic, root)?;
        if self.lines > 2 * self.live() + SLACK { self.compact() } else { Ok(()) }
    }

    fn live(&self) -> usize {
        self.roots.values().map(Vec::len).sum()
    }

    fn write(&mut self, sign: char, topic: TopicId, root: Cid) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            self.lines += 1;
            // One call, so that a killed process leaves a whole line or a torn last one.
            file.write_all(format!("{sign} {topic} {root}\n").as_bytes())?;
        }
        Ok(())
    }

    fn read(&mut self, file: File) -> io::Result<()> {
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        loop {
            line.clear();
            if io::Read::take(&mut reader, MAX_LINE).read_line(&mut line)? == 0 {
                return Ok(());
            }
            // A torn line can only be the last: what it was to say was not done yet.
            if let Some((sign, topic, root)) = parse(&line) {
                let roots = self.roots.entry(topic).or_default();
                roots.retain(|other| *other != root);
                if sign == "+" {
                    roots.push(root);
                } else if roots.is_empty() {
                    self.roots.remove(&topic);
                }
            }
        }
    }

    /// Writes what is needed into a new file, and goes on there.
    fn compact(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let new = path.with_extension("new");
        let mut writer = BufWriter::new(File::create(&new)?);
        for (topic, roots) in &self.roots {
            for root in roots {
                writeln!(writer, "+ {topic} {root}")?;
            }
        }
        writer.flush()?;
        drop(writer);
        std::fs::rename(&new, path)?;
        self.lines = self.live();
        self.file = Some(OpenOptions::new().append(true).open(path)?);
        Ok(())
    }
}

fn parse(line: &str) -> Option<(&str, TopicId, Cid)> {
    let mut words = line.strip_suffix('\n')?.split(' ');
    let (sign, topic, root) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (matches!(sign, "+" | "-") && words.next().is_none()).then_some((sign, topic, root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use multihash::Multihash;

    fn topic(n: u8) -> TopicId {
        TopicId::from_bytes([n; 32])
    }

    fn root(n: u8) -> Cid {
        Cid::new_v1(0x70, Multihash::wrap(0x12, &[n; 32]).expect("it fits"))
    }

    #[test]
    fn a_killed_node_knows_its_pins_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pins");
        let mut record = Record::open(Some(&path)).expect("a new record");
        for (at, now) in [(1, 1), (1, 2), (2, 3)] {
            record.add(topic(at), root(now)).expect("written");
        }
        record.remove(topic(1), root(1)).expect("written");
        record.add(topic(1), root(2)).expect("known already");
        drop(record);
        // The process died while it wrote.
        let mut file = OpenOptions::new().append(true).open(&path).expect("it is there");
        file.write_all(format!("- {} ", topic(2)).as_bytes()).expect("written");
        let record = Record::open(Some(&path)).expect("it reads");
        assert_eq!(record.roots(), &BTreeMap::from([(topic(1), vec![root(2)]), (topic(2), vec![root(3)])]));
        assert_eq!(std::fs::read_to_string(&path).expect("a file").lines().count(), 2, "written anew at the start");
    }

    #[test]
    fn a_year_of_changes_does_not_grow_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pins");
        let mut record = Record::open(Some(&path)).expect("a new record");
        for n in 0..20_000u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&n.to_le_bytes());
            let root = Cid::new_v1(0x70, Multihash::wrap(0x12, &hash).expect("it fits"));
            record.add(topic(1), root).expect("written");
            record.remove(topic(1), root).expect("written");
        }
        assert!(std::fs::read_to_string(&path).expect("a file").lines().count() <= SLACK + 2);
    }

    #[test]
    fn a_foreign_file_is_not_taken_for_pins() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pins");
        std::fs::write(&path, "+ x y\nrubbish\n* 1 2 3\n").expect("written");
        assert!(Record::open(Some(&path)).expect("it opens").roots().is_empty());
    }
}
