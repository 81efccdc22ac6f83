//! What catching up may cost: the ceilings of the design, in rounds and in bytes beside the entries themselves.
//!
//! `TIDINGS_COSTS=10000,100000,1000000` says for which numbers of entries; each prints its rows of the table that
//! `docs/simulator.md` has. A million takes some minutes and 6 GB.

use std::time::Duration;

use tidings_ledger::{AuthorKey, Draft, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, Traffic, World};

struct Pair {
    world: World,
    writer: PeerId,
    reader: PeerId,
    topic: TopicName,
    entries: usize,
}

impl Pair {
    /// Two followers that both hold so many entries, one a second, of 50 authors: the one wrote them, the other starts from
    /// a copy of its data.
    fn holding(entries: usize) -> Pair {
        let topic = TopicName::parse("room:costs").expect("a good name");
        let mut world = World::new(entries as u64);
        let writer = world.peer(Setup::default()).expect("memory opens");
        world.ledger(writer).topic(&topic).follow().expect("memory takes it");
        let start = tidings_transport_mem::EPOCH.as_millis() - 1000 * entries as u64;
        let ledger = world.ledger(writer).clone();
        for some in (0..entries).collect::<Vec<_>>().chunks(4096) {
            let drafts = some.iter().map(|at| {
                let time = tidings_ledger::Time::from_millis(start + 1000 * *at as u64);
                (topic.clone(), author(*at), draft(*at).at(time))
            });
            let appended = world.wait(ledger.append_all(drafts.collect()));
            assert!(appended.iter().all(Result::is_ok), "good drafts");
        }
        ledger.flush().expect("memory takes it");
        let reader = world.copy(writer).expect("memory copies");
        world.connect(writer, reader, Link::WAN);
        world.run_for(Duration::from_secs(200));
        let pair = Pair { world, writer, reader, topic, entries };
        assert_eq!(pair.root(writer), pair.root(reader));
        pair
    }

    fn root(&self, peer: PeerId) -> Option<cid::Cid> {
        self.world.ledger(peer).topic(&self.topic).info().expect("memory reads").cid
    }

    /// The writer appends so many in a partition, at these times, and what healing costs the reader until both agree.
    fn catch_up(&mut self, missing: usize, shape: Shape) -> Traffic {
        let (writer, reader) = (self.writer, self.reader);
        self.world.partition(&[writer], &[reader]);
        let drafts = (0..missing).map(|at| {
            let draft = draft(at);
            let draft = match shape {
                Shape::Tail => draft,
                // Evenly over the whole past.
                Shape::Scattered => draft.at(tidings_ledger::Time::from_millis(
                    tidings_transport_mem::EPOCH.as_millis() - (1000 * self.entries * (at + 1) / (missing + 1)) as u64,
                )),
            };
            (self.topic.clone(), author(at), draft)
        });
        let drafts = drafts.collect();
        let ledger = self.world.ledger(writer).clone();
        self.world.wait(ledger.append_all(drafts));
        self.world.run_for(Duration::from_secs(2));
        self.world.heal();
        let before = self.world.traffic(reader);
        let goal = self.root(writer);
        let topic = self.world.ledger(reader).topic(&self.topic);
        let reached =
            self.world.run_until(Duration::from_secs(300), |_| topic.info().is_ok_and(|info| info.cid == goal));
        reached.expect("it heals");
        self.world.traffic(reader) - before
    }
}

/// Where in the folder the missing entries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Tail,
    Scattered,
}

fn author(at: usize) -> AuthorKey {
    AuthorKey::from_seed(&[(at * 7 % 50) as u8; 32])
}

fn draft(at: usize) -> Draft {
    Draft::new(
        "post",
        format!("Entry {at}, of the length that comments usually have: a sentence, or perhaps two of them."),
    )
}

/// Asserts a ceiling, if there is one, and prints the row of the table in the documentation.
fn row(entries: usize, missing: usize, shape: &str, cost: Traffic, ceiling: Option<(u64, u64)>) {
    let (rounds, bytes) = (cost.rounds, cost.overhead());
    let limit = ceiling.map_or_else(|| "none".to_owned(), |(rounds, bytes)| format!("{rounds} rounds, {bytes} bytes"));
    println!("| {entries} | {missing} | {shape} | {rounds} | {bytes} | {limit} |");
    if let Some((most_rounds, most_bytes)) = ceiling {
        assert!(rounds <= most_rounds, "{shape}: {rounds} rounds, {most_rounds} are allowed: {cost:?}");
        assert!(bytes <= most_bytes, "{shape}: {bytes} bytes, {most_bytes} are allowed: {cost:?}");
    }
}

/// All ceilings at this size.
fn ceilings(entries: usize) {
    println!("| entries | missing | where | rounds | bytes | ceiling |\n|---|---|---|---|---|---|");
    let mut pair = Pair::holding(entries);
    current(&mut pair, entries);
    let lost = pair.catch_up(1, Shape::Tail);
    row(entries, 1, "one lost announcement", lost, Some((6, 25_000)));
    let tail = pair.catch_up(100, Shape::Tail);
    row(entries, 100, "tail", tail, Some((6, 40_000)));
    let long = pair.catch_up(1000, Shape::Tail);
    // The design's ceiling is for a million; below, an entry's share of a node is the same.
    row(entries, 1000, "tail", long, Some((7, 150_000)));
    equal(&mut pair, entries);
    let scattered = pair.catch_up(100, Shape::Scattered);
    row(entries, 100, "scattered", scattered, None);
}

/// A follower that misses nothing takes a new entry in without any fetch.
fn current(pair: &mut Pair, entries: usize) {
    let before = pair.world.traffic(pair.reader);
    let topic = pair.world.ledger(pair.writer).topic(&pair.topic);
    let entry = pair.world.wait(topic.append(&author(1), draft(1))).expect("a good draft");
    pair.world.run_for(Duration::from_secs(1));
    assert_eq!(pair.root(pair.writer), pair.root(pair.reader));
    let mut cost = pair.world.traffic(pair.reader) - before;
    cost.heard_bytes -= entry.to_file().len() as u64;
    row(entries, 1, "a new entry, to a current follower", cost, Some((0, 256)));
}

/// Two that hold the same and meet again tell each other so, once.
fn equal(pair: &mut Pair, entries: usize) {
    pair.world.disconnect(pair.writer, pair.reader);
    pair.world.run_for(Duration::from_secs(1));
    let before = pair.world.traffic(pair.reader);
    pair.world.connect(pair.writer, pair.reader, Link::WAN);
    pair.world.run_for(Duration::from_secs(5));
    let cost = pair.world.traffic(pair.reader) - before;
    row(entries, 0, "two that hold the same meet", cost, Some((0, 256)));
    let said = cost.heard + cost.published;
    assert!((1..=2).contains(&said), "{said} announcements of one root");
}

#[test]
fn catching_up_costs_no_more_than_was_promised() {
    let usual = if cfg!(feature = "slow") { "10000,100000" } else { "10000" };
    let sizes = std::env::var("TIDINGS_COSTS").unwrap_or_else(|_| usual.to_owned());
    for size in sizes.split(',') {
        ceilings(size.trim().parse().unwrap_or_else(|_| panic!("TIDINGS_COSTS is not a list of numbers: {sizes}")));
    }
}
