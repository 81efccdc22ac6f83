//! What a run took of this machine, and a few things that all runs do.

use std::collections::BTreeSet;
use std::time::Duration;

use tidings_ledger::EntryId;
use tidings_transport_mem::{Link, PeerId, Traffic, World};

/// The processor time of this program, in seconds: it does not grow when others use the machine, too.
pub(crate) fn processor_seconds() -> f64 {
    /// Ticks a second in which Linux counts, on all machines that matter.
    const TICKS: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which stands in brackets: state, and ten numbers before the two that count.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / TICKS
}

/// The memory in use now, in megabytes, where the system tells it.
pub(crate) fn megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What a world took so far: events, seconds, events a second.
pub(crate) fn effort(world: &World, since: f64) -> String {
    let seconds = processor_seconds() - since;
    let rate = world.happened() as f64 / seconds;
    format!("{} | {seconds:.1} s | {rate:.0} | {} MB", world.happened(), megabytes())
}

/// Each opens so many connections to others at random.
pub(crate) fn connect_at_random(world: &mut World, peers: &[PeerId], degree: usize, link: Link) {
    let mut connected: BTreeSet<(PeerId, PeerId)> = BTreeSet::new();
    for a in peers {
        for _ in 0..degree.min(peers.len() - 1) {
            let b = peers[(world.random() % peers.len() as u64) as usize];
            if *a != b && connected.insert((*a.min(&b), *a.max(&b))) {
                world.connect(*a, b, link);
            }
        }
    }
}

/// Lets time pass until all have the entry; says how long that took.
pub(crate) fn until_all_have(world: &mut World, peers: &[PeerId], entry: &EntryId) -> Duration {
    // Whoever has it is not asked again.
    let mut lacking: Vec<PeerId> = peers.to_vec();
    let took = world.run_until(Duration::from_secs(3600), |world| {
        while let Some(peer) = lacking.last() {
            match world.ledger(*peer).entry(entry) {
                Ok(Some(_)) => lacking.pop(),
                _ => return false,
            };
        }
        true
    });
    took.expect("a post reaches all within an hour")
}

/// What all of these sent and got together.
pub(crate) fn total(world: &World, peers: &[PeerId]) -> Traffic {
    let mut sum = Traffic::default();
    for peer in peers {
        sum += world.traffic(*peer);
    }
    sum
}

/// A number of bytes, as people read it.
pub(crate) fn bytes(count: f64) -> String {
    match count {
        count if count >= 1e6 => format!("{:.1} MB", count / 1e6),
        count if count >= 1e4 => format!("{:.0} kB", count / 1e3),
        count if count >= 1e3 => format!("{:.1} kB", count / 1e3),
        count => format!("{count:.0} B"),
    }
}
