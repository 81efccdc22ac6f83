//! Who stands where: the thread in numbers, without the entries.
//!
//! Ids are hashes, so honest entries cannot refer to each other in a circle. The plan does not rely on that.

use std::collections::{BTreeMap, BTreeSet};

use crate::author::Author;
use crate::entry::EntryId;
use crate::time::Time;

/// What the plan needs to know of an entry. Facts come in the order of (time, id), each id once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact<'a> {
    pub(super) id: EntryId,
    pub(super) author: Author,
    pub(super) time: Time,
    pub(super) redacted: bool,
    pub(super) redacts: &'a [EntryId],
    pub(super) act: Act<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Act<'a> {
    Say { to: Option<EntryId>, text: Option<&'a str> },
    Edit { of: EntryId, text: Option<&'a str> },
    React { to: EntryId, symbol: &'a str },
    Other,
}

/// A comment's place. Numbers of comments are places in [`Plan::comments`]; `edits` are facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) parent: Option<usize>,
    pub(super) replies: Vec<usize>,
    pub(super) orphan: bool,
    pub(super) edits: Vec<usize>,
    pub(super) reactions: BTreeMap<&'a str, BTreeSet<Author>>,
}

/// The thread in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// The facts that are comments, in order.
    pub(super) comments: Vec<usize>,
    /// For each fact that is a comment, its number among the comments; else [`NONE`].
    pub(super) node_of: Vec<usize>,
    /// For each comment, its place.
    pub(super) places: Vec<Place<'a>>,
    pub(super) roots: Vec<usize>,
    /// For each fact, whether it was taken back.
    pub(super) gone: Vec<bool>,
    /// Edits and reactions that belong to no comment.
    pub(super) unplaced: usize,
}

/// Not a comment.
const NONE: usize = usize::MAX;

impl<'a> Plan<'a> {
    pub(super) fn of(facts: &[Fact<'a>]) -> Self {
        let index: BTreeMap<EntryId, usize> = facts.iter().enumerate().map(|(at, fact)| (fact.id, at)).collect();
        let mut node_of = vec![NONE; facts.len()];
        let mut comments = Vec::new();
        for (at, fact) in facts.iter().enumerate() {
            if matches!(fact.act, Act::Say { .. }) {
                node_of[at] = comments.len();
                comments.push(at);
            }
        }
        let places = comments.iter().map(|_| Place::default()).collect();
        let gone = taken_back(facts, &index);
        let mut plan = Plan { comments, node_of, places, roots: Vec::new(), gone, unplaced: 0 };
        let subjects = subjects(facts, &index);
        plan.place_edits_and_reactions(facts, &index, &subjects);
        plan.place_replies(facts, &index, &subjects);
        plan
    }

    fn place_edits_and_reactions(
        &mut self,
        facts: &[Fact<'a>],
        index: &BTreeMap<EntryId, usize>,
        subjects: &[Option<usize>],
    ) {
        for (at, fact) in facts.iter().enumerate() {
            let (subject, reaction) = match fact.act {
                Act::Edit { .. } => (subjects[at], None),
                Act::React { to, symbol } => (index.get(&to).and_then(|to| subjects[*to]), Some(symbol)),
                Act::Say { .. } | Act::Other => continue,
            };
            let node = subject.map_or(NONE, |subject| self.node_of[subject]);
            let Some(place) = self.places.get_mut(node) else {
                self.unplaced += 1;
                continue;
            };
            match reaction {
                None => place.edits.push(at),
                // Who takes a comment back takes away what the reactions were about.
                Some(_) if self.gone[at] || self.gone[self.comments[node]] => {}
                Some(symbol) => drop(place.reactions.entry(symbol).or_default().insert(fact.author)),
            }
        }
    }

    fn place_replies(&mut self, facts: &[Fact<'a>], index: &BTreeMap<EntryId, usize>, subjects: &[Option<usize>]) {
        for node in 0..self.comments.len() {
            let Act::Say { to: Some(to), .. } = facts[self.comments[node]].act else { continue };
            // A reply to an edit answers the comment that was edited.
            let parent = index.get(&to).and_then(|to| subjects[*to]).map_or(NONE, |parent| self.node_of[parent]);
            match parent {
                NONE => self.places[node].orphan = true,
                parent => self.places[node].parent = Some(parent),
            }
        }
        self.break_circles();
        for node in 0..self.comments.len() {
            match self.places[node].parent {
                Some(parent) => self.places[parent].replies.push(node),
                None => self.roots.push(node),
            }
        }
    }

    /// Of comments that answer each other in a circle, the earliest is taken for an orphan.
    fn break_circles(&mut self) {
        const NEW: usize = 0;
        let mut seen_from = vec![NEW; self.places.len()];
        for start in 0..self.places.len() {
            let walk = start + 1;
            let mut at = start;
            while seen_from[at] == NEW {
                seen_from[at] = walk;
                match self.places[at].parent {
                    Some(parent) => at = parent,
                    None => break,
                }
            }
            // Back on this walk's own track: a circle, which the comments from here on make up.
            if seen_from[at] == walk && self.places[at].parent.is_some_and(|parent| seen_from[parent] == walk) {
                self.break_circle(at);
            }
        }
    }

    fn break_circle(&mut self, start: usize) {
        let (mut at, mut earliest) = (start, start);
        loop {
            match self.places[at].parent {
                Some(parent) if parent != start => at = parent,
                _ => break,
            }
            earliest = earliest.min(at);
        }
        self.places[earliest].parent = None;
        self.places[earliest].orphan = true;
    }
}

/// Which facts were taken back: those without a body, and those that an entry of the same author redacts.
fn taken_back(facts: &[Fact<'_>], index: &BTreeMap<EntryId, usize>) -> Vec<bool> {
    let mut gone: Vec<bool> = facts.iter().map(|fact| fact.redacted).collect();
    for fact in facts {
        for target in fact.redacts.iter().filter_map(|id| index.get(id)) {
            gone[*target] |= facts[*target].author == fact.author;
        }
    }
    gone
}

/// For each fact, the comment that it is or, for an edit, that it changes: an edit of an edit changes what that one did.
/// Nobody edits another's comment.
fn subjects(facts: &[Fact<'_>], index: &BTreeMap<EntryId, usize>) -> Vec<Option<usize>> {
    #[derive(Clone, Copy)]
    enum State {
        New,
        /// On the way of the walk that is under way: to come here again is a circle.
        Open,
        Done(Option<usize>),
    }
    let mut states = vec![State::New; facts.len()];
    let mut way = Vec::new();
    for start in 0..facts.len() {
        let mut at = start;
        let subject = loop {
            match (states[at], facts[at].act) {
                (State::Done(subject), _) => break subject,
                (State::Open, _) => break None,
                (State::New, Act::Say { .. }) => {
                    states[at] = State::Done(Some(at));
                    break Some(at);
                }
                (State::New, Act::Edit { of, .. }) => {
                    states[at] = State::Open;
                    way.push(at);
                    match index.get(&of) {
                        Some(&next) if facts[next].author == facts[at].author => at = next,
                        _ => break None,
                    }
                }
                (State::New, _) => {
                    states[at] = State::Done(None);
                    break None;
                }
            }
        };
        for at in way.drain(..) {
            states[at] = State::Done(subject);
        }
    }
    states.into_iter().map(|state| if let State::Done(subject) = state { subject } else { None }).collect()
}
