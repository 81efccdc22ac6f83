//! What is going to happen: the seed's dice are thrown once, before anything runs.

mod cast;
mod shape;
mod workload;

pub(crate) use cast::{Cast, Member};
pub(crate) use workload::Writing;

use crate::scenario::{Scenario, ScenarioError, What};

/// Everything that a run will do from outside the network, in order.
pub(crate) struct Plan {
    pub(crate) cast: Cast,
    /// Who is connected to whom, the lower number first.
    pub(crate) edges: Vec<(usize, usize)>,
    /// What happens, by microseconds since the beginning.
    pub(crate) actions: Vec<(u64, Action)>,
}

/// Something that happens to the network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// A part of the run begins that is reported by itself.
    Phase(usize),
    /// A node joins.
    Join(usize),
    /// An event of the scenario begins.
    Begin(usize),
    /// An event ends.
    End(usize),
    /// A hostile stranger of this event does something.
    Hostile(usize),
    /// A node writes.
    Write(Writing),
}

impl Plan {
    /// Throws the dice.
    pub(crate) fn draw(scenario: &Scenario, seed: u64) -> Result<Plan, ScenarioError> {
        // A generator of its own, so that the network's chance does not depend on the workload's.
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x7469_6469_6e67_7321);
        let cast = Cast::draw(scenario, &mut rng);
        let mut edges = shape::edges(&scenario.network, cast.members.len(), &mut rng);
        edges.extend(cast.connects.iter().copied());
        edges.sort_unstable();
        edges.dedup();
        let mut actions = Vec::new();
        let micros = |span: std::time::Duration| span.as_micros() as u64;
        actions.extend(scenario.phase.iter().enumerate().map(|(at, phase)| (micros(phase.from.0), Action::Phase(at))));
        actions.extend(cast.members.iter().enumerate().map(|(at, member)| (member.joins, Action::Join(at))));
        for (at, event) in scenario.event.iter().enumerate() {
            let (begin, end) = (micros(event.at.0), micros(event.at.0 + event.span(scenario)));
            actions.push((begin, Action::Begin(at)));
            if event.lasts.is_some() {
                actions.push((end, Action::End(at)));
            }
            match event.what {
                What::Flood => {
                    let pause = event.rate.map_or(1.0, |rate| 1.0 / rate.per_second);
                    workload::at_random(&mut rng, begin, end, pause, |at_time, _| {
                        actions.push((at_time, Action::Hostile(at)));
                    });
                }
                What::Burst => {
                    let writings = workload::burst(scenario, event, &cast.of_event[at], &mut rng);
                    actions.extend(writings.into_iter().map(|writing| (begin, Action::Write(writing))));
                }
                _ => {}
            }
        }
        for (at, posts) in scenario.posts.iter().enumerate() {
            let writings = workload::posts(scenario, posts, &cast.of_posts[at], &cast, &mut rng);
            actions.extend(writings.into_iter().map(|(at, writing)| (at, Action::Write(writing))));
        }
        // A stable sort: what happens at one time happens in the order of the file.
        actions.sort_by_key(|(at, _)| *at);
        Ok(Plan { cast, edges, actions })
    }
}
