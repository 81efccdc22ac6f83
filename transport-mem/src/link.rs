//! One direction of a connection between two peers.

use std::time::Duration;

use crate::kind::Kind;

/// The mean time for which a message is held back that is to be overtaken by others.
const HELD_BACK: Duration = Duration::from_millis(250);

/// The longest time after which a message is replayed: longer than anybody remembers having seen it.
const REPLAYED_WITHIN: Duration = Duration::from_secs(300);

/// How one direction of a connection behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// What every message takes at least.
    pub latency: Duration,
    /// The mean of the exponentially distributed rest. Messages overtake each other by it.
    pub jitter: Duration,
    /// The part of announcements that gets lost.
    pub loss: f64,
    /// The part of announcements that arrives twice, right after one another.
    pub duplicates: f64,
    /// The part of announcements that arrives once more, up to five minutes later.
    pub replays: f64,
    /// The part of messages that is held back, a quarter of a second on average, so that others overtake it.
    pub reordered: f64,
    /// Bytes a second, with a queue in front of it; `None` is without limit.
    pub bandwidth: Option<u64>,
    /// The part of each other kind that gets lost; nothing, unless set with [`Link::losing_of`]. A connection repeats what
    /// it loses, so a lost request or answer is one whose stream broke.
    lost: [f64; Kind::ALL.len()],
}

impl Link {
    /// No delay, nothing lost.
    const IDEAL: Link = Link {
        latency: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        duplicates: 0.0,
        replays: 0.0,
        reordered: 0.0,
        bandwidth: None,
        lost: [0.0; Kind::ALL.len()],
    };

    /// Neighbours in one building: half a millisecond, nothing lost.
    pub const LAN: Link = Link::taking(Duration::from_micros(400), Duration::from_micros(100));

    /// Two places on one continent: 20 ms and some jitter, nothing lost.
    pub const WAN: Link = Link::taking(Duration::from_millis(20), Duration::from_millis(5));

    /// Takes at least `latency`, and a rest that is exponentially distributed about the mean `jitter`; loses nothing.
    pub const fn taking(latency: Duration, jitter: Duration) -> Self {
        Link { latency, jitter, ..Link::IDEAL }
    }

    /// With this part of announcements lost.
    pub const fn losing(self, loss: f64) -> Self {
        Link { loss, ..self }
    }

    /// With this part of one kind of message lost; 1 drops them all.
    pub const fn losing_of(mut self, kind: Kind, part: f64) -> Self {
        match kind {
            Kind::Announcement => self.loss = part,
            other => self.lost[other as usize] = part,
        }
        self
    }

    /// With this part of announcements arriving twice.
    pub const fn doubling(self, duplicates: f64) -> Self {
        Link { duplicates, ..self }
    }

    /// With this part of announcements arriving once more, much later.
    pub const fn replaying(self, replays: f64) -> Self {
        Link { replays, ..self }
    }

    /// With this part of messages overtaken by later ones.
    pub const fn reordering(self, reordered: f64) -> Self {
        Link { reordered, ..self }
    }

    /// With this many bytes a second.
    pub const fn at(self, bandwidth: u64) -> Self {
        Link { bandwidth: Some(bandwidth), ..self }
    }

    /// The part of this kind that gets lost.
    pub const fn part_lost(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Announcement => self.loss,
            other => self.lost[other as usize],
        }
    }

    /// What one message takes in microseconds, without its length.
    pub(crate) fn delay(&self, rng: &mut fastrand::Rng) -> u64 {
        self.latency.as_micros() as u64 + exponential(self.jitter, rng)
    }

    /// How much longer a message takes that is held back.
    pub(crate) fn held_back(rng: &mut fastrand::Rng) -> u64 {
        exponential(HELD_BACK, rng)
    }

    /// How much later a replayed message comes once more.
    pub(crate) fn replayed_after(rng: &mut fastrand::Rng) -> u64 {
        rng.u64(1_000_000..REPLAYED_WITHIN.as_micros() as u64)
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::WAN
    }
}

/// Microseconds from an exponential distribution about this mean.
fn exponential(mean: Duration, rng: &mut fastrand::Rng) -> u64 {
    (mean.as_micros() as f64 * -(1.0 - rng.f64()).ln()) as u64
}
