//! Who takes part, and who is meant where a scenario says "5 of readers".

use crate::scenario::{Scenario, Who};

/// The nodes of a run.
pub(crate) struct Cast {
    pub(crate) members: Vec<Member>,
    /// Who writes, for each `[[posts]]`.
    pub(crate) of_posts: Vec<Vec<usize>>,
    /// Who is concerned, for each `[[event]]`.
    pub(crate) of_event: Vec<Vec<usize>>,
    /// Who holds the history, for each `[[topic]]`.
    pub(crate) of_history: Vec<usize>,
    /// Connections beside the network's shape.
    pub(crate) connects: Vec<(usize, usize)>,
}

/// A node.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// What it is called.
    pub(crate) label: String,
    /// Its group.
    pub(crate) group: usize,
    /// When it joins, in microseconds.
    pub(crate) joins: u64,
    /// How far its clock is off, in milliseconds.
    pub(crate) skew: i64,
    /// The topics that it follows.
    pub(crate) follows: Vec<usize>,
}

impl Cast {
    pub(super) fn draw(scenario: &Scenario, rng: &mut fastrand::Rng) -> Cast {
        let mut members = Vec::with_capacity(scenario.nodes());
        for (at, group) in scenario.group.iter().enumerate() {
            let (from, to) = (group.join.least.0.as_micros() as u64, group.join.most.0.as_micros() as u64);
            let off = group.clock.0.as_millis() as i64;
            let follows: Vec<usize> = match &group.follow {
                Some(names) if !group.mirror => {
                    let is_named = |topic: &usize| names.contains(&scenario.topic[*topic].name);
                    (0..scenario.topic.len()).filter(is_named).collect()
                }
                _ => (0..scenario.topic.len()).collect(),
            };
            for number in 1..=group.count {
                let label = if group.count == 1 { group.name.clone() } else { format!("{}-{number}", group.name) };
                let (joins, skew) = (rng.u64(from..=to), rng.i64(-off..=off));
                members.push(Member { label, group: at, joins, skew, follows: follows.clone() });
            }
        }
        let mut cast =
            Cast { members, of_posts: Vec::new(), of_event: Vec::new(), of_history: Vec::new(), connects: Vec::new() };
        cast.of_posts = scenario.posts.iter().map(|posts| cast.choose(scenario, &posts.by, rng)).collect();
        cast.of_event = scenario.event.iter().map(|event| cast.concerned(scenario, &event.who, rng)).collect();
        let holders = scenario.topic.iter().map(|topic| cast.concerned(scenario, &topic.history_at, rng));
        cast.of_history = holders.map(|holders| holders.first().copied().unwrap_or(0)).collect();
        for node in 0..cast.members.len() {
            if let Some(who) = &scenario.group[cast.members[node].group].connect {
                let others = cast.choose(scenario, who, rng).into_iter().filter(|other| *other != node);
                cast.connects.extend(others.map(|other| (node.min(other), node.max(other))));
            }
        }
        cast
    }

    /// Those who are meant; everybody, if nobody is named.
    fn concerned(&self, scenario: &Scenario, who: &Option<Who>, rng: &mut fastrand::Rng) -> Vec<usize> {
        match who {
            Some(who) => self.choose(scenario, who, rng),
            None => (0..self.members.len()).collect(),
        }
    }

    /// Draws those who are meant, in their order.
    fn choose(&self, scenario: &Scenario, who: &Who, rng: &mut fastrand::Rng) -> Vec<usize> {
        let group = scenario.group.iter().position(|group| group.name == who.of);
        let is_one = |member: &Member| match group {
            Some(group) => member.group == group,
            None => who.of == "all" || is_label(member, &who.of),
        };
        let mut meant: Vec<usize> = (0..self.members.len()).filter(|at| is_one(&self.members[*at])).collect();
        let count = who.count(meant.len());
        if count < meant.len() {
            rng.shuffle(&mut meant);
            meant.truncate(count);
            meant.sort_unstable();
        }
        meant
    }
}

/// Whether it is called so; the only node of a group has no number and answers to 1.
fn is_label(member: &Member, name: &str) -> bool {
    member.label == name || name.strip_suffix("-1").is_some_and(|name| name == member.label)
}
