//! The incremental tree against a model that builds it from scratch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::node::{Child, Encoded, File, Item, Kind, Node, decode, encode_inner, encode_leaf};
use super::shape::{Cutter, FLAT, rank};
use super::tree::{Changes, Ranked, Tree, update};
use super::{TreeId, short};
use crate::content;
use crate::depth::cases;
use crate::entry::EntryId;
use crate::store::{Batch, MemoryStore, Store, Table};
use crate::time::Time;

/// Builds the whole tree from the whole set, level by level: what the incremental one must equal.
fn model(set: &BTreeMap<String, Ranked>) -> Option<cid::Cid> {
    let flat = set.values().map(|ranked| ranked.item.links() as u64).sum::<u64>() <= FLAT;
    let mut cutter = Cutter::new(0, flat);
    let mut level: Vec<(Child, u8)> = Vec::new();
    let mut open: Vec<Item> = Vec::new();
    let mut last = 0;
    let close = |open: &mut Vec<Item>, last: u8, level: &mut Vec<(Child, u8)>| {
        if let Some(first) = open.first().map(|item| item.key.clone()) {
            let Encoded { cid, size, .. } = encode_leaf(open);
            level.push((Child { first, cid, size }, last));
            open.clear();
        }
    };
    for ranked in set.values() {
        open.push(ranked.item.clone());
        last = ranked.rank;
        if cutter.ends_after(ranked.item.links(), ranked.rank) {
            close(&mut open, last, &mut level);
        }
    }
    close(&mut open, last, &mut level);
    for height in 1.. {
        if level.len() <= 1 {
            break;
        }
        let mut cutter = Cutter::new(height, false);
        let mut above = Vec::new();
        let mut open: Vec<Child> = Vec::new();
        let count = level.len();
        for (at, (child, rank)) in level.into_iter().enumerate() {
            open.push(child);
            if cutter.ends_after(1, rank) || at + 1 == count {
                let Encoded { cid, size, .. } = encode_inner(&open);
                above.push((Child { first: open[0].first.clone(), cid, size }, rank));
                open.clear();
            }
        }
        level = above;
    }
    level.first().map(|(child, _)| child.cid)
}

fn item(seed: u64, zeros: u8, files: usize) -> Ranked {
    let mut id = content::sha256(&seed.to_be_bytes());
    for byte in id.iter_mut().rev().take(usize::from(zeros)) {
        *byte = 0;
    }
    let key = short(Time::from_millis(1_700_000_000_000 + seed % 5000 * 977), &EntryId::from_bytes(id));
    let cid = content::raw_cid(&seed.to_be_bytes());
    let files = (0..files).map(|n| File { name: format!("{n:02}.png"), cid, size: 5 }).collect();
    Ranked { item: Item { key, cid, size: 100 + seed % 7, files }, rank: rank(&id) }
}

/// What happens to a folder that is now flat and now a tree of many levels.
#[derive(Debug, Clone)]
enum Step {
    /// Items by seed, with their ranks and the number of their files.
    Add(Vec<(u64, u8, usize)>),
    /// So many neighbours.
    Remove(prop::sample::Index, usize),
}

struct World {
    store: MemoryStore,
    tree: Tree,
    set: BTreeMap<String, Ranked>,
}

impl World {
    fn new() -> Self {
        World { store: MemoryStore::new(), tree: Tree::default(), set: BTreeMap::new() }
    }

    fn apply(&mut self, changes: Changes) {
        let set = self.set.clone();
        let rank_of = |key: &str| Ok(set[key].rank);
        for (key, put) in &changes {
            match put {
                Some(ranked) => self.set.insert(key.clone(), ranked.clone()),
                None => self.set.remove(key),
            };
        }
        let mut batch = Batch::new();
        let updated = update(&self.store, TreeId(1), &self.tree, changes, &rank_of, &mut batch).unwrap();
        self.tree = updated.tree;
        for dead in updated.dead {
            batch.delete(Table::Nodes, dead.cid.hash().digest());
        }
        self.store.commit(batch).unwrap();
        assert_eq!(self.tree.root, model(&self.set));
        let links: u64 = self.set.values().map(|ranked| ranked.item.links() as u64).sum();
        assert_eq!(self.tree.links, links);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(items) => {
                self.add(items.into_iter().map(|(seed, rank, files)| Ranked { rank, ..item(seed, 0, files) }))
            }
            Step::Remove(_, _) if self.set.is_empty() => {}
            Step::Remove(from, count) => {
                let from = from.index(self.set.len());
                self.apply(self.set.keys().skip(from).take(count).map(|key| (key.clone(), None)).collect());
            }
        }
    }

    fn add(&mut self, items: impl IntoIterator<Item = Ranked>) {
        self.apply(items.into_iter().map(|ranked| (ranked.item.key.clone(), Some(ranked))).collect());
    }
}

#[test]
fn a_folder_that_grows_one_by_one_is_the_one_built_at_once() {
    let mut world = World::new();
    for seed in 0..700 {
        world.add([item(seed, 0, 0)]);
    }
}

