//! Many seeds, each with faults of its own. `TIDINGS_SEEDS=1000..2000` runs others; a failure says how to run it again, and
//! `TIDINGS_TRACE=1` lets it tell what led to it.

use tidings_tests::swarm::{self, Fired};

/// The seeds of this run.
fn seeds() -> std::ops::Range<u64> {
    let Ok(wish) = std::env::var("TIDINGS_SEEDS") else { return 0..24 };
    let (from, to) = wish.split_once("..").unwrap_or_else(|| panic!("TIDINGS_SEEDS is not FROM..TO: {wish}"));
    let number = |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("TIDINGS_SEEDS is not FROM..TO: {wish}"));
    number(from)..number(to)
}

#[test]
fn no_seed_breaks_a_promise() {
    let mut fired = Fired::default();
    let mut failed = Vec::new();
    let (seeds, trace) = (seeds(), std::env::var_os("TIDINGS_TRACE").is_some());
    let count = seeds.end.saturating_sub(seeds.start);
    for seed in seeds {
        match swarm::live(seed, trace) {
            Ok(outcome) => fired += outcome.fired,
            Err(why) => failed.push(format!(
                "seed {seed}: {why}\n  again: TIDINGS_SEEDS={seed}..{} cargo test -p tidings-tests --test swarm",
                seed + 1
            )),
        }
    }
    assert!(failed.is_empty(), "{} of {count} seeds failed\n{}", failed.len(), failed.join("\n"));
    println!("{count} seeds: {fired:?}");
    // Over many seeds, each fault must have come, or its part of the test tests nothing.
    if count >= 24 {
        let Fired { partitions, crashes, disks, connections, withheld, skews, hostile, doubled, lost } = fired;
        for (fault, times) in [
            ("partitions", partitions),
            ("crashes", crashes),
            ("disks", disks),
            ("connections", connections),
            ("withheld", withheld),
            ("skews", skews),
            ("hostile", hostile),
            ("doubled", doubled),
            ("lost", lost),
        ] {
            assert!(times > 0, "no run had any {fault}");
        }
    }
}

#[test]
fn a_seed_lived_twice_is_the_same_to_the_byte() {
    for seed in [0, 1] {
        let trace = || swarm::live(seed, false).map(|outcome| outcome.trace);
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}
