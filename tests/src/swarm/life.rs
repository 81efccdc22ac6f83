//! One run: a network under its faults, then healed, then judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cid::Cid;
use multihash::Multihash;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tidings_ledger::entry::Link;
use tidings_ledger::store::{Store, StoreError};
use tidings_ledger::{AuthorKey, Draft, Entry, EntryId, Ledger, Library, Options, TopicName};
use tidings_transport_mem::{Answer, Disk, DiskFault, PeerId, Setup, World};

use super::faults::{Faults, Fired};
use super::hostile::Hostile;
use crate::oracle::{Oracle, entries};
use crate::walk::walk;

const TOPICS: usize = 3;
const AUTHORS: u8 = 4;

/// How long healing may take: several periods of announcing again, under what loss there still is.
const BOUND: Duration = Duration::from_secs(900);

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was drawn.
    pub faults: Faults,
    /// What has come of it.
    pub fired: Fired,
    /// The hash of all that happened.
    pub trace: u64,
    /// Entries that were acknowledged.
    pub written: usize,
    /// How long it took until all agreed, in virtual time.
    pub healed: Duration,
}

/// Lives through one seed. The error says what was violated; with `trace`, it tells what led to it, too.
pub fn live(seed: u64, trace: bool) -> Result<Outcome, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let faults = Faults::draw(&mut rng);
    let mut life = Life::new(seed, rng, faults);
    if trace {
        life.world.keep_trace();
    }
    let healed = match life.run() {
        Ok(healed) => healed,
        Err(why) if trace => return Err(format!("{why}\n{}", life.story())),
        Err(why) => return Err(why),
    };
    for peer in &life.peers {
        let traffic = life.world.traffic(*peer);
        life.fired.doubled += traffic.doubled;
        life.fired.lost += traffic.lost;
    }
    life.fired.withheld = life.withheld.load(Ordering::Relaxed);
    let Life { faults, fired, world, acknowledged, .. } = life;
    Ok(Outcome { faults, fired, trace: world.trace(), written: acknowledged.len(), healed })
}

struct Life {
    world: World,
    rng: fastrand::Rng,
    faults: Faults,
    fired: Fired,
    withheld: Arc<AtomicU64>,
    peers: Vec<PeerId>,
    stores: Vec<Arc<Disk>>,
    hostile: Hostile,
    apart: Vec<(PeerId, PeerId)>,
    is_cut: bool,
    /// What was acknowledged, and at which peer.
    acknowledged: Vec<(usize, Entry)>,
}

fn topic(at: usize) -> TopicName {
    TopicName::parse(&format!("room:swarm-{at}")).expect("a good name")
}

fn key(author: u8) -> AuthorKey {
    AuthorKey::from_seed(&[author; 32])
}

/// A file that nobody has: folders list it all the same.
fn attachment(at: usize, content: u64) -> Link {
    let digest: [u8; 32] = Sha256::digest(content.to_be_bytes()).into();
    let hash = Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    let (name, media_type) = (format!("file-{at}.bin"), "application/octet-stream".to_owned());
    Link { name, cid: Cid::new_v1(0x55, hash), size: 8, media_type }
}

impl Life {
    fn new(seed: u64, rng: fastrand::Rng, faults: Faults) -> Life {
        let mut world = World::new(seed);
        let hostile = Hostile::new(&mut world);
        let stores: Vec<_> = (0..faults.peers).map(|_| Arc::new(Disk::new())).collect();
        let mut options = Options { mirror: faults.mirrors, ..Options::default() };
        if faults.sweeping {
            options.limits.dead_nodes = 0;
        }
        let open = |store: &Arc<Disk>| {
            let setup = Setup { options: options.clone(), store: store.clone(), skew: 0 };
            world.peer(setup).expect("an empty store opens")
        };
        let peers: Vec<PeerId> = stores.iter().map(open).collect();
        world.connect_all(&peers, faults.link);
        let mut life = Life {
            world,
            rng,
            faults,
            fired: Fired::default(),
            withheld: Arc::default(),
            peers,
            stores,
            hostile,
            apart: Vec::new(),
            is_cut: false,
            acknowledged: Vec::new(),
        };
        life.prepare();
        life
    }

