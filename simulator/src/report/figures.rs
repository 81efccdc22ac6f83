//! Figures of a part of a run.

use serde::Serialize;
use tidings_transport_mem::Traffic;

use crate::measure::{Histogram, Stretch};
use crate::run::Run;

/// What a part of a run came to. Times are in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PhaseFigures {
    /// What it is called.
    pub name: String,
    /// When it began and ended.
    pub from_us: u64,
    /// When it ended.
    pub to_us: u64,
    /// Posts written in it.
    pub posts: u64,
    /// How long each took to each node that was there when it was written.
    pub news: Times,
    /// How long nodes took that came, or came back, until they had everything.
    pub caught_up: Times,
    /// Copies that were lacking at its end.
    pub lacking: u64,
    /// Bytes that a node sent and got.
    pub bytes: Spread,
    /// Announcements that a node sent or passed on.
    pub messages: Spread,
    /// Rounds of fetching of a node.
    pub rounds: Spread,
    /// Blocks that a node fetched.
    pub blocks: Spread,
    /// Announcements that got lost, of all nodes.
    pub lost: u64,
    /// Announcements that arrived twice, of all nodes.
    pub doubled: u64,
    /// How much happened.
    pub happened: u64,
}

/// How long something took, in microseconds, to within one per cent; the longest is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Times {
    /// How often.
    pub count: u64,
    /// Half of them took at most this.
    pub p50_us: Option<u64>,
    /// 99 % of them took at most this.
    pub p99_us: Option<u64>,
    /// All of them took at most this.
    pub last_us: Option<u64>,
}

impl From<&Histogram> for Times {
    fn from(histogram: &Histogram) -> Times {
        Times {
            count: histogram.count(),
            p50_us: histogram.within(0.5),
            p99_us: histogram.within(0.99),
            last_us: histogram.longest(),
        }
    }
}

/// The least, the middle and the most of all nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The least.
    pub min: u64,
    /// Half of the nodes have at most this.
    pub median: u64,
    /// The most.
    pub max: u64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<u64>) -> Spread {
        values.sort_unstable();
        let at = |at: usize| values.get(at).copied().unwrap_or_default();
        Spread { min: at(0), median: at(values.len() / 2), max: at(values.len().saturating_sub(1)) }
    }
}

/// The parts of a run, one by one.
pub(super) fn of_phases(run: &Run) -> Vec<PhaseFigures> {
    let tally = run.tally();
    let stretches = run.phases.done.iter().enumerate();
    stretches.map(|(at, stretch)| of_stretch(stretch, &tally.news[at], &tally.catching_up[at])).collect()
}

fn of_stretch(stretch: &Stretch, news: &Histogram, catching_up: &Histogram) -> PhaseFigures {
    PhaseFigures {
        name: stretch.name.clone(),
        from_us: stretch.from,
        to_us: stretch.to,
        posts: stretch.posts as u64,
        news: news.into(),
        caught_up: catching_up.into(),
        lacking: stretch.lacking,
        happened: stretch.happened,
        ..of_traffic(&stretch.traffic)
    }
}

fn of_traffic(traffic: &[Traffic]) -> PhaseFigures {
    let spread = |figure: fn(&Traffic) -> u64| Spread::of(traffic.iter().map(figure).collect());
    PhaseFigures {
        bytes: spread(|traffic| traffic.sent_bytes + traffic.got_bytes),
        messages: spread(|traffic| traffic.sent),
        rounds: spread(|traffic| traffic.rounds),
        blocks: spread(|traffic| traffic.nodes + traffic.files),
        lost: traffic.iter().map(|traffic| traffic.lost).sum(),
        doubled: traffic.iter().map(|traffic| traffic.doubled).sum(),
        ..PhaseFigures::default()
    }
}

/// The whole run.
pub(super) fn total(run: &Run) -> PhaseFigures {
    let tally = run.tally();
    let (mut news, mut catching_up) = (Histogram::default(), Histogram::default());
    tally.news.iter().for_each(|some| news.merge(some));
    tally.catching_up.iter().for_each(|some| catching_up.merge(some));
    let last = run.phases.done.last();
    PhaseFigures {
        name: "all of it".to_owned(),
        to_us: last.map_or(0, |last| last.to),
        posts: run.phases.done.iter().map(|stretch| stretch.posts as u64).sum(),
        news: (&news).into(),
        caught_up: (&catching_up).into(),
        lacking: last.map_or(0, |last| last.lacking),
        happened: run.phases.done.iter().map(|stretch| stretch.happened).sum(),
        ..of_traffic(&run.traffic())
    }
}
