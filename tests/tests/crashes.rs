//! Crashes and failing disks, at every commit: what was acknowledged is there, every root is complete, and all agree in
//! the end.

use std::sync::Arc;
use std::time::Duration;

use tidings_ledger::store::Store;
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, Library, Options, TopicName};
use tidings_tests::{Oracle, walk};
use tidings_transport_mem::{Disk, DiskFault, Link, PeerId, Setup, World};

fn key(author: u8) -> AuthorKey {
    AuthorKey::from_seed(&[author; 32])
}

fn topic(at: usize) -> TopicName {
    TopicName::parse(&format!("room:crash-{at}")).expect("a good name")
}

/// One crashing peer and one that does not, in two topics.
struct Stage {
    world: World,
    fragile: PeerId,
    steady: PeerId,
    store: Arc<Disk>,
    oracle: Oracle,
    acknowledged: Vec<Entry>,
}

const TOPICS: usize = 2;

impl Stage {
    fn new(seed: u64, options: Options) -> Stage {
        let mut world = World::new(seed);
        let store = Arc::new(Disk::new());
        let fragile = Setup { options: options.clone(), store: Some(store.clone()), skew: 0 };
        let fragile = world.peer(fragile).expect("it opens");
        let steady = world.peer(Setup { options, ..Setup::default() }).expect("it opens");
        world.connect(fragile, steady, Link::LAN);
        let stage = Stage { world, fragile, steady, store, oracle: Oracle::default(), acknowledged: Vec::new() };
        stage.follow_all();
        stage
    }

    fn follow_all(&self) {
        for at in 0..TOPICS {
            for peer in [self.fragile, self.steady] {
                // A store that fails at this very commit takes the wish back; then it is made again after the restart.
                let _ = self.world.ledger(peer).topic(&topic(at)).follow();
            }
        }
    }

    /// Appends; what is acknowledged goes to the oracle.
    fn append(&mut self, peer: PeerId, at: usize, author: u8, drafts: Vec<Draft>) {
        let drafts = drafts.into_iter().map(|draft| (topic(at), key(author), draft)).collect();
        let ledger = self.world.ledger(peer).clone();
        for entry in self.world.wait(ledger.append_all(drafts)).into_iter().flatten() {
            self.oracle.wrote(&topic(at), &entry);
            self.acknowledged.push(entry);
        }
    }

    fn write(&mut self, round: usize) {
        let (fragile, steady) = (self.fragile, self.steady);
        let text = |what: &str| Draft::new("post", format!("{what} {round}"));
        self.append(fragile, round % TOPICS, 1, vec![text("one")]);
        self.append(steady, round % TOPICS, 2, vec![text("two")]);
        // A bulk is folded later than it is committed.
        if round % 4 == 1 {
            self.append(fragile, (round + 1) % TOPICS, 3, (0..70).map(|at| text(&format!("bulk {at}"))).collect());
        }
        let mine: Vec<_> = self.acknowledged.iter().filter(|entry| entry.author() == key(1).author()).collect();
        if let (true, Some(target)) = (round % 3 == 2, mine.first()) {
            let (id, of) = (target.id(), (0..TOPICS).find(|at| topic(*at).id() == target.topic()));
            self.append(fragile, of.unwrap_or(0), 1, vec![Draft::new("redact", "").redacting(id)]);
        }
        self.world.run_for(Duration::from_millis(5 + 40 * (round as u64 % 3)));
    }

    /// The process ends, and the next one opens what it left.
    fn reopen(&mut self) {
        self.world.crash(self.fragile);
        self.store = self.store.reopened().expect("memory undoes");
        self.world.restart_on(self.fragile, self.store.clone()).expect("it opens again after a crash");
        self.follow_all();
        let ledger = self.world.ledger(self.fragile);
        for entry in
            self.acknowledged.iter().filter(|entry| [key(1).author(), key(3).author()].contains(&entry.author()))
        {
            let found = ledger.entry(&entry.id()).expect("the store reads");
            assert!(found.is_some(), "an acknowledged entry is gone");
        }
        self.check_roots(ledger);
    }

