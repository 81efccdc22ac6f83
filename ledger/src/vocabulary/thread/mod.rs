//! The view of a discussion: a tree of comments, made from a set of entries.
//!
//! The same set gives the same thread, in whatever order the entries come, and a hostile set costs no more than its size:
//! O(n log n), without recursion, so a chain of a hundred thousand replies is only a long chain.

mod plan;
mod walk;

pub use walk::Walk;

use std::collections::BTreeMap;

use self::plan::{Act, Fact, Plan};
use super::comment::Comment;
use super::profile::Profile;
use crate::author::Author;
use crate::entry::{Entry, EntryId, Link};
use crate::time::Time;

/// A discussion as a reader wants to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread<'a> {
    nodes: Vec<ThreadNode<'a>>,
    roots: Vec<usize>,
    profiles: BTreeMap<Author, Profile>,
    unplaced: usize,
}

/// A comment in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadNode<'a> {
    entry: &'a Entry,
    parent: Option<usize>,
    replies: Vec<usize>,
    orphan: bool,
    redacted: bool,
    versions: Vec<Version<'a>>,
    reactions: Vec<Reaction<'a>>,
}

/// A text that a comment has or had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version<'a> {
    /// The entry that brought it: the comment itself, or an edit.
    pub entry: EntryId,
    /// When.
    pub time: Time,
    /// The text; `None` for a version that was redacted.
    pub text: Option<&'a str>,
}

/// A reaction, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction<'a> {
    /// The emoji or word.
    pub symbol: &'a str,
    /// Everybody who reacted so, each once.
    pub authors: Vec<Author>,
}

/// Makes a thread of the entries. An entry that is there several times counts once (redacted, if one of them is).
pub fn thread<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Thread<'a> {
    let mut entries: Vec<&Entry> = entries.into_iter().collect();
    entries.sort_by_key(|entry| (entry.time(), entry.id(), !entry.is_redacted()));
    entries.dedup_by_key(|entry| entry.id());
    let said: Vec<Option<Comment<'a>>> = entries.iter().map(|entry| Comment::of(entry).ok()).collect();
    let facts: Vec<Fact<'a>> = entries.iter().zip(&said).map(|(entry, said)| fact(entry, said.as_ref())).collect();
    let plan = Plan::of(&facts);
    let nodes = plan.comments.iter().map(|&at| node(at, &plan, &entries, &facts)).collect();
    let mut profiles = BTreeMap::new();
    for (at, said) in said.into_iter().enumerate() {
        // In the order of time, so that the latest stays. A profile that was taken back uncovers the one before it.
        if let Some(Comment::Profile(Some(profile))) = said
            && !plan.gone[at]
        {
            profiles.insert(facts[at].author, profile);
        }
    }
    Thread { nodes, roots: plan.roots, profiles, unplaced: plan.unplaced }
}

fn fact<'a>(entry: &'a Entry, said: Option<&Comment<'a>>) -> Fact<'a> {
    let act = match said {
        Some(Comment::Said { to, text, .. }) => Act::Say { to: *to, text: *text },
        Some(Comment::Edit { of, text }) => Act::Edit { of: *of, text: *text },
        Some(Comment::React { to, symbol }) => Act::React { to: *to, symbol: symbol.unwrap_or_default() },
        Some(Comment::Redact { .. } | Comment::Profile(_)) | None => Act::Other,
    };
    let header = entry.header();
    Fact {
        id: entry.id(),
        author: entry.author(),
        time: entry.time(),
        redacted: entry.is_redacted(),
        redacts: &header.redacts,
        act,
    }
}

fn node<'a>(at: usize, plan: &Plan<'a>, entries: &[&'a Entry], facts: &[Fact<'a>]) -> ThreadNode<'a> {
    let place = &plan.places[plan.node_of[at]];
    let version = |version: usize| {
        let text = match facts[version].act {
            Act::Say { text, .. } | Act::Edit { text, .. } if !plan.gone[version] && !plan.gone[at] => text,
            _ => None,
        };
        Version { entry: facts[version].id, time: facts[version].time, text }
    };
    let reactions =
        place.reactions.iter().map(|(symbol, authors)| Reaction { symbol, authors: authors.iter().copied().collect() });
    let mut reactions: Vec<Reaction<'a>> = reactions.collect();
    reactions.sort_by(|a, b| b.authors.len().cmp(&a.authors.len()).then(a.symbol.cmp(b.symbol)));
    ThreadNode {
        entry: entries[at],
        parent: place.parent,
        replies: place.replies.clone(),
        orphan: place.orphan,
        redacted: plan.gone[at],
        versions: std::iter::once(at).chain(place.edits.iter().copied()).map(version).collect(),
        reactions,
    }
}

impl<'a> Thread<'a> {
    /// How many comments there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All comments with their depth, each before its replies, in the order of time among neighbours.
    pub fn walk(&self) -> Walk<'_, 'a> {
        Walk::new(&self.nodes, &self.roots)
    }

    /// The comments at the top level: posts, and orphans.
    pub fn roots(&self) -> impl Iterator<Item = &ThreadNode<'a>> {
        self.roots.iter().map(|at| &self.nodes[*at])
    }

    /// The replies to a comment of this thread.
    pub fn replies<'t>(&'t self, node: &'t ThreadNode<'a>) -> impl Iterator<Item = &'t ThreadNode<'a>> {
        node.replies.iter().filter_map(|at| self.nodes.get(*at))
    }

    /// The comment that a comment of this thread answers, if it is there.
    pub fn parent(&self, node: &ThreadNode<'a>) -> Option<&ThreadNode<'a>> {
        node.parent.and_then(|at| self.nodes.get(at))
    }

    /// The newest profile of each author who has one among the entries.
    pub fn profiles(&self) -> &BTreeMap<Author, Profile> {
        &self.profiles
    }

    /// Edits and reactions that belong to no comment here: their comment is missing, or is another author's to edit.
    pub fn unplaced(&self) -> usize {
        self.unplaced
    }
}

impl<'a> ThreadNode<'a> {
    /// The comment's entry.
    pub fn entry(&self) -> &'a Entry {
        self.entry
    }

    /// The text as it stands now; `None` if the comment was redacted.
    pub fn text(&self) -> Option<&'a str> {
        self.versions.iter().rev().find_map(|version| version.text)
    }

    /// The attached files; none if the comment was redacted.
    pub fn files(&self) -> &'a [Link] {
        if self.redacted { &[] } else { &self.entry.header().links }
    }

    /// Whether its author took it back. It keeps its place, so that the replies keep theirs.
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// Whether it answers a comment that is not among the entries. It stands at the top level.
    pub fn is_orphan(&self) -> bool {
        self.orphan
    }

    /// Whether its text was changed.
    pub fn is_edited(&self) -> bool {
        self.versions.iter().skip(1).any(|version| version.text.is_some())
    }

    /// All its texts, the first one first. Those of a redacted comment are all `None`.
    pub fn versions(&self) -> &[Version<'a>] {
        &self.versions
    }

    /// Reactions, the most frequent first.
    pub fn reactions(&self) -> &[Reaction<'a>] {
        &self.reactions
    }

    /// How many replies it has directly.
    pub fn reply_count(&self) -> usize {
        self.replies.len()
    }
}

#[cfg(test)]
mod tests;
