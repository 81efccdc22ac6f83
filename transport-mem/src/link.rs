//! One direction of a connection between two peers.

use std::time::Duration;

/// How one direction of a connection behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// What every message takes at least.
    pub latency: Duration,
    /// The mean of the exponentially distributed rest. Messages overtake each other by it.
    pub jitter: Duration,
    /// The part of announcements that gets lost. Fetches are not lost: they run over connections that repeat.
    pub loss: f64,
    /// The part of announcements that arrives twice.
    pub duplicates: f64,
    /// Bytes a second, with a queue in front of it; `None` is without limit.
    pub bandwidth: Option<u64>,
}

impl Link {
    /// Neighbours in one building: half a millisecond, nothing lost.
    pub const LAN: Link = Link {
        latency: Duration::from_micros(400),
        jitter: Duration::from_micros(100),
        loss: 0.0,
        duplicates: 0.0,
        bandwidth: None,
    };

    /// Two places on one continent: 20 ms and some jitter, nothing lost.
    pub const WAN: Link = Link {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        loss: 0.0,
        duplicates: 0.0,
        bandwidth: None,
    };

    /// With this part of announcements lost.
    pub const fn losing(self, loss: f64) -> Self {
        Link { loss, ..self }
    }

    /// With this part of announcements arriving twice.
    pub const fn doubling(self, duplicates: f64) -> Self {
        Link { duplicates, ..self }
    }

    /// With this many bytes a second.
    pub const fn at(self, bandwidth: u64) -> Self {
        Link { bandwidth: Some(bandwidth), ..self }
    }

    /// What one message takes, without its length.
    pub(crate) fn delay(&self, rng: &mut fastrand::Rng) -> u64 {
        let jitter = self.jitter.as_micros() as f64 * -(1.0 - rng.f64()).ln();
        self.latency.as_micros() as u64 + jitter as u64
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::WAN
    }
}
