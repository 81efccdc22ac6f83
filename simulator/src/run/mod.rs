//! A run: the plan is carried out, time passes, and everything is measured.

mod ears;
mod hostile;
mod stage;
mod verdict;
mod writers;

pub use verdict::Findings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tidings_ledger::store::StoreError;
use tidings_transport_mem::{Hop, Traffic};

use self::ears::Ears;
use self::stage::Stage;
use self::writers::Writers;
use crate::acts::{Act, acts};
use crate::measure::{Arrivals, Film, Frame, Hops, Phases, Reading, Tally};
use crate::plan::{Action, Member, Plan};
use crate::report::Report;
use crate::scenario::{Scenario, ScenarioError};
use crate::trace::Log;

/// More events than this are an hour's work, or peers that talk in circles.
const MOST_EVENTS: u64 = 2_000_000_000;

/// How often agreement is looked for when all have everything, in microseconds.
const LOOK: u64 = 20_000;

/// What a run is to do beside running.
pub struct Options {
    /// Where the readable log goes, a line at a time.
    pub trace: Option<Box<dyn FnMut(&str) + Send>>,
    /// Whether to keep what the page needs.
    pub film: bool,
    /// What hostile strangers do.
    pub acts: Vec<Box<dyn Act>>,
}

impl Default for Options {
    fn default() -> Self {
        Options { trace: None, film: false, acts: acts() }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Virtual time so far.
    pub at: Duration,
    /// Virtual time until the end of writing; a run goes on until all agree.
    pub of: Duration,
    /// Events so far.
    pub happened: u64,
    /// Copies of posts that are still to arrive.
    pub lacking: u64,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The scenario does not make sense.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A simulated store failed, which none should.
    #[error("a simulated store failed: {0}")]
    Store(#[from] StoreError),
    /// It does not end.
    #[error("more than {MOST_EVENTS} things happened; make the scenario shorter or smaller")]
    Endless,
}

/// Runs a scenario. The same scenario and seed give the same report, to the byte.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    options: Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, RunError> {
    let plan = Plan::draw(scenario, seed)?;
    let mut run = Run::new(scenario, plan, seed, options);
    run.play(progress)?;
    run.settle(progress)?;
    Ok(run.report(seed))
}

/// A run under way, or just over.
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    actions: std::vec::IntoIter<(u64, Action)>,
    stage: Stage,
    ears: Ears,
    writers: Writers,
    pub(crate) phases: Phases,
    pub(crate) film: Option<Film>,
    pub(crate) hops: Arc<Mutex<Hops>>,
    log: Option<Arc<Mutex<Log>>>,
    last: Totals,
    /// When the last thing happened that was planned.
    pub(crate) ended: u64,
    /// How long after that all agreed.
    pub(crate) converged: Option<u64>,
    acts: Vec<Box<dyn Act>>,
    pub(crate) hostile_acts: u64,
}

/// Sums over all nodes, for the frames.
#[derive(Default, Clone, Copy)]
struct Totals {
    bytes: u64,
    sent: u64,
    lost: u64,
    rounds: u64,
    posts: usize,
}

impl Run {
    fn new(scenario: &Scenario, mut plan: Plan, seed: u64, options: Options) -> Run {
        let nodes = plan.cast.members.len();
        let actions = std::mem::take(&mut plan.actions).into_iter();
        let follows = |topic: &usize| {
            let members = plan.cast.members.iter().enumerate();
            members.filter(|(_, member)| member.follows.contains(topic)).map(|(at, _)| at).collect()
        };
        let followers = (0..scenario.topic.len()).map(|topic| follows(&topic)).collect();
        let mut names: Vec<String> = scenario.phase.iter().map(|phase| phase.name.clone()).collect();
        if scenario.phase.first().is_none_or(|first| !first.from.0.is_zero()) {
            names.insert(0, if names.is_empty() { "the run".to_owned() } else { "the beginning".to_owned() });
        }
        names.push("after the end".to_owned());
        let tally = Tally::new(nodes, followers, names.len());
        let film = options.film.then(|| Film::new(scenario.length.0.as_micros() as u64, nodes));
        let arrivals = film.as_ref().map(|film| Arrivals::new(&film.shown));
        let stage = Stage::new(scenario, plan, seed);
        let mut run = Run {
            scenario: scenario.clone(),
            actions,
            ears: Ears::new(nodes, stage.topics.clone(), tally, arrivals, seed ^ 0x6561_7273),
            writers: Writers::new(nodes, stage.topics.len(), seed),
            stage,
            phases: Phases::new(names, nodes),
            film,
            hops: Arc::default(),
            log: None,
            last: Totals::default(),
            ended: 0,
            converged: None,
            acts: options.acts,
            hostile_acts: 0,
        };
        if run.film.is_some() {
            let hops = run.hops.clone();
            run.stage.world.watch(move |hop: &Hop| hops.lock().see(hop));
        }
        if let Some(sink) = options.trace {
            let log = Arc::new(Mutex::new(Log::new(sink)));
            run.log = Some(log.clone());
            run.stage.world.trace_to(move |line| log.lock().line(line));
        }
        run
    }

