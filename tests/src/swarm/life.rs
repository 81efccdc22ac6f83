//! One run: a network lives through a plan, is healed, and is judged.

mod ending;
mod losses;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tidings_ledger::content::raw_cid;
use tidings_ledger::entry::Link;
use tidings_ledger::{AuthorKey, Draft, Entry, EntryId, Options, TopicName};
use tidings_transport_mem::{Disk, PeerId, Setup, World};

use super::faults::Faults;
use super::fired::{Fault, Fired};
use super::hostile::Hostile;
use super::keeping::Keeping;
use super::op::Op;
use super::plan::Plan;
use super::verdict::Violation;

const TOPICS: u64 = 3;
const AUTHORS: u64 = 4;

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
