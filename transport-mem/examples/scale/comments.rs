//! The real comments: readers that follow some pages each, and mirrors that hold all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tidings_ledger::{AuthorKey, Draft, Options, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

use crate::measure::{bytes, connect_at_random, effort, processor_seconds, total};

/// One in so many nodes is a mirror, and there are at least two.
const READERS_PER_MIRROR: usize = 20;

/// Readers that follow each page.
const FOLLOWERS: usize = 5;

/// Mirrors that each reader is connected to, and other readers that it connects to.
const TO_MIRRORS: usize = 2;
const TO_READERS: usize = 3;

/// Comments written in a second of virtual time.
const A_SECOND: usize = 100;

#[derive(serde::Deserialize)]
struct Row {
    url: String,
    author: String,
    text: String,
}

/// Runs it; prints a row.
pub(crate) fn run(file: &str, nodes: usize) -> Result<(), String> {
    if nodes < 10 {
        return Err(format!("{nodes} nodes are too few: at least 10"));
    }
    let rows = read(file)?;
    let since = processor_seconds();
    let mut stage = Stage::new(&rows, nodes)?;
    let began = stage.world.elapsed();
    let before = total(&stage.world, &stage.all());
    stage.write(&rows, since)?;
    let written = stage.world.elapsed();
    let agreed = stage.until_all_agree(rows.len()) - written;
    let spent = total(&stage.world, &stage.all()) - before;
    let copies: u64 =
        stage.all().iter().map(|peer| stage.world.ledger(*peer).catalog().map_or(0, |held| held.entries)).sum();
    println!(
        "| nodes, mirrors of them | topics | comments | copies held in the end | written over | all agree after the last | sent per node and comment | fetches | events | processor time | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| {nodes}, {} | {} | {} | {copies} | {} s | {:.1} s | {} | {} | {} |",
        stage.mirrors.len(),
        stage.followers.len(),
        rows.len(),
        (written - began).as_secs(),
        agreed.as_secs_f64(),
        bytes(spent.sent_bytes as f64 / (nodes * rows.len()) as f64),
        spent.rounds,
        effort(&stage.world, since),
    );
    Ok(())
}

fn read(file: &str) -> Result<Vec<Row>, String> {
    let open = std::fs::File::open(file).map_err(|error| format!("{file}: {error}"))?;
    let lines = BufReader::new(flate2::read::GzDecoder::new(open)).lines();
    let rows = lines.enumerate().map(|(at, line)| {
        let line = line.map_err(|error| format!("{file}: {error}"))?;
        serde_json::from_str(&line).map_err(|error| format!("{file}, line {}: {error}", at + 1))
    });
    rows.collect()
}

struct Stage {
    world: World,
    mirrors: Vec<PeerId>,
    readers: Vec<PeerId>,
    /// Who follows each page.
    followers: BTreeMap<TopicName, Vec<PeerId>>,
}

impl Stage {
    fn new(rows: &[Row], nodes: usize) -> Result<Stage, String> {
        let mut world = World::new(nodes as u64);
        world.share_admission(rows.len() * 2);
        let mut options = Options { mirror: true, ..Options::default() };
        // More pages than a mirror would join the channels of by itself.
        options.limits.channels = 100_000;
        let mirrors = (nodes / READERS_PER_MIRROR).max(2);
        let mut peer =
            |options: Options| world.peer(Setup { options, ..Setup::default() }).map_err(|error| error.to_string());
        let mirrors = (0..mirrors).map(|_| peer(options.clone())).collect::<Result<Vec<_>, _>>()?;
        let readers = (mirrors.len()..nodes).map(|_| peer(Options::default())).collect::<Result<Vec<_>, _>>()?;
        let mut stage = Stage { world, mirrors, readers, followers: BTreeMap::new() };
        stage.follow(rows)?;
        stage.connect();
        Ok(stage)
    }