    /// Carries out the plan to its end.
    fn play(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), RunError> {
        let length = self.scenario.length.0.as_micros() as u64;
        let mut has_history = false;
        while let Some((at, action)) = self.actions.next() {
            if !has_history && at > 0 {
                self.write_history();
                has_history = true;
            }
            self.pass(at, progress)?;
            self.act(action)?;
            self.ended = at;
        }
        if !has_history {
            self.write_history();
        }
        self.pass(length, progress)?;
        self.ended = length;
        self.close_phase();
        Ok(())
    }

    /// Nobody writes any more: time passes until all that are there hold the same.
    fn settle(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), RunError> {
        let until = self.ended + self.scenario.patience.0.as_micros() as u64;
        loop {
            let now = self.stage.now();
            if self.ears.tally.lacking() == 0 && verdict::is_agreed(&self.stage, &self.ears.tally) {
                self.converged = Some(now - self.ended);
                break;
            }
            if now >= until {
                break;
            }
            self.pass((now + LOOK).min(until), progress)?;
        }
        self.add_frame();
        self.close_phase();
        Ok(())
    }

    /// What is there at the beginning. Who joins at once finds it there, on the first node that has it.
    fn write_history(&mut self) {
        for topic in 0..self.scenario.topic.len() {
            let count = self.scenario.topic[topic].history;
            self.writers.history(&mut self.stage, &mut self.ears.tally, topic, count);
        }
        self.ears.listen(self.stage.now());
    }

    /// Lets time pass, frame by frame.
    fn pass(&mut self, until: u64, progress: &mut dyn FnMut(Progress)) -> Result<(), RunError> {
        let of = self.scenario.length.0;
        loop {
            let now = self.stage.now();
            let frame = self.film.as_ref().map_or(now + of.as_micros() as u64 / 480 + 1, Film::next);
            let stop = until.min(frame);
            let ears = &mut self.ears;
            // Its condition never holds: it is where we listen after everything that happens.
            let _ = self.stage.world.run_until(Duration::from_micros(stop.saturating_sub(now)), |world| {
                ears.listen(world.elapsed().as_micros() as u64);
                false
            });
            let happened = self.stage.world.happened();
            if happened > MOST_EVENTS {
                return Err(RunError::Endless);
            }
            let now = self.stage.now();
            if now >= frame {
                self.add_frame();
            }
            let at = Duration::from_micros(now);
            progress(Progress { at, of, happened, lacking: self.ears.tally.lacking() });
            if now >= until {
                return Ok(());
            }
        }
    }

    fn act(&mut self, action: Action) -> Result<(), RunError> {
        let now = self.stage.now();
        match action {
            Action::Phase(at) => {
                if at > 0 || now > 0 {
                    self.close_phase();
                }
            }
            Action::Join(node) => {
                self.stage.join(node)?;
                self.attend(node);
            }
            Action::Begin(at) => {
                self.say(&format!("event {} begins: {:?}", at + 1, self.scenario.event[at].what));
                self.ears.listen(now);
                self.stage.begin(at)?;
                self.look_who_is_there();
            }
            Action::End(at) => {
                self.say(&format!("event {} ends", at + 1));
                let is_wipe = self.scenario.event[at].what == crate::scenario::What::Wipe;
                for node in self.stage.end(at)? {
                    if is_wipe {
                        self.ears.tally.forgets(node);
                    }
                    self.attend(node);
                }
                self.look_who_is_there();
            }
            Action::Hostile(event) => self.be_hostile(event),
            Action::Write(writing) => {
                // Watched from now on, since the announcement leaves with the post.
                let number = self.ears.tally.posts.len();
                if self.film.is_some() {
                    self.hops.lock().watch(number, now);
                }
                let post = self.writers.write(&mut self.stage, &mut self.ears.tally, &writing);
                if let (Some(post), Some(arrivals)) = (post, &mut self.ears.arrivals) {
                    arrivals.open(post);
                }
            }
        }
        self.ears.listen(now);
        Ok(())
    }

    fn say(&mut self, what: &str) {
        self.stage.world.note(what);
    }

    /// Listens to a node that has just started.
    fn attend(&mut self, node: usize) {
        if let (Some(ledger), Some(peer)) = (self.stage.ledger(node).cloned(), self.stage.peer(node)) {
            let member = &self.stage.cast.members[node];
            if let Some(log) = &self.log {
                log.lock().call(&format!("{}", self.stage.world.name(peer)), &member.label);
            }
            let opens = self.scenario.group[member.group].opens_files.0;
            self.ears.attend(node, ledger, opens);
            if self.stage.is_there(node) {
                self.ears.tally.comes(node, self.stage.now());
            }
        }
    }

