//! Keeping a tree up to date: the new tree is a pure function of the new set, at the cost of what changed.
//!
//! A change touches the node that covers it. That node is cut anew, and so is what follows, until a cut falls where the
//! old tree had one: from there on both trees are the same. What became of the nodes of one level are the changes of the
//! level above. For `d` changes at one place of a tree of `n` items this reads and writes O(d/32 + log n) nodes.

use std::collections::BTreeMap;

use cid::Cid;

use super::index::damaged;
use super::index::{Level, Row, TreeId, load};
use super::node::{Item, Node};
use super::recut::{Member, Members, Outcome, Recut};
use super::shape::FLAT;
use crate::entry::limits;
use crate::store::{Batch, Store, StoreError, Table};

/// What is known of a whole tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tree {
    /// The folder; `None` for one that never had anything in it.
    pub(crate) root: Option<Cid>,
    /// Nodes on each level, from the leaves up; the last is 1.
    pub(crate) levels: Vec<u64>,
    /// Links in all leaves together.
    pub(crate) links: u64,
    /// Bytes of everything below the root.
    pub(crate) size: u64,
}

/// An item and how many levels its id closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub(crate) item: Item,
    pub(crate) rank: u8,
}

/// What changed, by key: put or gone.
pub(crate) type Changes = BTreeMap<String, Option<Ranked>>;

/// Finds the rank of an item in a flat directory, where nothing is cut and so nothing shows it.
pub(crate) type RankOf<'a> = dyn Fn(&str) -> Result<u8, StoreError> + 'a;

/// What an update did: the tree as it is now, and the blocks that it no longer needs.
pub(crate) struct Updated {
    pub(crate) tree: Tree,
    pub(crate) dead: Vec<Dead>,
    /// SHA-256 of the blocks that it wrote.
    pub(crate) added: Vec<[u8; 32]>,
}

/// A node that left the tree: its block, and the row that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) cid: Cid,
    pub(crate) level: u8,
    pub(crate) first: String,
}

/// Applies the changes: adds blocks and index rows to the batch.
pub(crate) fn update(
    store: &dyn Store,
    id: TreeId,
    old: &Tree,
    changes: Changes,
    rank_of: &RankOf<'_>,
    batch: &mut Batch,
) -> Result<Updated, StoreError> {
    let flat = will_be_flat(store, id, old, &changes)?;
    let was_flat = old.links <= FLAT;
    let mut tree = old.clone();
    let (mut dead, mut added) = (Vec::new(), Vec::new());
    // A flat directory that stays one is not cut, and what stood last in it is known to: no ranks have to be looked up.
    let stays_flat = flat && was_flat && changes.values().all(Option::is_some);
    let mut members: Members = changes.into_iter().map(|(key, put)| (key, put.map(Member::from))).collect();
    for level in 0.. {
        let rows = Level { store, tree: id, level };
        let whole = level == 0 && (flat || was_flat);
        let outcome = Recut { rows, flat, whole, rank_of: (whole && !stays_flat).then_some(rank_of) }.run(members)?;
        outcome.write(rows, batch, &mut dead, &mut added);
        let nodes = outcome.count(old.levels.get(usize::from(level)).copied().unwrap_or(0));
        if level == 0 {
            tree.links = outcome.links(old.links);
        }
        tree.levels.truncate(usize::from(level));
        tree.levels.push(nodes);
        if nodes <= 1 {
            remove_above(old, rows, batch, &mut dead)?;
            (tree.root, tree.size) = root(rows, &outcome, nodes)?;
            break;
        }
        let above_is_new = old.levels.len() <= usize::from(level) + 1;
        let kept = if above_is_new { rows.all()? } else { Vec::new() };
        members = outcome.members_above(&kept);
    }
    Ok(Updated { tree, dead, added })
}

/// Whether the tree is one flat directory after the changes. Exact, but counts only when it is near the limit.
fn will_be_flat(store: &dyn Store, id: TreeId, old: &Tree, changes: &Changes) -> Result<bool, StoreError> {
    let most_before = (1 + limits::LINKS as u64) * changes.len() as u64;
    let after: u64 = changes.values().flatten().map(|ranked| ranked.item.links() as u64).sum();
    if old.links + after > FLAT + most_before {
        return Ok(false);
    }
    let leaves = Level { store, tree: id, level: 0 };
    let mut leaf: Option<Vec<Item>> = None;
    let mut before = 0;
    for key in changes.keys().filter(|_| old.root.is_some()) {
        // The keys come in order, and a tree that is or was flat has one leaf: it is loaded once.
        if leaf.is_none() || old.levels.first() != Some(&1) {
            leaf = leaves.covering(key)?.map(|row| load_leaf(store, id, row)).transpose()?;
        }
        let items = leaf.as_deref().unwrap_or_default();
        if let Ok(at) = items.binary_search_by(|item| item.key.as_str().cmp(key)) {
            before += items[at].links() as u64;
        }
    }
    Ok(old.links + after - before <= FLAT)
}

fn load_leaf(store: &dyn Store, id: TreeId, row: Row) -> Result<Vec<Item>, StoreError> {
    match load(store, id.kind(), &row.cid)? {
        Node::Leaf(items) => Ok(items),
        Node::Inner(_) => Err(damaged("a leaf of a folder is not one")),
    }
}

/// The root and what is below it, once a level has only one node.
fn root(top: Level<'_>, outcome: &Outcome, nodes: u64) -> Result<(Option<Cid>, u64), StoreError> {
    if nodes == 0 {
        return Ok((None, 0));
    }
    if let Some(row) = outcome.only_added() {
        return Ok((Some(row.cid), row.size));
    }
    // Nothing came to this level. Its one row is as it was; if there were others, they went.
    let mut row = top.after(None)?;
    while let Some(gone) = row.take_if(|row| outcome.took_away(&row.first)) {
        row = top.after(Some(&gone.first))?;
    }
    let row = row.ok_or_else(|| damaged("a tree without a root"))?;
    Ok((Some(row.cid), row.size))
}

/// Takes away the old levels above the one that is the root now.
fn remove_above(old: &Tree, top: Level<'_>, batch: &mut Batch, dead: &mut Vec<Dead>) -> Result<(), StoreError> {
    for level in usize::from(top.level) + 1..old.levels.len() {
        let rows = Level { level: level as u8, ..top };
        for row in rows.all()? {
            batch.delete(Table::Index, rows.key(&row.first));
            dead.push(Dead { cid: row.cid, level: rows.level, first: row.first });
        }
    }
    Ok(())
}

/// Whether a node that left the tree came back meanwhile, as the same block in the same place. One point look-up.
///
/// It can: a flat directory becomes the first leaf of the tree that replaces it.
pub(crate) fn is_back(store: &dyn Store, id: TreeId, dead: &Dead) -> Result<bool, StoreError> {
    let row = Level { store, tree: id, level: dead.level }.at(&dead.first)?;
    Ok(row.is_some_and(|row| row.cid == dead.cid))
}

/// Whether the tree lists an item of this name.
pub(crate) fn lists(store: &dyn Store, id: TreeId, key: &str) -> Result<bool, StoreError> {
    let Some(row) = (Level { store, tree: id, level: 0 }).covering(key)? else { return Ok(false) };
    Ok(match load(store, id.kind(), &row.cid)? {
        Node::Leaf(items) => items.binary_search_by(|item| item.key.as_str().cmp(key)).is_ok(),
        Node::Inner(_) => false,
    })
}
