//! The end of a run: what every node holds is compared with what writers were told is durable.

use std::collections::{BTreeMap, BTreeSet};

use cid::Cid;
use serde::Serialize;
use tidings_ledger::{EntryId, Topic};

use super::ears;
use super::stage::Stage;
use crate::measure::Tally;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Findings {
    /// Copies of posts that a node once had, or was told that it has, and has no more.
    pub lost: u64,
    /// Copies that a node that is there still lacks.
    pub lacking: u64,
    /// Posts that are gone with the only node that had them.
    pub gone: u64,
    /// Entries that nobody of the scenario wrote.
    pub foreign: u64,
    /// Topics in which two nodes that are there have different folders.
    pub split: u64,
    /// A node's label and what is wrong with it, a few of them.
    pub examples: Vec<String>,
}

/// Examples that are told.
const EXAMPLES: usize = 5;

/// Whether all that are there have one folder for each topic.
pub(super) fn is_agreed(stage: &Stage, tally: &Tally) -> bool {
    (0..stage.topics.len()).all(|topic| folders(stage, tally, topic).len() <= 1)
}

/// Who has which folder of a topic, of those who are there.
fn folders(stage: &Stage, tally: &Tally, topic: usize) -> BTreeMap<Option<Cid>, Vec<usize>> {
    let mut folders: BTreeMap<Option<Cid>, Vec<usize>> = BTreeMap::new();
    for node in tally.followers(topic).iter().filter(|node| tally.is_there(**node)) {
        if let Some(ledger) = stage.ledger(*node) {
            let info = ledger.topic(&stage.topics[topic]).info();
            folders.entry(info.ok().and_then(|info| info.cid)).or_default().push(*node);
        }
    }
    folders
}

/// Looks at everything. Nodes with the same folder hold the same, so one of them is read.
pub(super) fn look(stage: &Stage, tally: &Tally) -> Findings {
    let mut findings = Findings::default();
    for topic in 0..stage.topics.len() {
        let posts: BTreeMap<EntryId, usize> = tally
            .posts
            .iter()
            .enumerate()
            .filter(|(_, post)| post.topic == topic)
            .map(|(at, post)| (post.id, at))
            .collect();
        let folders = folders(stage, tally, topic);
        findings.split += u64::from(folders.len() > 1);
        let mut anywhere: BTreeSet<usize> = BTreeSet::new();
        let mut lacked: BTreeSet<usize> = BTreeSet::new();
        for (folder, nodes) in &folders {
            let Some(ledger) = nodes.first().and_then(|node| stage.ledger(*node)) else { continue };
            let held: BTreeSet<EntryId> = ids(&ledger.topic(&stage.topics[topic])).into_iter().collect();
            let foreign = held.iter().filter(|id| !posts.contains_key(id)).count() as u64;
            findings.foreign += foreign;
            anywhere.extend(held.iter().filter_map(|id| posts.get(id)));
            let missing: Vec<usize> = posts.iter().filter(|(id, _)| !held.contains(id)).map(|(_, at)| *at).collect();
            for node in nodes {
                let lost = missing.iter().filter(|post| tally.holds(*node, **post)).count() as u64;
                findings.lost += lost;
                findings.lacking += missing.len() as u64 - lost;
                if lost + foreign > 0 && findings.examples.len() < EXAMPLES {
                    let folder = folder.map_or_else(|| "no folder".to_owned(), |cid| cid.to_string());
                    let label = &stage.cast.members[*node].label;
                    findings.examples.push(format!("{label} lost {lost} and has {foreign} foreign ones ({folder})"));
                }
            }
            lacked.extend(missing);
        }
        // What nobody who is there has cannot be had any more; its copies are not lacking.
        for post in lacked.difference(&anywhere) {
            let is_down_somewhere = (0..stage.cast.members.len())
                .any(|node| !tally.is_there(node) && tally.holds(node, *post) && !stage.has_left(node));
            if !is_down_somewhere {
                findings.gone += 1;
            }
            let there = folders.values().flatten().filter(|node| !tally.holds(**node, *post)).count() as u64;
            findings.lacking -= there;
        }
    }
    findings
}

/// The ids of all entries of a topic, as its store has them.
pub(super) fn ids(topic: &Topic) -> Vec<EntryId> {
    let mut query = ears::page();
    let mut ids = Vec::new();
    while let Ok(page) = topic.read(&query) {
        ids.extend(page.items.iter().map(|entry| entry.id()));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    ids
}