    fn prepare(&mut self) {
        for at in 0..self.peers.len() {
            self.follow(at);
            if self.faults.hostile > 0.0 {
                self.world.connect(self.hostile.peer(), self.peers[at], self.faults.link);
            }
            if self.faults.skew > 0 {
                let skew = self.rng.i64(-self.faults.skew..=self.faults.skew);
                self.world.set_skew(self.peers[at], skew);
                self.fired.skews += 1;
            }
            if self.faults.withheld > 0.0 {
                self.make_unreliable(at);
            }
        }
    }

    /// The peer withholds a part of what it is asked for: half of that with a word, half without.
    fn make_unreliable(&mut self, at: usize) {
        let (part, count) = (self.faults.withheld, self.withheld.clone());
        let rng = Mutex::new(self.rng.fork());
        let conduct = move |_: &Cid, honest: Option<bytes::Bytes>| {
            let mut rng = rng.lock();
            match honest {
                Some(_) if rng.f64() < part => {
                    count.fetch_add(1, Ordering::Relaxed);
                    if rng.bool() { Answer::DontHave } else { Answer::Silence }
                }
                Some(block) => Answer::Bytes(block),
                None => Answer::DontHave,
            }
        };
        self.world.set_conduct(self.peers[at], Some(Arc::new(conduct)));
    }

    fn follow(&self, at: usize) {
        for topic in (0..TOPICS).map(topic) {
            // A failing disk takes the wish back; it is made again after the restart.
            let _ = self.world.ledger(self.peers[at]).topic(&topic).follow();
        }
    }

    fn chance(&mut self, part: f64) -> bool {
        part > 0.0 && self.rng.f64() < part
    }

    fn any_peer(&mut self) -> usize {
        self.rng.usize(0..self.peers.len())
    }

    fn run(&mut self) -> Result<Duration, String> {
        for _ in 0..self.faults.steps {
            self.step()?;
        }
        let healed = self.heal()?;
        self.judge()?;
        Ok(healed)
    }

    fn step(&mut self) -> Result<(), String> {
        let faults = self.faults.clone();
        self.write();
        if self.chance(faults.partitions) {
            self.cut_or_heal();
        }
        if self.chance(faults.connections) {
            self.part_or_meet();
        }
        if self.chance(faults.disks) {
            let at = self.any_peer();
            let fault =
                [DiskFault::Full, DiskFault::Io, DiskFault::CrashBefore, DiskFault::CrashAfter][self.rng.usize(0..4)];
            let commit = self.stores[at].commits() + self.rng.u64(0..4);
            self.stores[at].fail_at(commit, fault);
        }
        if self.chance(faults.crashes) {
            let at = self.any_peer();
            self.crash(at);
        }
        if self.chance(faults.hostile) {
            self.be_hostile();
        }
        let pause = if self.rng.u8(0..10) == 0 { self.rng.u64(0..90_000) } else { self.rng.u64(0..400) };
        self.world.run_for(Duration::from_millis(pause));
        for at in 0..self.peers.len() {
            if self.stores[at].is_dead() {
                self.crash(at);
            }
            if !self.world.is_up(self.peers[at]) && self.rng.u8(0..3) == 0 {
                self.restart(at)?;
            }
        }
        Ok(())
    }

    fn write(&mut self) {
        let (at, in_topic, author) = (self.any_peer(), self.rng.usize(0..TOPICS), self.rng.u8(0..AUTHORS));
        if !self.world.is_up(self.peers[at]) {
            return;
        }
        let count = if self.rng.u8(0..12) == 0 { self.rng.usize(20..120) } else { self.rng.usize(1..4) };
        let author = key(author);
        let mut drafts: Vec<Draft> = (0..count).map(|_| self.draft()).collect();
        let own: Vec<EntryId> = self
            .acknowledged
            .iter()
            .map(|(_, entry)| entry)
            .filter(|entry| entry.author() == author.author() && entry.topic() == topic(in_topic).id())
            .map(Entry::id)
            .collect();
        if !own.is_empty() && self.rng.u8(0..4) == 0 {
            drafts.push(Draft::new("redact", "").redacting(own[self.rng.usize(0..own.len())]));
        }
        let ledger = self.world.ledger(self.peers[at]).clone();
        let drafts = drafts.into_iter().map(|draft| (topic(in_topic), author.clone(), draft)).collect();
        let answers = self.world.wait(ledger.append_all(drafts));
        self.acknowledged.extend(answers.into_iter().flatten().map(|entry| (at, entry)));
    }

