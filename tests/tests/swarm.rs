//! Many seeds, each with faults of its own, and the plans that once failed.
//!
//! `TIDINGS_SEEDS=1000..2000` lives other seeds. A failure says how to run it again; with `TIDINGS_TRACE=1` it tells what
//! led to it, and with `TIDINGS_SHRINK=1` it looks for a smaller plan that fails, to be kept in `tests/regressions/`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tidings_tests::swarm::{Fired, Plan, Violation, live, shrink};

/// Runs that looking for a smaller plan may take.
const SHRINKING: usize = 2000;

/// After so many seeds, a long run says how far it is.
const REPORTED: u64 = 100;

/// Lines of a trace that are shown; more are seldom read.
const LINES: usize = 400;

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// The seeds of this run.
fn seeds() -> std::ops::Range<u64> {
    let Ok(wish) = std::env::var("TIDINGS_SEEDS") else { return 0..24 };
    let (from, to) = wish.split_once("..").unwrap_or_else(|| panic!("TIDINGS_SEEDS is not FROM..TO: {wish}"));
    let number = |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("TIDINGS_SEEDS is not FROM..TO: {wish}"));
    number(from)..number(to)
}

/// The commit that is tested, as far as git tells.
fn commit() -> String {
    let asked = std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let told =
        asked.ok().filter(|answer| answer.status.success()).and_then(|answer| String::from_utf8(answer.stdout).ok());
    told.map_or_else(|| "of unknown name".to_owned(), |name| name.trim().to_owned())
}

/// All that somebody needs who looks into a failure.
fn report(name: &str, plan: &Plan, violation: &Violation, lines: &[String]) -> String {
    let mut report = format!("{name}, commit {}: {violation}", commit());
    if is_set("TIDINGS_TRACE") {
        report.push('\n');
        report.push_str(&lines[lines.len().saturating_sub(LINES)..].join("\n"));
    }
    if is_set("TIDINGS_SHRINK")
        && let Some((smaller, violation)) = shrink(plan, SHRINKING, &mut told_now_and_then)
    {
        report.push_str(&format!("\na smaller plan that fails ({violation}):\n{smaller}"));
    }
    report
}

/// Shrinking takes minutes, and may be broken off.
fn told_now_and_then(plan: &Plan, left: usize) {
    if left.is_multiple_of(100) {
        println!("shrinking: {} operations, {} peers; {left} more runs at most", plan.ops.len(), plan.faults.peers);
    }
    if left.is_multiple_of(500) {
        println!("as yet:\n{plan}");
    }
}

/// What the seeds of a run led to.
#[derive(Default)]
struct Tally {
    lived: u64,
    fired: Fired,
    /// Seeds that failed, and what somebody needs who looks into it.
    failed: BTreeMap<u64, String>,
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: Result<Fired, String>, of: u64) {
        match outcome {
            Ok(fired) => self.fired += &fired,
            Err(failure) => {
                // A long run may be broken off; what it has found by then is not to be lost.
                println!("{failure}");
                self.failed.insert(seed, failure);
            }
        }
        self.lived += 1;
        if self.lived.is_multiple_of(REPORTED) {
            println!("{} of {of} seeds, {} failed; so far {}", self.lived, self.failed.len(), self.fired);
        }
    }
}

/// Lives one seed: what faults came, or how it failed.
fn try_seed(seed: u64) -> Result<Fired, String> {
    let plan = Plan::draw(seed);
    live(&plan, is_set("TIDINGS_TRACE")).map(|outcome| outcome.fired).map_err(|(violation, lines)| {
        format!(
            "{}\n  again: TIDINGS_SEEDS={seed}..{} cargo test -p tidings-tests --test swarm no_seed",
            report(&format!("seed {seed}"), &plan, &violation, &lines),
            seed + 1
        )
    })
}

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = seeds();
    let count = seeds.end.saturating_sub(seeds.start);
    let (next, tally) = (AtomicU64::new(seeds.start), Mutex::new(Tally::default()));
    // A seed is a world of its own, so each core lives another one.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end) {
                    let outcome = try_seed(seed);
                    tally.lock().add(seed, outcome, count);
                }
            });
        }
    });
    let Tally { fired, failed, .. } = tally.into_inner();
    let failures: Vec<String> = failed.into_values().collect();
    assert!(failures.is_empty(), "{} of {count} seeds failed\n{}", failures.len(), failures.join("\n"));
    println!("{count} seeds: {fired}");
    // Over many seeds, each fault must have come, or its part of the test tests nothing.
    if count >= 100 {
        assert!(fired.never().is_empty(), "no run had any of {:?}", fired.never());
    }
}

#[test]
fn a_seed_lived_twice_is_the_same_to_the_byte() {
    for seed in 0..4 {
        let trace = || live(&Plan::draw(seed), false).map(|outcome| outcome.trace).map_err(|(why, _)| why);
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

/// Each file holds a plan that failed once, as small as it could be made, and says in its comments what was wrong.
#[test]
fn what_failed_once_does_not_fail_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let files = std::fs::read_dir(&folder).expect("the folder of regressions is there");
    let mut paths: Vec<_> = files.map(|file| file.expect("it can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "plan"));
    paths.sort();
    assert!(!paths.is_empty(), "no plans in {}", folder.display());
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let plan: Plan = text.parse().unwrap_or_else(|bad| panic!("{name}: {bad}"));
        if let Err((violation, lines)) = live(&plan, is_set("TIDINGS_TRACE")) {
            panic!("{}", report(&name, &plan, &violation, &lines));
        }
    }
}

/// A network in which nothing ever arrives cannot agree: what is left of such a plan is what it takes to see that.
#[test]
fn shrinking_leaves_what_it_takes_and_no_more() {
    let mut plan = Plan::draw(3);
    plan.faults.peers = 4;
    plan.faults.lost = 1000;
    plan.faults.lost_requests = 1000;
    let (smaller, violation) = shrink(&plan, 400, &mut |_, _| ()).expect("it fails");
    assert!(matches!(violation, Violation::NoAgreement(_)), "{violation}");
    assert!(smaller.ops.len() <= 2, "{smaller}");
    assert!(smaller.faults.peers <= 2 && smaller.faults.jitter == 0, "{smaller}");
}