    /// Gives each page its readers.
    fn follow(&mut self, rows: &[Row]) -> Result<(), String> {
        for row in rows {
            let topic = TopicName::parse(&row.url).map_err(|error| format!("{}: {error}", row.url))?;
            if self.followers.contains_key(&topic) {
                continue;
            }
            let mut followers = BTreeSet::new();
            while followers.len() < FOLLOWERS.min(self.readers.len()) {
                followers.insert(self.readers[(self.world.random() % self.readers.len() as u64) as usize]);
            }
            for reader in &followers {
                self.world.ledger(*reader).topic(&topic).follow().map_err(|error| error.to_string())?;
            }
            self.followers.insert(topic, followers.into_iter().collect());
        }
        Ok(())
    }

    fn connect(&mut self) {
        self.world.connect_all(&self.mirrors.clone(), Link::WAN);
        for (at, reader) in self.readers.clone().into_iter().enumerate() {
            for other in 0..TO_MIRRORS {
                let mirror = self.mirrors[(at + other * 7 + at / 11) % self.mirrors.len()];
                self.world.connect(reader, mirror, Link::WAN);
            }
        }
        connect_at_random(&mut self.world, &self.readers.clone(), TO_READERS, Link::WAN);
        self.world.run_for(Duration::from_secs(10));
    }

    /// Says how far it is, for it may take minutes.
    fn report(&self, written: usize, of: usize, since: f64) {
        eprintln!("{written} of {of} comments; {}", effort(&self.world, since));
    }

    /// Each comment is written on one of the nodes that follow its page.
    fn write(&mut self, rows: &[Row], since: f64) -> Result<(), String> {
        for (at, some) in rows.chunks(A_SECOND).enumerate() {
            if at % 50 == 49 {
                self.report((at + 1) * A_SECOND, rows.len(), since);
            }
            let mut by_writer: BTreeMap<PeerId, Vec<(TopicName, AuthorKey, Draft)>> = BTreeMap::new();
            for row in some {
                let topic = TopicName::parse(&row.url).map_err(|error| format!("{}: {error}", row.url))?;
                let seed: [u8; 32] = Sha256::digest(row.author.as_bytes()).into();
                let followers = &self.followers[&topic];
                // One machine for each author and page: nobody forks a chain here.
                let writer = followers[usize::from(seed[0]) % followers.len()];
                let draft = Draft::new("post", row.text.clone());
                by_writer.entry(writer).or_default().push((topic, AuthorKey::from_seed(&seed), draft));
            }
            for (writer, drafts) in by_writer {
                let ledger = self.world.ledger(writer).clone();
                for answer in self.world.wait(ledger.append_all(drafts)) {
                    answer.map_err(|error| error.to_string())?;
                }
            }
            self.world.run_for(Duration::from_secs(1));
        }
        Ok(())
    }

    /// Lets time pass until all mirrors have one catalog with all comments in it, and all readers of a page its folder; says when that is.
    fn until_all_agree(&mut self, comments: usize) -> Duration {
        let mirrors: Vec<_> = self.mirrors.iter().map(|peer| self.world.ledger(*peer).clone()).collect();
        let alike = || {
            let Ok(first) = mirrors[0].catalog() else { return false };
            first.entries == comments as u64 && mirrors.iter().all(|mirror| mirror.catalog().as_ref() == Ok(&first))
        };
        self.pass_until(alike);
        for (topic, followers) in self.followers.clone() {
            let goal = mirrors[0].topic(&topic).info().expect("memory reads").cid;
            let holders: Vec<_> = followers.iter().map(|peer| self.world.ledger(*peer).topic(&topic)).collect();
            self.pass_until(|| holders.iter().all(|topic| topic.info().is_ok_and(|info| info.cid == goal)));
        }
        self.world.elapsed()
    }

    /// Lets time pass until this is so; looks now and then only, for to look costs more than an event.
    fn pass_until(&mut self, is_so: impl Fn() -> bool) {
        let end = self.world.elapsed() + Duration::from_secs(3600);
        while !is_so() {
            assert!(self.world.elapsed() < end, "not all agree within an hour");
            self.world.run_for(Duration::from_millis(100));
        }
    }

    fn all(&self) -> Vec<PeerId> {
        self.mirrors.iter().chain(&self.readers).copied().collect()
    }
}
