//! Cutting one level of a tree anew where its members changed.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::iter::Peekable;

use cid::Cid;

use super::index::{Level, Row, load};
use super::node::{Child, Encoded, Item, Node, encode_inner, encode_leaf};
use super::shape::Cutter;
use super::tree::{Dead, RankOf, Ranked};
use crate::content::digest_of;
use crate::store::{Batch, StoreError, Table};

/// What a node links to, on any level.
#[derive(Debug, Clone)]
pub(super) struct Member {
    link: Link,
    rank: u8,
}

#[derive(Debug, Clone)]
enum Link {
    Item(Item),
    Child(Child),
}

/// Changes of one level's members, by key: put or gone.
pub(super) type Members = BTreeMap<String, Option<Member>>;

impl From<Ranked> for Member {
    fn from(ranked: Ranked) -> Self {
        Member { link: Link::Item(ranked.item), rank: ranked.rank }
    }
}

impl From<&Row> for Member {
    fn from(row: &Row) -> Self {
        let child = Child { first: row.first.clone(), cid: row.cid, size: row.size };
        Member { link: Link::Child(child), rank: row.rank }
    }
}

impl Member {
    fn key(&self) -> &str {
        match &self.link {
            Link::Item(item) => &item.key,
            Link::Child(child) => &child.first,
        }
    }

    fn links(&self) -> usize {
        match &self.link {
            Link::Item(item) => item.links(),
            Link::Child(_) => 1,
        }
    }
}

/// The work on one level.
pub(super) struct Recut<'a> {
    pub(super) rows: Level<'a>,
    /// The level is one node, however long.
    pub(super) flat: bool,
    /// Cut from the very beginning: a flat directory comes, changes or goes.
    pub(super) whole: bool,
    /// How to find ranks that the old nodes do not show. A usual node shows them: whatever closes it stands last.
    pub(super) rank_of: Option<&'a RankOf<'a>>,
}

impl Recut<'_> {
    /// Runs from each changed node to the next cut that old and new have in common.
    pub(super) fn run(&self, changes: Members) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        let mut changes = changes.into_iter().peekable();
        while let Some((key, _)) = changes.peek() {
            let start = if self.whole { self.rows.after(None)? } else { self.rows.covering(key)? };
            let mut old = OldMembers { rows: self.rows, next_row: start, members: Vec::new().into_iter().peekable() };
            self.run_from(&mut old, &mut changes, &mut outcome)?;
        }
        outcome.forget_unchanged();
        Ok(outcome)
    }

    fn run_from(
        &self,
        old: &mut OldMembers<'_>,
        changes: &mut Peekable<btree_map::IntoIter<String, Option<Member>>>,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        let mut cutter = Cutter::new(self.rows.level, self.flat);
        let mut open: Vec<Member> = Vec::new();
        loop {
            old.fill(outcome, self.rank_of)?;
            let order = match (old.members.peek(), changes.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(member), Some((key, _))) => member.key().cmp(key),
            };
            let old_member = if order.is_le() { old.members.next() } else { None };
            let member = if order.is_ge() { changes.next().and_then(|(_, put)| put) } else { old_member };
            if let Some(member) = member {
                let ends = cutter.ends_after(member.links(), member.rank);
                open.push(member);
                if ends {
                    outcome.add(std::mem::take(&mut open));
                }
            }
            let next_change = changes.peek().map(|(key, _)| key.as_str());
            if !self.whole && open.is_empty() && old.same_from_here(next_change) {
                return Ok(());
            }
        }
        outcome.add(open);
        Ok(())
    }
}

/// The members of the old nodes from some node on.
struct OldMembers<'a> {
    rows: Level<'a>,
    next_row: Option<Row>,
    members: Peekable<std::vec::IntoIter<Member>>,
}

impl OldMembers<'_> {
    /// Whether an old node begins here and the next change is not before it: then nothing more can differ in this run.
    fn same_from_here(&mut self, next_change: Option<&str>) -> bool {
        self.members.peek().is_none()
            && match (&self.next_row, next_change) {
                (Some(row), Some(key)) => key >= row.first.as_str(),
                (_, None) => true,
                (None, Some(_)) => false,
            }
    }

    /// Opens the next old node when the one before is used up.
    fn fill(&mut self, outcome: &mut Outcome, rank_of: Option<&RankOf<'_>>) -> Result<(), StoreError> {
        if self.members.peek().is_some() {
            return Ok(());
        }
        let Some(row) = self.next_row.take() else { return Ok(()) };
        let links: Vec<Link> = match load(self.rows.store, self.rows.tree.kind(), &row.cid)? {
            Node::Leaf(items) => items.into_iter().map(Link::Item).collect(),
            Node::Inner(children) => children.into_iter().map(Link::Child).collect(),
        };
        let mut members: Vec<Member> = links.into_iter().map(|link| Member { link, rank: 0 }).collect();
        if let Some(rank_of) = rank_of {
            for member in &mut members {
                member.rank = rank_of(member.key())?;
            }
        }
        if let Some(last) = members.last_mut() {
            last.rank = row.rank;
        }
        outcome.links -= members.iter().map(|member| member.links() as i64).sum::<i64>();
        self.members = members.into_iter().peekable();
        self.next_row = self.rows.after(Some(&row.first))?;
        outcome.removed.insert(row.first.clone(), row);
        Ok(())
    }
}