#[test]
fn a_bulk_behind_a_closed_node_keeps_that_node() {
    // The flat directory ends with an item that closes it: as a leaf it does not change when a level comes to stand above it.
    let mut world = World::new();
    world.add((0..64).map(|seed| Ranked { rank: u8::from(seed == 63), ..item(seed, 0, 0) }));
    for start in [64, 2_000, 2_001, 20_000] {
        world.add((start..start + 1_000).map(|seed| item(seed, 0, 0)));
    }
}

#[test]
fn a_level_of_one_node_that_stays_gives_the_same_root() {
    let mut world = World::new();
    world.add((0..3_000).map(|seed| item(seed, 0, 0)));
    let again: Vec<Ranked> = (0..10).map(|seed| item(seed, 0, 0)).collect();
    let root = world.tree.root;
    world.add(again);
    assert_eq!(world.tree.root, root);
}

#[test]
fn a_level_whose_first_node_goes_leaves_the_other_as_the_root() {
    // The first one closes a node on every level; nothing else does, so that all above the leaves goes with it.
    let mut world = World::new();
    let mut items: Vec<Ranked> = (0..100).map(|seed| Ranked { rank: 0, ..item(seed, 0, 0) }).collect();
    items.sort_by(|a, b| a.item.key.cmp(&b.item.key));
    items[0].rank = 7;
    items[1].rank = 1;
    let first = items[0].item.key.clone();
    world.add(items);
    world.apply([(first, None)].into());
}

/// Items one after the other in time, with these ranks at these places and 0 elsewhere.
fn in_order(count: u64, ranks: &[(u64, u8)]) -> Vec<Ranked> {
    let rank_at = |at| ranks.iter().find(|(place, _)| *place == at).map_or(0, |(_, rank)| *rank);
    (0..count).map(|at| Ranked { rank: rank_at(at), ..item(at, 0, 0) }).collect()
}

#[test]
fn items_that_are_put_again_do_not_make_a_flat_folder_a_tree() {
    let mut world = World::new();
    world.add(in_order(40, &[(20, 1)]));
    world.add(in_order(40, &[(20, 1)]));
    assert_eq!(world.tree.levels, [1]);
}

#[test]
fn what_stood_before_the_last_item_closes_a_node_when_the_flat_folder_becomes_a_tree() {
    let mut world = World::new();
    let mut items = in_order(100, &[(38, 1)]);
    let later = items.split_off(40);
    let last = items[39].item.key.clone();
    world.add(items);
    world.apply([(last, None)].into());
    world.add(later);
}

#[test]
fn a_tree_that_was_flat_meanwhile_lists_nothing_of_before() {
    let mut world = World::new();
    let items = in_order(120, &[(50, 1), (90, 1)]);
    world.add(items.clone());
    world.apply(items[40..].iter().map(|ranked| (ranked.item.key.clone(), None)).collect());
    assert_eq!(world.tree.levels, [1]);
    world.add(in_order(200, &[(150, 1)]).split_off(120));
    world.add(items[40..50].iter().cloned());
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn any_order_and_grouping_of_arrivals_gives_the_folder_of_the_set(
        steps in prop::collection::vec(
            prop::collection::vec((0u64..6_000, prop::sample::select(vec![0u8, 0, 0, 0, 0, 1, 2, 4]), 0usize..3), 1..160),
            1..12,
        ),
        removals in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut world = World::new();
        for step in steps {
            world.add(step.into_iter().map(|(seed, zeros, files)| item(seed, zeros, files)));
        }
        // Renames and redactions replace and remove.
        let keys: Vec<String> = world.set.keys().cloned().collect();
        for index in removals {
            let key = keys[index.index(keys.len())].clone();
            if world.set.len() > 1 {
                world.apply([(key, None)].into());
            }
        }
    }

    #[test]
    fn a_folder_that_shrinks_and_grows_again_is_that_of_its_set(
        steps in prop::collection::vec(
            prop_oneof![
                3 => prop::collection::vec((0u64..200, prop::sample::select(vec![0u8, 0, 0, 0, 0, 1, 1, 2, 7]), 0usize..3), 1..30)
                    .prop_map(Step::Add),
                2 => (any::<prop::sample::Index>(), 1usize..60).prop_map(|(from, count)| Step::Remove(from, count)),
            ],
            1..24,
        ),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn a_node_reads_back_and_garbage_does_not_panic(
        seeds in prop::collection::btree_set(0u64..100_000, 1..80), flip in any::<prop::sample::Index>(), byte: u8,
    ) {
        let mut items: Vec<Item> = seeds.into_iter().map(|seed| item(seed, 0, (seed % 3) as usize).item).collect();
        items.sort_by(|a, b| a.key.cmp(&b.key));
        let encoded = encode_leaf(&items);
        prop_assert_eq!(decode(Kind::Topic, &encoded.bytes.clone().into()), Ok(Node::Leaf(items)));
        let mut broken = encoded.bytes;
        let at = flip.index(broken.len());
        broken[at] = byte;
        let _ = decode(Kind::Topic, &broken.into());
    }
}
