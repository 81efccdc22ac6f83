//! One run: a network lives through a plan, is healed, and is judged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cid::Cid;
use tidings_ledger::content::raw_cid;
use tidings_ledger::entry::Link;
use tidings_ledger::store::Store;
use tidings_ledger::transport::Blocks;
use tidings_ledger::{AuthorKey, Draft, Entry, EntryId, Ledger, Library, Options, TopicName};
use tidings_transport_mem::{Disk, PeerId, Setup, Traffic, World};

use super::faults::Faults;
use super::fired::{Fault, Fired};
use super::hostile::Hostile;
use super::keeping::Keeping;
use super::op::Op;
use super::plan::Plan;
use super::verdict::Violation;
use crate::oracle::{Oracle, entries};
use crate::walk::walk;

const TOPICS: u64 = 3;
const AUTHORS: u64 = 4;

/// Copies of data folders in one run, at most.
const COPIES: usize = 2;

/// How long healing may take: several periods of announcing again, under what loss there still is.
const BOUND: Duration = Duration::from_secs(900);

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What has come of the faults.
    pub fired: Fired,
    /// The hash of all that happened.
    pub trace: u64,
    /// Entries that were acknowledged.
    pub written: usize,
    /// How long it took until all agreed, in virtual time.
    pub healed: Duration,
}

/// Lives through a plan. The error says what was violated; with `trace`, also what led to it, line by line.
pub fn live(plan: &Plan, trace: bool) -> Result<Outcome, (Violation, Vec<String>)> {
    let mut life = Life::new(plan);
    if trace {
        life.world.keep_trace();
    }
    match catch_unwind(AssertUnwindSafe(|| life.run(plan))) {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(why)) => Err((why, life.world.trace_lines())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
            Err((Violation::Panic(text.to_owned()), life.world.trace_lines()))
        }
    }
}

struct Life {
    world: World,
    faults: Faults,
    fired: Fired,
    peers: Vec<Member>,
    copies: usize,
    hostile: Hostile,
    apart: Vec<(PeerId, PeerId)>,
    keeping: Keeping,
}

/// A peer with a ledger, and its disk.
struct Member {
    id: PeerId,
    disk: Arc<Disk>,
    options: Options,
    /// Its disk has rotten values: sooner or later it is wiped.
    is_rotten: bool,
    /// Lost for good.
    is_gone: bool,
}

impl Life {
    fn new(plan: &Plan) -> Life {
        let mut world = World::new(plan.seed);
        let hostile = Hostile::new(&mut world);
        let faults = plan.faults.clone();
        let mut life = Life {
            world,
            faults,
            fired: Fired::default(),
            peers: Vec::new(),
            copies: 0,
            hostile,
            apart: Vec::new(),
            keeping: Keeping::default(),
        };
        for at in 0..life.faults.peers {
            let mut options = Options { mirror: at < life.faults.mirrors, ..Options::default() };
            if life.faults.sweeping > 0 {
                options.limits.dead_nodes = 0;
            }
            let disk = Disk::new().syncing_every(life.faults.sync_every);
            life.join(Arc::new(disk), options);
        }
        life
    }

    /// A new member, connected to all others.
    fn join(&mut self, disk: Arc<Disk>, options: Options) {
        let setup = Setup { options: options.clone(), store: Some(disk.clone()), skew: 0 };
        let id = self.world.peer(setup).expect("a good store opens");
        let link = self.faults.link();
        for other in self.peers.iter().filter(|member| !member.is_gone) {
            self.world.connect(other.id, id, link);
        }
        self.world.connect(self.hostile.peer(), id, link);
        self.world.set_serving(id, self.faults.serving());
        if self.faults.skew > 0 {
            let skew = (self.world.random() % (2 * self.faults.skew + 1)) as i64 - self.faults.skew as i64;
            self.world.set_skew(id, skew);
            self.fired.count(Fault::Clock, 1);
        }
        self.peers.push(Member { id, disk, options, is_rotten: false, is_gone: false });
        self.follow(self.peers.len() - 1);
    }

    fn follow(&self, at: usize) {
        for topic in (0..TOPICS).map(topic) {
            // A failing disk takes the wish back; it is made again after the restart.
            let _ = self.world.ledger(self.peers[at].id).topic(&topic).follow();
        }
    }

