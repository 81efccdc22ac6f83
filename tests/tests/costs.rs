//! What catching up may cost: the ceilings of the design, in rounds and in bytes beside the entries themselves.

use std::time::Duration;

use tidings_ledger::{AuthorKey, Draft, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, Traffic, World};

struct Pair {
    world: World,
    writer: PeerId,
    reader: PeerId,
    topic: TopicName,
}

impl Pair {
    /// Two followers that both hold so many entries, one a second, of 50 authors.
    fn holding(entries: usize) -> Pair {
        let topic = TopicName::parse("room:costs").expect("a good name");
        let mut world = World::new(entries as u64);
        let mut peer = || world.peer(Setup::default()).expect("memory opens");
        let (writer, reader) = (peer(), peer());
        for peer in [writer, reader] {
            world.ledger(peer).topic(&topic).follow().expect("memory takes it");
        }
        let start = tidings_transport_mem::EPOCH.as_millis() - 1000 * entries as u64;
        let drafts = (0..entries).map(|at| {
            let time = tidings_ledger::Time::from_millis(start + 1000 * at as u64);
            (topic.clone(), author(at), draft(at).at(time))
        });
        let drafts: Vec<_> = drafts.collect();
        for some in drafts.chunks(4096) {
            let ledger = world.ledger(writer).clone();
            let appended = world.wait(ledger.append_all(some.to_vec()));
            let files = appended.into_iter().map(|entry| entry.expect("a good draft").to_file().into()).collect();
            world.ledger(reader).topic(&topic).submit(files).expect("memory takes it");
        }
        for peer in [writer, reader] {
            world.ledger(peer).flush().expect("memory takes it");
        }
        world.connect(writer, reader, Link::WAN);
        world.run_for(Duration::from_secs(200));
        let pair = Pair { world, writer, reader, topic };
        assert_eq!(pair.root(writer), pair.root(reader));
        pair
    }

    fn root(&self, peer: PeerId) -> Option<cid::Cid> {
        self.world.ledger(peer).topic(&self.topic).info().expect("memory reads").cid
    }

    /// The writer appends so many in a partition, and what healing costs the reader from there on until both agree.
    fn catch_up(&mut self, missing: usize) -> Traffic {
        let (writer, reader) = (self.writer, self.reader);
        self.world.partition(&[writer], &[reader]);
        let drafts = (0..missing).map(|at| (self.topic.clone(), author(at), draft(at))).collect();
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

fn author(at: usize) -> AuthorKey {
    AuthorKey::from_seed(&[(at * 7 % 50) as u8; 32])
}

fn draft(at: usize) -> Draft {
    Draft::new(
        "post",
        format!("Entry {at}, of the length that comments usually have: a sentence, or perhaps two of them."),
    )
}

/// Asserts a ceiling and prints the figures for the table in the documentation.
fn ceiling(what: &str, cost: Traffic, rounds: u64, bytes: u64) {
    println!("{what}: {} rounds of {rounds}, {} bytes of {bytes}: {cost:?}", cost.rounds, cost.overhead());
    assert!(cost.rounds <= rounds, "{what}: {} rounds, {rounds} are allowed: {cost:?}", cost.rounds);
    assert!(cost.overhead() <= bytes, "{what}: {} bytes, {bytes} are allowed: {cost:?}", cost.overhead());
}

/// All ceilings at this size.
fn ceilings(entries: usize) {
    let mut pair = Pair::holding(entries);
    current(&mut pair, entries);
    let lost = pair.catch_up(1);
    ceiling(&format!("one lost announcement at {entries}"), lost, 6, 25_000);
    let tail = pair.catch_up(100);
    ceiling(&format!("a tail of 100 at {entries}"), tail, 6, 40_000);
    equal(&mut pair, entries);
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
    ceiling(&format!("one entry to a current follower at {entries}"), cost, 0, 256);
}

/// Two that hold the same and meet again tell each other so, once.
fn equal(pair: &mut Pair, entries: usize) {
    pair.world.disconnect(pair.writer, pair.reader);
    pair.world.run_for(Duration::from_secs(1));
    let before = pair.world.traffic(pair.reader);
    pair.world.connect(pair.writer, pair.reader, Link::WAN);
    pair.world.run_for(Duration::from_secs(5));
    let cost = pair.world.traffic(pair.reader) - before;
    ceiling(&format!("equal sets of {entries} that meet"), cost, 0, 256);
    let said = cost.heard + cost.published;
    assert!((1..=2).contains(&said), "{said} announcements of one root");
}

#[test]
fn catching_up_at_ten_thousand_entries_costs_no_more_than_was_promised() {
    ceilings(10_000);
}

#[test]
#[cfg_attr(not(feature = "slow"), ignore = "half a minute; part of the slow suite")]
fn catching_up_at_a_hundred_thousand_entries_costs_no_more_than_was_promised() {
    ceilings(100_000);
}
