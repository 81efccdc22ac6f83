//! Every store does what an ordered map does: the same operations on each, compared with a `BTreeMap`.
#![cfg(feature = "rocksdb")]

#[path = "support/depth.rs"]
mod depth;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicBool, Ordering};

use depth::cases;
use proptest::prelude::*;
use tidings_ledger::store::{
    Batch, Change, Direction, Durability, KeyRange, MemoryStore, RocksOptions, RocksStore, Store, Table,
};

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(Table, Vec<u8>, Option<Vec<u8>>)>),
    Get(Table, Vec<u8>),
    Scan { table: Table, from: Bound<Vec<u8>>, to: Bound<Vec<u8>>, direction: Direction, limit: usize },
    Compact,
    Reopen,
}

/// Few tables and few short keys, so that they meet; with the bytes at which orders and bounds go wrong.
fn tables() -> impl Strategy<Value = Table> {
    prop::sample::select(vec![Table::Meta, Table::Entries, Table::Ids, Table::Blocks])
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0u8, 1, 0x7f, 0x80, 0xff]), 0..4)
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    // Long values go into blob files in the table of blocks.
    prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..20), 1 => any::<u8>().prop_map(|byte| vec![byte; 40_000])]
}

fn bounds() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Bound::Unbounded), keys().prop_map(Bound::Included), keys().prop_map(Bound::Excluded)]
}

fn steps() -> impl Strategy<Value = Step> {
    let change = (tables(), keys(), prop::option::weighted(0.7, values()));
    let direction = prop::sample::select(vec![Direction::Forward, Direction::Backward]);
    prop_oneof![
        8 => prop::collection::vec(change, 0..8).prop_map(Step::Commit),
        4 => (tables(), keys()).prop_map(|(table, key)| Step::Get(table, key)),
        8 => (tables(), bounds(), bounds(), direction, 1usize..30)
            .prop_map(|(table, from, to, direction, limit)| Step::Scan { table, from, to, direction, limit }),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

fn batch_of(changes: &[(Table, Vec<u8>, Option<Vec<u8>>)]) -> Batch {
    let mut batch = Batch::new();
    for (table, key, value) in changes {
        match value {
            Some(value) => batch.put(*table, key.clone(), value.clone()),
            None => batch.delete(*table, key.clone()),
        }
    }
    batch
}

fn apply(model: &mut Model, batch: &Batch) {
    for change in batch.changes() {
        match change {
            Change::Put(table, key, value) => model.insert((*table, key.clone()), value.clone()),
            Change::Delete(table, key) => model.remove(&(*table, key.clone())),
        };
    }
}

fn scan(store: &dyn Store, table: Table, range: KeyRange<'_>, direction: Direction, limit: usize) -> Pairs {
    let mut found = Pairs::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.scan(table, range, direction, &mut visit).unwrap();
    found
}

fn model_scan(model: &Model, table: Table, range: KeyRange<'_>, direction: Direction, limit: usize) -> Pairs {
    let within = |key: &[u8]| {
        let after = match range.from {
            Bound::Unbounded => true,
            Bound::Included(from) => key >= from,
            Bound::Excluded(from) => key > from,
        };
        after
            && match range.to {
                Bound::Unbounded => true,
                Bound::Included(to) => key <= to,
                Bound::Excluded(to) => key < to,
            }
    };
    let mut found: Pairs = model
        .iter()
        .filter(|((in_table, key), _)| *in_table == table && within(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if direction == Direction::Backward {
        found.reverse();
    }
    found.truncate(limit);
    found
}

/// Takes one step on the store and the model; `Compact` and `Reopen` are the caller's.
fn step(store: &dyn Store, model: &mut Model, step: &Step) -> Result<(), TestCaseError> {
    match step {
        Step::Commit(changes) => {
            let batch = batch_of(changes);
            apply(model, &batch);
            store.commit(batch).unwrap();
        }
        Step::Get(table, key) => {
            prop_assert_eq!(store.get(*table, key).unwrap(), model.get(&(*table, key.clone())).cloned());
        }
        Step::Scan { table, from, to, direction, limit } => {
            let range = KeyRange { from: from.as_ref().map(Vec::as_slice), to: to.as_ref().map(Vec::as_slice) };
            let expected = model_scan(model, *table, range, *direction, *limit);
            prop_assert_eq!(scan(store, *table, range, *direction, *limit), expected);
        }
        Step::Compact | Step::Reopen => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..cases(256) })]

    #[test]
    fn the_memory_store_is_an_ordered_map(steps in prop::collection::vec(steps(), 0..60)) {
        let store = MemoryStore::new();
        let mut model = Model::new();
        for next in &steps {
            step(&store, &mut model, next)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 50, ..cases(24) })]

    #[test]
    fn the_rocks_store_is_an_ordered_map_that_survives_being_closed(
        steps in prop::collection::vec(steps(), 0..60), fsync in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = RocksOptions::durable(if fsync { Durability::Fsync } else { Durability::Wal });
        let mut store = RocksStore::open(folder.path(), options.clone()).unwrap();
        let mut model = Model::new();
        for next in &steps {
            match next {
                Step::Compact => store.compact().unwrap(),
                Step::Reopen => {
                    drop(store);
                    store = RocksStore::open(folder.path(), options.clone()).unwrap();
                }
                other => step(&store, &mut model, other)?,
            }
        }
    }
}

#[test]
fn a_scan_never_sees_a_part_of_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    never_a_part(&MemoryStore::new());
    never_a_part(&RocksStore::open(folder.path(), RocksOptions::default()).unwrap());
}

/// One thread writes the same number under ten keys at a time; every scan must find ten equal numbers.
fn never_a_part(store: &dyn Store) {
    let round = |number: u32| {
        let mut batch = Batch::new();
        for key in 0..10u8 {
            batch.put(Table::Notes, [key], number.to_be_bytes());
        }
        batch
    };
    store.commit(round(0)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=2000 {
                store.commit(round(number)).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let all = KeyRange { from: Bound::Unbounded, to: Bound::Unbounded };
        let mut last = Vec::new();
        while !done.load(Ordering::Acquire) {
            let found = scan(store, Table::Notes, all, Direction::Forward, 100);
            assert_eq!(found.len(), 10);
            assert!(found.iter().all(|(_, value)| *value == found[0].1), "{found:?}");
            assert!(found[0].1 >= last, "a scan went back in time");
            last.clone_from(&found[0].1);
        }
    });
}

#[test]
fn the_size_grows_with_what_is_stored_and_shrinks_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = RocksStore::open(folder.path(), RocksOptions::default()).unwrap();
    let empty = store.size().unwrap();
    let (mut puts, mut deletes) = (Batch::new(), Batch::new());
    let mut noise = 1u32;
    for key in 0..1000u32 {
        let value: Vec<u8> = (0..1000)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        puts.put(Table::Entries, key.to_be_bytes(), value);
        deletes.delete(Table::Entries, key.to_be_bytes());
    }
    store.commit(puts).unwrap();
    store.compact().unwrap();
    let full = store.size().unwrap();
    assert!(full > empty + 900_000, "{empty} bytes, then {full}");
    store.commit(deletes).unwrap();
    store.compact().unwrap();
    let less = store.size().unwrap();
    assert!(less < full / 2, "{full} bytes, then {less}");
}