    fn run(&mut self, plan: &Plan) -> Result<Outcome, Violation> {
        for op in &plan.ops {
            self.step(*op)?;
        }
        // Faults of connections go on while all else heals, but blocks are served well then.
        let occasions = self.traffic();
        let healed = self.heal()?;
        self.judge()?;
        self.count();
        self.refuse_vacuous(&occasions)?;
        let (trace, written) = (self.world.trace(), self.keeping.len());
        Ok(Outcome { fired: self.fired.clone(), trace, written, healed })
    }

    fn step(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Wait { millis } => self.world.run_for(Duration::from_millis(millis)),
            Op::Write { peer, topic, author, count, salt } => self.write(peer, topic, author, count, salt),
            Op::Hostile { act, topic: at, salt } => self.be_hostile(act, at, salt),
            Op::Crash { peer, events } => self.crash(self.index(peer), events),
            Op::Restart { peer } => self.restart(self.index(peer))?,
            Op::Power { .. } | Op::Disk { .. } | Op::Full { .. } | Op::Rot { .. } => self.disk_trouble(op)?,
            Op::Wipe { .. } | Op::Lose { .. } | Op::Copy { .. } => self.lifecycle(op)?,
            Op::Jump { peer, millis, back } => {
                let millis = if back > 0 { -(millis as i64) } else { millis as i64 };
                self.world.jump(self.peers[self.index(peer)].id, millis);
                self.fired.count(Fault::Clock, 1);
            }
            _ => self.trouble(op),
        }
        self.look_after_disks()
    }

    /// A number of a plan as one of the members.
    fn index(&self, number: u64) -> usize {
        (number % self.peers.len() as u64) as usize
    }

    fn ids(&self) -> Vec<PeerId> {
        self.peers.iter().filter(|member| !member.is_gone).map(|member| member.id).collect()
    }

    fn trouble(&mut self, op: Op) {
        let ids = self.ids();
        match op {
            Op::Cut { mask, how } => {
                let (here, there): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| mask >> (id.0 % 64) & 1 == 0);
                match how {
                    0 => self.world.partition(&here, &there),
                    1 => here.iter().for_each(|a| there.iter().for_each(|b| self.world.cut_one_way(*a, *b))),
                    _ => self.world.flap(&here, &there, Duration::from_millis(700), 5),
                }
                self.fired.count(Fault::Partition, u64::from(!here.is_empty() && !there.is_empty()));
            }
            Op::Isolate { peer } => {
                self.world.isolate(self.peers[self.index(peer)].id);
                self.fired.count(Fault::Partition, 1);
            }
            Op::Swizzle { millis } => self.world.swizzle(&ids, Duration::from_millis(millis.max(1))),
            Op::Heal => self.world.heal(),
            Op::Part { a, b } => {
                let (a, b) = (self.peers[self.index(a)].id, self.peers[self.index(b)].id);
                let pair = (a.min(b), a.max(b));
                if a != b && !self.apart.contains(&pair) {
                    self.world.disconnect(pair.0, pair.1);
                    self.apart.push(pair);
                    self.fired.count(Fault::Connection, 1);
                }
            }
            Op::Meet => {
                if let Some((a, b)) = self.apart.pop() {
                    self.world.connect(a, b, self.faults.link());
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, peer: u64, in_topic: u64, author: u64, count: u64, salt: u64) {
        let at = self.index(peer);
        if !self.world.is_up(self.peers[at].id) {
            return;
        }
        let (name, author) = (topic(in_topic % TOPICS), key(author % AUTHORS));
        let mut rng = fastrand::Rng::with_seed(salt);
        let mut drafts: Vec<Draft> = (0..count).map(|_| draft(&mut rng)).collect();
        let own = self.keeping.of(name.id()).into_iter().filter(|entry| entry.author() == author.author());
        let own: Vec<EntryId> = own.map(Entry::id).collect();
        if !own.is_empty() && rng.u8(0..4) == 0 {
            drafts.push(Draft::new("redact", "").redacting(own[rng.usize(0..own.len())]));
        }
        let ledger = self.world.ledger(self.peers[at].id).clone();
        let drafts = drafts.into_iter().map(|draft| (name.clone(), author.clone(), draft)).collect();
        for entry in self.world.wait(ledger.append_all(drafts)).into_iter().flatten() {
            self.keeping.acknowledged(at, entry);
        }
    }

    fn be_hostile(&mut self, act: super::op::Act, in_topic: u64, salt: u64) {
        let name = topic(in_topic % TOPICS);
        let seen = self.keeping.of(name.id());
        let seen = (!seen.is_empty()).then(|| seen[(salt % seen.len() as u64) as usize].clone());
        let up = self.peers.iter().find(|member| self.world.is_up(member.id));
        let root = up.and_then(|member| self.world.ledger(member.id).topic(&name).info().ok()?.cid);
        self.hostile.act(&self.world, act, salt, &name, seen.as_ref(), root);
        self.fired.count(Fault::Hostile, 1);
    }

    fn crash(&mut self, at: usize, events: u64) {
        let id = self.peers[at].id;
        if self.world.is_up(id) {
            match events {
                0 => self.world.crash(id),
                _ => self.world.crash_after(id, events),
            }
            self.fired.count(Fault::Crash, 1);
        }
    }

    /// Starts a member that is down again, and looks whether all that it had acknowledged is there.
    fn restart(&mut self, at: usize) -> Result<(), Violation> {
        let Member { id, is_gone, is_rotten, .. } = self.peers[at];
        if is_gone || self.world.is_up(id) {
            return Ok(());
        }
        // If the power went in the midst of a batch, some is gone.
        self.destroy(at, |member| member.disk = member.disk.reopened().expect("memory undoes"))?;
        match self.world.restart_on(id, self.peers[at].disk.clone()) {
            Ok(()) => {}
            // Its owner reads the message, and does what it says.
            Err(_) if is_rotten => return self.wipe(at),
            Err(why) => return Err(Violation::NoOpen { peer: at, why: why.to_string() }),
        }
        self.follow(at);
        if is_rotten {
            return Ok(());
        }
        let ledger = self.world.ledger(id);
        for entry in self.keeping.demanded_of(at) {
            let found =
                ledger.entry(&entry.id()).map_err(|why| Violation::NoOpen { peer: at, why: why.to_string() })?;
            if found.is_none() {
                return Err(Violation::Lost { peer: at, entry: entry.id() });
            }
        }
        self.check_roots(at)
    }

    fn disk_trouble(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Power { peer, kept } => {
                let at = self.index(peer);
                if self.peers[at].is_gone {
                    return Ok(());
                }
                self.crash(at, 0);
                self.fired.count(Fault::Power, u64::from(self.peers[at].disk.unsynced() > kept as usize));
                self.destroy(at, |member| {
                    member.disk = member.disk.after_power_loss(kept as usize).expect("memory undoes");
                })
            }
            Op::Disk { peer, fault, commits } => {
                let disk = &self.peers[self.index(peer)].disk;
                disk.fail_at(disk.commits() + commits, fault);
                Ok(())
            }
            Op::Full { peer, on } => {
                self.peers[self.index(peer)].disk.set_full(on > 0);
                self.fired.count(Fault::Full, on);
                Ok(())
            }
            Op::Rot { peer, part, salt } => {
                let at = self.index(peer);
                let mut rng = fastrand::Rng::with_seed(salt);
                self.destroy(at, |member| {
                    let rotten = member.disk.rot(part as f64 / 1000.0, &mut rng).expect("memory reads");
                    member.is_rotten |= rotten > 0;
                })
            }
            _ => Ok(()),
        }
    }

    fn lifecycle(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Wipe { peer } => {
                let at = self.index(peer);
                if self.peers[at].is_gone {
                    return Ok(());
                }
                self.fired.count(Fault::Wiped, 1);
                self.wipe(at)
            }
            Op::Lose { peer } => {
                let at = self.index(peer);
                if self.peers[at].is_gone || self.ids().len() < 3 {
                    return Ok(());
                }
                self.crash(at, 0);
                self.fired.count(Fault::Gone, 1);
                self.destroy(at, |member| member.is_gone = true)
            }
            Op::Copy { peer } => {
                let member = &self.peers[self.index(peer)];
                if member.is_gone || member.is_rotten || self.copies >= COPIES {
                    return Ok(());
                }
                let copy = member.disk.copied().expect("memory copies");
                self.copies += 1;
                self.fired.count(Fault::Copied, 1);
                self.join(Arc::new(copy), member.options.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Empties a member's disk and starts it with that.
    fn wipe(&mut self, at: usize) -> Result<(), Violation> {
        let empty = Arc::new(Disk::new().syncing_every(self.faults.sync_every));
        self.destroy(at, |member| {
            member.disk = empty.clone();
            member.is_rotten = false;
        })?;
        let opened = self.world.wipe_to(self.peers[at].id, empty);
        opened.map_err(|why| Violation::NoOpen { peer: at, why: why.to_string() })?;
        self.follow(at);
        Ok(())
    }

    /// Does something that may destroy entries. What nobody has any more after that is not demanded of anybody; what
    /// nobody had before had vanished by itself.
    fn destroy(&mut self, at: usize, how: impl FnOnce(&mut Member)) -> Result<(), Violation> {
        let before = libraries(&self.peers);
        if let Some(entry) = self.keeping.demanded().find(|entry| !before.iter().any(|library| has(library, entry))) {
            return Err(Violation::Vanished(entry.id()));
        }
        how(&mut self.peers[at]);
        let after = libraries(&self.peers);
        let own = Library::new(self.peers[at].disk.peek());
        let is_gone = self.peers[at].is_gone;
        let is_anywhere = |entry: &Entry| after.iter().any(|library| has(library, entry));
        self.keeping.destroyed(at, |entry| !is_gone && has(&own, entry), is_anywhere);
        Ok(())
    }

    /// Members whose disk died go down with it, and those whose disk turned out to be rotten are wiped.
    fn look_after_disks(&mut self) -> Result<(), Violation> {
        for at in 0..self.peers.len() {
            let member = &self.peers[at];
            if member.disk.is_dead() && self.world.is_up(member.id) {
                self.world.crash(member.id);
            }
            if self.peers[at].disk.has_failed() && !self.world.is_up(self.peers[at].id) {
                self.fired.count(Fault::Disk, 1);
                self.destroy(at, |member| member.disk = member.disk.reopened().expect("memory undoes"))?;
            }
            if self.peers[at].is_rotten && self.peers[at].disk.rot_met() > 0 && !self.peers[at].is_gone {
                self.fired.count(Fault::Rot, 1);
                self.wipe(at)?;
            }
        }
        Ok(())
    }

    /// Everything below the roots that the member has adopted is there.
    fn check_roots(&self, at: usize) -> Result<(), Violation> {
        let broken = |why: String| Violation::Incomplete { peer: at, why };
        let library = Library::new(self.peers[at].disk.clone() as Arc<dyn Store>);
        let ledger = self.world.ledger(self.peers[at].id);
        let mut roots = vec![ledger.catalog().map_err(|why| broken(why.to_string()))?.cid];
        for topic in (0..TOPICS).map(topic) {
            roots.push(ledger.topic(&topic).info().map_err(|why| broken(why.to_string()))?.cid);
        }
        roots.iter().flatten().try_for_each(|root| walk(&library, root).map_err(broken))
    }

    /// Ends all faults but what the connections are by nature, and waits until all hold the same.
    fn heal(&mut self) -> Result<Duration, Violation> {
        // Plans of flapping and swizzling come to their end.
        self.world.run_for(Duration::from_secs(60));
        self.look_after_disks()?;
        self.world.heal();
        for (a, b) in std::mem::take(&mut self.apart) {
            self.world.connect(a, b, self.faults.link());
        }
        for at in 0..self.peers.len() {
            let id = self.peers[at].id;
            self.world.disconnect(self.hostile.peer(), id);
            if self.peers[at].is_gone {
                continue;
            }
            self.world.set_serving(id, tidings_transport_mem::Serving::HONEST);
            self.world.set_skew(id, 0);
            // A fault that has not come yet will not any more.
            self.peers[at].disk.set_full(false);
            self.crash(at, 0);
            self.restart(at)?;
            if self.peers[at].is_rotten {
                self.fired.count(Fault::Rot, 1);
                self.wipe(at)?;
            }
        }
        // What was written by a clock that was ahead is from the future for all now.
        self.world.run_for(Duration::from_secs(900));
        let ledgers = self.ledgers();
        let root = |ledger: &Ledger, at| ledger.topic(&topic(at)).info().map(|info| info.cid);
        let same = |_: &World| {
            (0..TOPICS).all(|at| ledgers.iter().all(|ledger| root(ledger, at) == root(&ledgers[0], at)))
                && ledgers.iter().all(|ledger| ledger.catalog() == ledgers[0].catalog())
        };
        self.world.run_until(BOUND, same).map_err(|late| {
            let counts: Vec<_> =
                ledgers.iter().map(|ledger| ledger.catalog().map(|info| (info.topics, info.entries))).collect();
            Violation::NoAgreement(format!("{late}; topics and entries are {counts:?}"))
        })
    }

    fn ledgers(&self) -> Vec<Ledger> {
        self.ids().into_iter().map(|id| self.world.ledger(id).clone()).collect()
    }

    /// All hold what is demanded, and beside it only what somebody signed who may.
    fn judge(&self) -> Result<(), Violation> {
        let ledgers = self.ledgers();
        let members: Vec<usize> = (0..self.peers.len()).filter(|at| !self.peers[*at].is_gone).collect();
        for at in &members {
            self.check_roots(*at)?;
        }
        for name in (0..TOPICS).map(topic) {
            let mut oracle = Oracle::default();
            for entry in self.keeping.demanded().filter(|entry| entry.topic() == name.id()) {
                oracle.wrote(&name, entry);
            }
            for entry in entries(&ledgers[0], &name) {
                let author = entry.author();
                if !(0..AUTHORS).any(|known| key(known).author() == author) && !Hostile::may_write(&author) {
                    return Err(Violation::Foreign(entry.id()));
                }
                oracle.wrote(&name, &entry);
            }
            for (ledger, at) in ledgers.iter().zip(&members) {
                if let Some(why) = oracle.difference(ledger, &name) {
                    return Err(Violation::Wrong { peer: *at, why: format!("topic {name}: {why}") });
                }
            }
        }
        Ok(())
    }

    /// What the network itself counted.
    fn count(&mut self) {
        let sum = self.traffic();
        let counted = [
            (Fault::Lost, sum.lost),
            (Fault::LostControl, if self.faults.lost_control > 0 { sum.lost_others } else { 0 }),
            (Fault::LostRequests, if self.faults.lost_requests > 0 { sum.lost_others } else { 0 }),
            (Fault::Doubled, sum.doubled),
            (Fault::Replayed, sum.replayed),
            (Fault::Overtaken, sum.overtaken),
            (Fault::Clogged, sum.clogged),
            (Fault::Withheld, sum.misserved),
        ];
        for (fault, times) in counted {
            self.fired.count(fault, times);
        }
    }

    fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for member in &self.peers {
            sum += self.world.traffic(member.id);
        }
        sum
    }

    /// A fault that was configured and had many occasions must have come.
    fn refuse_vacuous(&self, sum: &Traffic) -> Result<(), Violation> {
        /// Expected times from which on chance is no excuse: one in ten thousand million.
        const SURE: u64 = 25;
        let faults = &self.faults;
        let configured = [
            (Fault::Lost, faults.lost, sum.sent),
            (Fault::LostControl, faults.lost_control, sum.controls),
            (Fault::LostRequests, faults.lost_requests, sum.asked),
            (Fault::Doubled, faults.doubled, sum.sent),
            (Fault::Replayed, faults.replayed, sum.sent),
            (Fault::Overtaken, faults.overtaken, sum.sent),
            (Fault::Withheld, faults.withheld, sum.served),
        ];
        for (fault, part, occasions) in configured {
            if part * occasions / 1000 >= SURE && self.fired.times(fault) == 0 {
                return Err(Violation::Vacuous(fault));
            }
        }
        Ok(())
    }
}

/// What each member's disk serves, the process running or not.
fn libraries(peers: &[Member]) -> Vec<Library> {
    peers.iter().filter(|member| !member.is_gone).map(|member| Library::new(member.disk.peek())).collect()
}

/// Whether a disk has the entry, with its body or without.
fn has(library: &Library, entry: &Entry) -> bool {
    let is_there = |cid: &Cid| library.get(cid).is_ok_and(|block| block.is_some());
    is_there(&entry.file_cid()) || is_there(&entry.redacted().file_cid())
}

fn topic(at: u64) -> TopicName {
    TopicName::parse(&format!("room:swarm-{at}")).expect("a good name")
}

fn key(author: u64) -> AuthorKey {
    AuthorKey::from_seed(&[author as u8; 32])
}

/// Mostly short, now and then longer than an announcement carries, and some with files, up to the most there may be: they
/// move the places where a folder is cut, and so does taking them back.
fn draft(rng: &mut fastrand::Rng) -> Draft {
    let len = if rng.u8(0..30) == 0 { rng.usize(1000..60_000) } else { rng.usize(1..300) };
    let mut draft = Draft::new("post", format!("{:x} {}", rng.u64(..), "x".repeat(len)));
    if rng.u8(0..6) == 0 {
        for at in 0..rng.usize(1..=16) {
            draft = draft.with(attachment(at, rng.u64(..)));
        }
    }
    draft
}

/// A file that nobody has: folders list it all the same.
fn attachment(at: usize, content: u64) -> Link {
    let (name, media_type) = (format!("file-{at}.bin"), "application/octet-stream".to_owned());
    Link { name, cid: raw_cid(&content.to_be_bytes()), size: 8, media_type }
}
