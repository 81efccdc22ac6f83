//! Who writes what, and when.

use super::cast::Cast;
use crate::scenario::{Between, Event, Posts, Scenario, Size};

/// A post to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writing {
    pub(crate) node: usize,
    pub(crate) topic: usize,
    /// Bytes of its text.
    pub(crate) text: usize,
    /// Whether it answers an earlier one.
    pub(crate) is_reply: bool,
    /// Whether it takes an earlier one of the same author back.
    pub(crate) is_redaction: bool,
    /// Bytes of its file; 0 is none.
    pub(crate) file: usize,
}

/// The posts of one `[[posts]]`.
pub(super) fn posts(
    scenario: &Scenario,
    posts: &Posts,
    by: &[usize],
    cast: &Cast,
    rng: &mut fastrand::Rng,
) -> Vec<(u64, Writing)> {
    let topic = topic_of(scenario, posts.topic.as_deref());
    let (from, until) = (posts.from.0, posts.until.unwrap_or(scenario.length).0);
    let mut writings = Vec::new();
    for node in by {
        let pause = posts.every.0.as_secs_f64();
        // Nobody writes before joining.
        let from = (from.as_micros() as u64).max(cast.members[*node].joins);
        at_random(rng, from, until.as_micros() as u64, pause, |at, rng| {
            let mut is = |part: f64| part > 0.0 && rng.f64() < part;
            let (is_reply, is_redaction, has_file) = (is(posts.replies.0), is(posts.redactions.0), is(posts.files.0));
            let file = if has_file { size(rng, &posts.file).max(1) } else { 0 };
            let text = size(rng, &posts.text);
            writings.push((at, Writing { node: *node, topic, text, is_reply, is_redaction, file }));
        });
    }
    writings
}

/// The posts of an event at which all write at once.
pub(super) fn burst(scenario: &Scenario, event: &Event, by: &[usize], rng: &mut fastrand::Rng) -> Vec<Writing> {
    let topic = topic_of(scenario, event.topic.as_deref());
    let writers = by.iter().flat_map(|node| std::iter::repeat_n(*node, event.posts.unwrap_or(0)));
    let writing =
        |node| Writing { node, topic, text: rng.usize(40..400), is_reply: false, is_redaction: false, file: 0 };
    writers.map(writing).collect()
}

/// Does something at random moments with this mean pause, in seconds; times are in microseconds.
pub(super) fn at_random(
    rng: &mut fastrand::Rng,
    from: u64,
    until: u64,
    pause: f64,
    mut what: impl FnMut(u64, &mut fastrand::Rng),
) {
    let mut at = from;
    loop {
        let wait = pause * 1e6 * -(1.0 - rng.f64()).ln();
        at = at.saturating_add(wait as u64).saturating_add(1);
        if at >= until {
            return;
        }
        what(at, rng);
    }
}

fn topic_of(scenario: &Scenario, name: Option<&str>) -> usize {
    name.and_then(|name| scenario.topic.iter().position(|topic| topic.name == name)).unwrap_or(0)
}

fn size(rng: &mut fastrand::Rng, between: &Between<Size>) -> usize {
    rng.u64(between.least.0..=between.most.0) as usize
}