    /// Mostly short, now and then longer than an announcement carries, and some with files, up to the most there may be:
    /// they move the places where a folder is cut, and so does taking them back.
    fn draft(&mut self) -> Draft {
        let len = if self.rng.u8(0..30) == 0 { self.rng.usize(1000..60_000) } else { self.rng.usize(1..300) };
        let mut draft = Draft::new("post", format!("{:x} {}", self.rng.u64(..), "x".repeat(len)));
        if self.rng.u8(0..6) == 0 {
            for at in 0..self.rng.usize(1..=16) {
                draft = draft.with(attachment(at, self.rng.u64(..)));
            }
        }
        draft
    }

    fn cut_or_heal(&mut self) {
        if self.is_cut {
            self.world.heal();
        } else {
            let mask = self.rng.u64(..);
            let (here, there): (Vec<_>, Vec<_>) = self.peers.iter().partition(|peer| mask >> peer.0 & 1 == 0);
            if self.rng.bool() {
                self.world.partition(&here, &there);
            } else {
                here.iter().for_each(|a| there.iter().for_each(|b| self.world.cut_one_way(*a, *b)));
            }
            self.fired.partitions += 1;
        }
        self.is_cut = !self.is_cut;
    }

    fn part_or_meet(&mut self) {
        if self.rng.bool()
            && let Some((a, b)) = self.apart.pop()
        {
            self.world.connect(a, b, self.faults.link);
            return;
        }
        let (a, b) = (self.any_peer(), self.any_peer());
        let pair = (self.peers[a.min(b)], self.peers[a.max(b)]);
        if a != b && !self.apart.contains(&pair) {
            self.world.disconnect(pair.0, pair.1);
            self.apart.push(pair);
            self.fired.connections += 1;
        }
    }

    fn be_hostile(&mut self) {
        let in_topic = topic(self.rng.usize(0..TOPICS));
        let seen: Vec<&Entry> =
            self.acknowledged.iter().map(|(_, entry)| entry).filter(|entry| entry.topic() == in_topic.id()).collect();
        let seen = (!seen.is_empty()).then(|| seen[self.rng.usize(0..seen.len())].clone());
        let at = self.any_peer();
        let up = self.world.is_up(self.peers[at]);
        let root = up.then(|| self.world.ledger(self.peers[at]).topic(&in_topic).info().ok()).flatten();
        let root = root.and_then(|info| info.cid);
        self.hostile.act(&self.world, &mut self.rng, &in_topic, seen.as_ref(), root);
        self.fired.hostile += 1;
    }

    fn crash(&mut self, at: usize) {
        if self.world.is_up(self.peers[at]) {
            self.world.crash(self.peers[at]);
            self.fired.crashes += 1;
        }
    }

    /// Starts the peer again, and looks whether all that it had acknowledged is there.
    fn restart(&mut self, at: usize) -> Result<(), String> {
        self.fired.disks += u64::from(self.stores[at].has_failed());
        self.stores[at] = self.stores[at].reopened();
        let opened = self.world.restart_on(self.peers[at], self.stores[at].clone());
        opened.map_err(|error| format!("peer {at} does not open again: {error}"))?;
        self.follow(at);
        let ledger = self.world.ledger(self.peers[at]);
        for (_, entry) in self.acknowledged.iter().filter(|(by, _)| *by == at) {
            let found = ledger.entry(&entry.id()).map_err(|error| format!("peer {at}: {error}"))?;
            if found.is_none() {
                return Err(format!("peer {at} had acknowledged {} and lost it", entry.id()));
            }
        }
        self.check_roots(at)
    }

