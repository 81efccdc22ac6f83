//! The faults that last for a whole run.

use std::time::Duration;

use tidings_transport_mem::{Kind, Link, Serving};

/// What a run's network is like. A part is one in a thousand, so that a plan reads and compares exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Peers that hold a ledger.
    pub peers: u64,
    /// How many of these, the first ones, hold every topic; the others follow those of the run.
    pub mirrors: u64,
    /// What a message takes at least, and the mean of the rest, in microseconds.
    pub latency: u64,
    /// See there.
    pub jitter: u64,
    /// Bytes a second; 0 is without limit.
    pub bandwidth: u64,
    /// The part of announcements that gets lost.
    pub lost: u64,
    /// The part of gossip's own messages that gets lost.
    pub lost_control: u64,
    /// The part of requests and answers that gets lost.
    pub lost_requests: u64,
    /// The part of announcements that arrives twice.
    pub doubled: u64,
    /// The part of announcements that arrives once more, much later.
    pub replayed: u64,
    /// The part of messages that is overtaken.
    pub overtaken: u64,
    /// The part of blocks that a peer denies, passes over in silence, gets wrong, or sends late: of each as many.
    pub withheld: u64,
    /// How far clocks are off at most, in milliseconds.
    pub skew: u64,
    /// Commits after which a disk syncs; 1 is always.
    pub sync_every: u64,
    /// 1 if nodes of old trees are swept at once, and not kept for peers that still fetch them.
    pub sweeping: u64,
}

impl Faults {
    /// Every number by its name, for whoever writes or reads a plan.
    pub(super) fn fields(&mut self) -> [(&'static str, &mut u64); 15] {
        [
            ("peers", &mut self.peers),
            ("mirrors", &mut self.mirrors),
            ("latency", &mut self.latency),
            ("jitter", &mut self.jitter),
            ("bandwidth", &mut self.bandwidth),
            ("lost", &mut self.lost),
            ("lost-control", &mut self.lost_control),
            ("lost-requests", &mut self.lost_requests),
            ("doubled", &mut self.doubled),
            ("replayed", &mut self.replayed),
            ("overtaken", &mut self.overtaken),
            ("withheld", &mut self.withheld),
            ("skew", &mut self.skew),
            ("sync-every", &mut self.sync_every),
            ("sweeping", &mut self.sweeping),
        ]
    }

    /// The connections.
    pub fn link(&self) -> Link {
        let micros = Duration::from_micros;
        let mut link = Link::taking(micros(self.latency), micros(self.jitter))
            .losing(part(self.lost))
            .losing_of(Kind::Control, part(self.lost_control))
            .losing_of(Kind::Request, part(self.lost_requests))
            .losing_of(Kind::Answer, part(self.lost_requests))
            .doubling(part(self.doubled))
            .replaying(part(self.replayed))
            .reordering(part(self.overtaken));
        if self.bandwidth > 0 {
            link = link.at(self.bandwidth);
        }
        link
    }

    /// How peers serve blocks.
    pub fn serving(&self) -> Serving {
        let each = part(self.withheld) / 4.0;
        Serving { denied: each, silent: each, wrong: each, late: each, ..Serving::HONEST }
    }
}

fn part(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}