    fn look_who_is_there(&mut self) {
        for node in 0..self.stage.cast.members.len() {
            if self.stage.ledger(node).is_none() {
                self.ears.forget(node);
            }
            if self.stage.is_there(node) {
                self.ears.tally.comes(node, self.stage.now());
            } else {
                self.ears.tally.goes(node);
            }
        }
    }

    fn be_hostile(&mut self, event: usize) {
        let topic = self.stage.world.random() as usize % self.stage.topics.len();
        let seen = self.writers.latest(topic).cloned();
        let honest = self.stage.cast.of_event[event].iter().find_map(|node| self.stage.ledger(*node));
        let root = honest.and_then(|ledger| ledger.topic(&self.stage.topics[topic]).info().ok()?.cid);
        let name = self.stage.topics[topic].clone();
        if let Some(strangers) = self.stage.strangers.get_mut(&event) {
            self.hostile_acts += strangers.act(&mut self.stage.world, &mut self.acts, &name, seen.as_ref(), root);
        }
    }

    fn close_phase(&mut self) {
        let nodes = 0..self.stage.cast.members.len();
        let reading = Reading {
            now: self.stage.now(),
            traffic: nodes.map(|node| self.stage.traffic(node)).collect(),
            happened: self.stage.world.happened(),
            posts: self.ears.tally.posts.len(),
            lacking: self.ears.tally.lacking(),
        };
        self.phases.close(reading);
        self.ears.tally.enter(self.phases.current().min(self.phases.names.len() - 1));
    }

    fn add_frame(&mut self) {
        let Some(film) = &mut self.film else { return };
        let tally = &self.ears.tally;
        let mut sum = Totals { posts: tally.posts.len(), ..Totals::default() };
        let mut there = 0;
        for node in 0..self.stage.cast.members.len() {
            let Traffic { sent_bytes, sent, lost, rounds, .. } = self.stage.traffic(node).unwrap_or_default();
            sum.bytes += sent_bytes;
            sum.sent += sent;
            sum.lost += lost;
            sum.rounds += rounds;
            there += u32::from(tally.is_there(node));
        }
        let last = std::mem::replace(&mut self.last, sum);
        let nodes = film.shown.iter().map(|node| tally.is_there(*node).then(|| tally.lacks(*node))).collect();
        film.add(Frame {
            wanted: tally.wanted(),
            lacking: tally.lacking(),
            there,
            bytes: sum.bytes - last.bytes,
            sent: sum.sent - last.sent,
            lost: sum.lost - last.lost,
            rounds: sum.rounds - last.rounds,
            posts: (sum.posts - last.posts) as u32,
            nodes,
        });
    }
}

/// What the report is made of.
impl Run {
    fn report(&self, seed: u64) -> Report {
        Report::of(self, seed)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.ears.tally
    }

    pub(crate) fn arrivals(&self) -> Option<&Arrivals> {
        self.ears.arrivals.as_ref()
    }

    pub(crate) fn look(&self) -> Findings {
        verdict::look(&self.stage, &self.ears.tally)
    }

    pub(crate) fn trace(&self) -> u64 {
        self.stage.world.trace()
    }

    pub(crate) fn members(&self) -> usize {
        self.stage.cast.members.len()
    }

    pub(crate) fn member(&self, node: usize) -> &Member {
        &self.stage.cast.members[node]
    }

    /// The nodes that an event concerns.
    pub(crate) fn concerned(&self, event: usize) -> &[usize] {
        &self.stage.cast.of_event[event]
    }

    pub(crate) fn edges(&self) -> &[(usize, usize)] {
        self.stage.edges()
    }

    /// Which node each of the world's peers is; strangers are none.
    pub(crate) fn nodes_of_peers(&self) -> BTreeMap<usize, usize> {
        (0..self.members()).filter_map(|node| Some((self.stage.peer(node)?.0, node))).collect()
    }

    /// What each node that ever joined sent and got.
    pub(crate) fn traffic(&self) -> Vec<Traffic> {
        (0..self.members()).filter_map(|node| self.stage.traffic(node)).collect()
    }

    pub(crate) fn demerits(&self) -> u64 {
        self.traffic().iter().map(|traffic| traffic.demerits).sum()
    }

    /// Files that were opened, and that could not be.
    pub(crate) fn opened(&self) -> (u64, u64) {
        (self.ears.opened.files, self.ears.opened.failed)
    }

    /// Bytes that each node that runs has stored.
    pub(crate) fn stored(&self) -> Vec<u64> {
        let nodes = 0..self.members();
        nodes.filter_map(|node| Some(self.stage.ledger(node)?.status().ok()?.store_bytes)).collect()
    }

    pub(crate) fn silent(&self) -> u64 {
        self.writers.silent
    }

    pub(crate) fn refused(&self) -> (u64, Option<String>) {
        self.writers.refused.clone()
    }
}