    /// Everything below the roots that the peer has adopted is there.
    fn check_roots(&self, at: usize) -> Result<(), String> {
        let library = Library::new(self.stores[at].clone() as Arc<dyn Store>);
        let ledger = self.world.ledger(self.peers[at]);
        let failed = |error: StoreError| format!("peer {at}: {error}");
        let mut roots = vec![ledger.catalog().map_err(failed)?.cid];
        for topic in (0..TOPICS).map(topic) {
            roots.push(ledger.topic(&topic).info().map_err(failed)?.cid);
        }
        roots.iter().flatten().try_for_each(|root| walk(&library, root).map_err(|why| format!("peer {at}: {why}")))
    }

    /// Ends all faults but what the connections are by nature, and waits until all hold the same.
    fn heal(&mut self) -> Result<Duration, String> {
        self.world.heal();
        for (a, b) in std::mem::take(&mut self.apart) {
            self.world.connect(a, b, self.faults.link);
        }
        for at in 0..self.peers.len() {
            self.world.disconnect(self.hostile.peer(), self.peers[at]);
            self.world.set_conduct(self.peers[at], None);
            self.world.set_skew(self.peers[at], 0);
            // A fault that has not come yet will not any more.
            self.crash(at);
            self.restart(at)?;
        }
        // What was written by a clock that was ahead is from the future for all now.
        self.world.run_for(Duration::from_secs(600));
        let ledgers = self.ledgers();
        let root = |ledger: &Ledger, at| ledger.topic(&topic(at)).info().map(|info| info.cid);
        let same = |_: &World| {
            (0..TOPICS).all(|at| ledgers.iter().all(|ledger| root(ledger, at) == root(&ledgers[0], at)))
                && ledgers.iter().all(|ledger| ledger.catalog() == ledgers[0].catalog())
        };
        self.world.run_until(BOUND, same).map_err(|late| {
            let counts: Vec<_> =
                ledgers.iter().map(|ledger| ledger.catalog().map(|info| (info.topics, info.entries))).collect();
            format!("no agreement: {late}; topics and entries are {counts:?}")
        })
    }

    /// The last of what happened, and how each peer is doing: for whoever looks into a failure.
    fn story(&self) -> String {
        /// Lines that tell what led to a standstill; more are seldom read.
        const LINES: usize = 400;
        let lines = self.world.trace_lines();
        let mut story = lines[lines.len().saturating_sub(LINES)..].to_vec();
        for peer in &self.peers {
            let ledger = self.world.ledger(*peer);
            story.push(format!("{peer:?}: {:?}", ledger.status()));
            story.extend((0..TOPICS).map(|at| format!("{peer:?}: {:?}", ledger.topic(&topic(at)).info())));
        }
        story.join("\n")
    }

    fn ledgers(&self) -> Vec<Ledger> {
        self.peers.iter().map(|peer| self.world.ledger(*peer).clone()).collect()
    }

    /// All hold what was acknowledged, and beside it only what an honest author signed and did not hear of for a crash.
    fn judge(&self) -> Result<(), String> {
        let mut oracle = Oracle::default();
        for at in 0..TOPICS {
            let name = topic(at);
            for (_, entry) in self.acknowledged.iter().filter(|(_, entry)| entry.topic() == name.id()) {
                oracle.wrote(&name, entry);
            }
            let ledgers = self.ledgers();
            for entry in entries(&ledgers[0], &name) {
                if !(0..AUTHORS).any(|author| key(author).author() == entry.author()) {
                    return Err(format!("{} came in, which no honest author wrote", entry.id()));
                }
                oracle.wrote(&name, &entry);
            }
            for (at, ledger) in ledgers.iter().enumerate() {
                self.check_roots(at)?;
                if let Some(difference) = oracle.difference(ledger, &name) {
                    return Err(format!("peer {at}, topic {name}: {difference}"));
                }
            }
        }
        Ok(())
    }
}