/// Nodes that went and nodes that came, by first key.
#[derive(Default)]
pub(super) struct Outcome {
    removed: BTreeMap<String, Row>,
    added: BTreeMap<String, (Row, Vec<u8>)>,
    /// How many more links the level has.
    links: i64,
}

impl Outcome {
    fn add(&mut self, members: Vec<Member>) {
        let (Some(first), Some(last)) = (members.first(), members.last()) else { return };
        let (first, rank) = (first.key().to_owned(), last.rank);
        self.links += members.iter().map(|member| member.links() as i64).sum::<i64>();
        let mut items = Vec::new();
        let mut children = Vec::new();
        for member in members {
            match member.link {
                Link::Item(item) => items.push(item),
                Link::Child(child) => children.push(child),
            }
        }
        let Encoded { cid, bytes, size } = if items.is_empty() { encode_inner(&children) } else { encode_leaf(&items) };
        self.added.insert(first.clone(), (Row { first, cid, size, rank }, bytes));
    }

    /// Nodes that came out as they were are no change.
    fn forget_unchanged(&mut self) {
        let removed = &mut self.removed;
        self.added.retain(|first, (row, _)| {
            let same = removed.get(first) == Some(row);
            if same {
                removed.remove(first);
            }
            !same
        });
    }

    /// Nodes on the level now, given how many there were.
    pub(super) fn count(&self, before: u64) -> u64 {
        before + self.added.len() as u64 - self.removed.len() as u64
    }

    /// Links on the level now, given how many there were.
    pub(super) fn links(&self, before: u64) -> u64 {
        before.saturating_add_signed(self.links)
    }

    /// The node that is the whole level now, if it is new.
    pub(super) fn only_added(&self) -> Option<&Row> {
        self.added.values().next().map(|(row, _)| row)
    }

    /// Whether the node that began here is no more.
    pub(super) fn took_away(&self, first: &str) -> bool {
        self.removed.contains_key(first)
    }

    /// Adds rows and blocks to the batch, and what is no longer needed to `dead`.
    pub(super) fn write(&self, rows: Level<'_>, batch: &mut Batch, dead: &mut Vec<Dead>, new: &mut Vec<[u8; 32]>) {
        let added: BTreeSet<&Cid> = self.added.values().map(|(row, _)| &row.cid).collect();
        for (first, row) in &self.removed {
            if !self.added.contains_key(first) {
                batch.delete(Table::Index, rows.key(first));
            }
            if !added.contains(&row.cid) {
                dead.push(Dead { cid: row.cid, level: rows.level, first: first.clone() });
            }
        }
        for (first, (row, bytes)) in &self.added {
            batch.put(Table::Index, rows.key(first), row.value());
            batch.put(Table::Nodes, row.cid.hash().digest(), bytes.as_slice());
            new.extend(digest_of(&row.cid));
        }
    }

    /// What this means for the level above; `kept` are the nodes of this level that a new level above has to list, too.
    pub(super) fn members_above(self, kept: &[Row]) -> Members {
        let mut members: Members = kept.iter().map(|row| (row.first.clone(), Some(Member::from(row)))).collect();
        members.extend(self.removed.into_keys().map(|first| (first, None)));
        members.extend(self.added.into_iter().map(|(first, (row, _))| (first, Some(Member::from(&row)))));
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::raw_cid;
    use crate::folder::TreeId;
    use crate::store::MemoryStore;

    #[test]
    fn a_block_that_stays_under_another_rank_is_not_dead() {
        // After a forced cut, the rank of a node's last child is known as far as it matters, and no further.
        let row = |rank| Row { first: "a".into(), cid: raw_cid(b"a node"), size: 1, rank };
        let mut outcome = Outcome::default();
        outcome.removed.insert("a".into(), row(1));
        outcome.added.insert("a".into(), (row(0), b"a node".to_vec()));
        outcome.forget_unchanged();
        let (store, mut batch, mut dead, mut new) = (MemoryStore::new(), Batch::new(), Vec::new(), Vec::new());
        outcome.write(Level { store: &store, tree: TreeId(1), level: 1 }, &mut batch, &mut dead, &mut new);
        assert_eq!((dead, new.len()), (Vec::new(), 1));
    }
}
