//! Which faults a seed has drawn, and which of them have come.

use std::time::Duration;

use tidings_transport_mem::Link;

/// What goes wrong in one run, and how strongly. A part of 0 is a fault that this run does without.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// Peers that hold a ledger.
    pub peers: usize,
    /// Whether these hold every topic, or follow those of the run.
    pub mirrors: bool,
    /// The connections: their latency, and what part of announcements gets lost or doubled.
    pub link: Link,
    /// The part of steps at which a partition comes or goes.
    pub partitions: f64,
    /// The part of steps at which a peer crashes, and is started again some steps later.
    pub crashes: f64,
    /// The part of steps at which a disk is going to fail.
    pub disks: f64,
    /// The part of steps at which two peers lose their connection, or find it again.
    pub connections: f64,
    /// The part of blocks that a peer says it does not have, or says nothing of.
    pub withheld: f64,
    /// How far clocks are off at most, in milliseconds.
    pub skew: i64,
    /// The part of steps at which a hostile stranger does something.
    pub hostile: f64,
    /// Whether nodes of old trees are swept at once, and not kept for peers that still fetch them.
    pub sweeping: bool,
    /// Steps of the run.
    pub steps: usize,
}

impl Faults {
    /// Draws the faults of a run: each is there in half of all runs.
    pub fn draw(rng: &mut fastrand::Rng) -> Faults {
        let mut link = if rng.bool() { Link::LAN } else { Link::WAN };
        if rng.bool() {
            link.jitter += Duration::from_millis(rng.u64(1..200));
        }
        if rng.bool() {
            link = link.at(rng.u64(50_000..5_000_000));
        }
        link = link.losing(part(rng, 0.5)).doubling(part(rng, 0.3));
        Faults {
            peers: rng.usize(2..7),
            mirrors: rng.bool(),
            link,
            partitions: part(rng, 0.1),
            crashes: part(rng, 0.1),
            disks: part(rng, 0.1),
            connections: part(rng, 0.1),
            withheld: part(rng, 0.5),
            skew: if rng.bool() { rng.i64(1..300_000) } else { 0 },
            hostile: part(rng, 0.3),
            sweeping: rng.bool(),
            steps: rng.usize(40..160),
        }
    }
}

/// Nothing, or up to this much.
fn part(rng: &mut fastrand::Rng, most: f64) -> f64 {
    if rng.bool() { most * (0.2 + 0.8 * rng.f64()) } else { 0.0 }
}

/// How often each fault has come: one that is configured and never comes tests nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fired {
    /// Partitions.
    pub partitions: u64,
    /// Crashes.
    pub crashes: u64,
    /// Commits that failed.
    pub disks: u64,
    /// Connections that broke.
    pub connections: u64,
    /// Blocks that were withheld.
    pub withheld: u64,
    /// Clocks set wrong.
    pub skews: u64,
    /// Hostile acts.
    pub hostile: u64,
    /// Announcements that arrived twice.
    pub doubled: u64,
    /// Announcements that got lost.
    pub lost: u64,
}

impl std::ops::AddAssign for Fired {
    fn add_assign(&mut self, other: Fired) {
        self.partitions += other.partitions;
        self.crashes += other.crashes;
        self.disks += other.disks;
        self.connections += other.connections;
        self.withheld += other.withheld;
        self.skews += other.skews;
        self.hostile += other.hostile;
        self.doubled += other.doubled;
        self.lost += other.lost;
    }
}