    fn check_roots(&self, ledger: &Ledger) {
        let library = Library::new(self.store.clone() as Arc<dyn Store>);
        let topics = (0..TOPICS).filter_map(|at| ledger.topic(&topic(at)).info().expect("the store reads").cid);
        for root in topics.chain(ledger.catalog().expect("the store reads").cid) {
            walk(&library, &root).expect("a root is complete");
        }
    }

    /// Both hold what the oracle knows, and possibly what was written and not acknowledged because of the crash.
    fn converge(&mut self) {
        let (a, b) = (self.world.ledger(self.fragile).clone(), self.world.ledger(self.steady).clone());
        let root = |ledger: &Ledger, at| ledger.topic(&topic(at)).info().expect("the store reads");
        let bound = Duration::from_secs(300);
        let same = |_: &World| (0..TOPICS).all(|at| root(&a, at).cid == root(&b, at).cid);
        if let Err(late) = self.world.run_until(bound, same) {
            let counts: Vec<_> = (0..TOPICS).map(|at| (root(&a, at).entries, root(&b, at).entries)).collect();
            panic!("no agreement: {late}; {counts:?}");
        }
        for ledger in [&a, &b] {
            for entry in &self.acknowledged {
                assert!(ledger.entry(&entry.id()).expect("the store reads").is_some(), "an acknowledged entry is gone");
            }
        }
        self.check_roots(&a);
    }
}

/// How many commits the workload makes without any fault.
fn commits() -> u64 {
    let mut stage = Stage::new(1, Options::default());
    (0..8).for_each(|round| stage.write(round));
    stage.converge();
    let exact: Vec<Ledger> = [stage.fragile, stage.steady].map(|peer| stage.world.ledger(peer).clone()).into();
    (0..TOPICS).for_each(|at| stage.oracle.check(&exact, &topic(at)));
    stage.store.commits()
}

fn fail_at_every_commit(fault: DiskFault) {
    let commits = commits();
    assert!(commits > 20, "{commits} commits are no workload");
    for at in 0..commits {
        let mut stage = Stage::new(1, Options::default());
        stage.store.fail_at(at, fault);
        (0..4).for_each(|round| stage.write(round));
        if stage.store.is_dead() {
            stage.reopen();
        }
        (4..8).for_each(|round| stage.write(round));
        if stage.store.is_dead() {
            stage.reopen();
        }
        stage.converge();
    }
}

#[test]
fn a_crash_before_any_commit_loses_nothing_acknowledged() {
    fail_at_every_commit(DiskFault::CrashBefore);
}

#[test]
fn a_crash_after_any_commit_loses_nothing_acknowledged() {
    fail_at_every_commit(DiskFault::CrashAfter);
}

#[test]
fn a_full_disk_at_any_commit_loses_nothing_acknowledged() {
    fail_at_every_commit(DiskFault::Full);
}

#[test]
fn an_error_of_the_disk_at_any_commit_loses_nothing_acknowledged() {
    fail_at_every_commit(DiskFault::Io);
}

#[test]
fn a_bulk_into_a_new_topic_is_there_after_a_crash_before_it_was_folded() {
    let mut world = World::new(9);
    let store = Arc::new(Disk::new());
    let peer = world.peer(Setup { store: Some(store.clone()), ..Setup::default() }).expect("it opens");
    let room = topic(7);
    let drafts = (0..200).map(|at| (room.clone(), key(1), Draft::new("post", format!("Entry {at}.")))).collect();
    let ledger = world.ledger(peer).clone();
    let appended = world.wait(ledger.append_all(drafts));
    assert!(appended.iter().all(Result::is_ok));
    // At this very moment, when no folder lists them and the topic is followed by nobody.
    world.crash(peer);
    world.restart_on(peer, store.reopened().expect("memory undoes")).expect("it opens again");
    world.run_for(Duration::from_secs(5));
    let info = world.ledger(peer).topic(&room).info().expect("the store reads");
    assert_eq!((info.entries, info.cid.is_some()), (200, true));
}
