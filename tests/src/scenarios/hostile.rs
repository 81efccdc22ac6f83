//! What others can do wrong, and what it may cost: a bounded fetch, never anything that is held or shown.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use ipld_dagpb::{PbLink, PbNode};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::content::{node_cid, raw_cid};
use tidings_ledger::store::{MemoryStore, Store};
use tidings_ledger::transport::{Blocks, Channel, Demerit};
use tidings_ledger::{Library, Time, TopicName};

use super::{Scenario, Stage, info, room};
use crate::network::{Kind, Network, Node, Skill};
use crate::oracle::FarFuture;

const NEEDS: &[Skill] = &[Skill::Stranger, Skill::Counters];

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "junk_on_a_channel_changes_nothing", needs: NEEDS, run: junk },
    Scenario { name: "a_root_that_nobody_serves_is_held_against_its_announcer", needs: NEEDS, run: withheld_root },
    Scenario { name: "withheld_files_are_not_asked_for_without_end", needs: NEEDS, run: withheld_files },
    Scenario { name: "a_tree_of_lies_costs_a_bounded_fetch", needs: NEEDS, run: tree_of_lies },
    Scenario { name: "a_leaf_that_lists_one_file_twice_does_not_stop_the_topic", needs: NEEDS, run: same_file_twice },
    Scenario { name: "an_entry_of_another_topic_does_not_come_in", needs: NEEDS, run: wrong_topic },
];

/// A UnixFS directory with these links.
fn directory(links: Vec<(String, Cid, u64)>) -> (Cid, Bytes) {
    let links = links.into_iter().map(|(name, cid, size)| PbLink { cid, name: Some(name), size: Some(size) }).collect();
    let bytes = PbNode { links, data: Some(Bytes::from_static(&[0x08, 0x01])) }.into_bytes();
    (node_cid(&bytes), Bytes::from(bytes))
}

/// An entry's name with these first bytes of the id, as base32 digits.
fn entry_name(at: u64) -> String {
    let digits: String = (0..16)
        .rev()
        .map(|place| b"abcdefghijklmnopqrstuvwxyz234567"[(at >> (5 * place).min(60)) as usize % 32] as char)
        .collect();
    format!("{}-{digits}", Time::from_millis(1_700_000_000_000))
}

/// Two followers with a few entries, and a stranger that both are connected with.
fn with_stranger(stage: &mut Stage<'_>, topic: &TopicName) -> (Vec<Node>, Node) {
    let nodes = stage.followers(2, topic);
    let stranger = stage.net.add(Kind::Stranger);
    for node in &nodes {
        stage.net.connect(*node, stranger);
    }
    stage.posts(nodes[0], topic, 1, 5);
    stage.converge(&nodes, topic);
    (nodes, stranger)
}

fn announce(stage: &mut Stage<'_>, stranger: Node, topic: &TopicName, folder: Cid) {
    let announcement =
        Announcement { topic: topic.id(), folder, count: u64::MAX, newest: Time::MAX, inline: Vec::new() };
    stage.net.publish(stranger, Channel::new(topic.id()), announcement.encode().into());
}

/// Nothing came of it: the set is as it was, and the topic still works.
fn still_sound(stage: &mut Stage<'_>, nodes: &[Node], topic: &TopicName) {
    stage.oracle.check(&stage.ledgers(nodes), topic);
    stage.posts(nodes[1], topic, 2, 3);
    stage.converge(nodes, topic);
}

fn junk(net: &mut dyn Network) {
    let (topic, mut stage) = (room("junk"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    let mut rng = fastrand::Rng::with_seed(1);
    for len in [0, 1, 2, 60, 112, 1000, 60_000] {
        let message: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
        stage.net.publish(stranger, Channel::new(topic.id()), message.into());
    }
    let other = Announcement {
        topic: room("another").id(),
        folder: node_cid(b"x"),
        count: 1,
        newest: Time::default(),
        inline: Vec::new(),
    };
    stage.net.publish(stranger, Channel::new(topic.id()), other.encode().into());
    let bad = |stage: &Stage<'_>| {
        let demerits = stage.net.demerits(nodes[0]);
        demerits.iter().filter(|(_, why)| *why == Demerit::BadAnnouncement).count()
    };
    for _ in 0..60 {
        stage.net.run_for(Duration::from_secs(5));
        if bad(&stage) >= 3 {
            break;
        }
    }
    // A transport may stop listening to such a peer before it has said all.
    assert!(bad(&stage) >= 3, "{} of eight pieces of junk were noticed", bad(&stage));
    still_sound(&mut stage, &nodes, &topic);
}

fn withheld_root(net: &mut dyn Network) {
    let (topic, mut stage) = (room("withheld-root"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    let before = stage.net.wanted(nodes[0]);
    for _ in 0..60 {
        announce(&mut stage, stranger, &topic, node_cid(b"nobody has this"));
        stage.net.run_for(Duration::from_secs(2));
    }
    let wanted = stage.net.wanted(nodes[0]) - before;
    assert!((1..=5).contains(&wanted), "asked {wanted} times in two minutes for a root that nobody has");
    assert!(stage.net.demerits(nodes[0]).iter().any(|(_, why)| *why == Demerit::Withheld));
    still_sound(&mut stage, &nodes, &topic);
}

fn withheld_files(net: &mut dyn Network) {
    let (topic, mut stage) = (room("withheld-files"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    let links = (0..60).map(|at| (entry_name(at), raw_cid(&at.to_be_bytes()), 300)).collect();
    let (root, block) = directory(links);
    stage.net.give(stranger, vec![(root, block)]);
    let before = stage.net.wanted(nodes[0]);
    for _ in 0..60 {
        announce(&mut stage, stranger, &topic, root);
        stage.net.run_for(Duration::from_secs(2));
    }
    let wanted = stage.net.wanted(nodes[0]) - before;
    assert!((61..=5 * 61).contains(&wanted), "asked for {wanted} blocks in two minutes");
    assert!(stage.net.demerits(nodes[0]).iter().any(|(_, why)| *why == Demerit::Withheld));
    still_sound(&mut stage, &nodes, &topic);
}

fn tree_of_lies(net: &mut dyn Network) {
    let (topic, mut stage) = (room("lies"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    // 60 × 60 nodes whose leaves name 200 junk files each: 720,000 names, if somebody were to follow them all.
    let junk: Vec<(Cid, Bytes)> =
        (0..200u64).map(|at| Bytes::from(vec![at as u8; 300])).map(|bytes| (raw_cid(&bytes), bytes)).collect();
    let mut blocks = junk.clone();
    let mut middle = Vec::new();
    for upper in 0..60u64 {
        let mut children = Vec::new();
        for lower in 0..60u64 {
            let first = (upper * 60 + lower) * 200;
            let links = junk
                .iter()
                .enumerate()
                .map(|(at, (cid, bytes))| (entry_name(first + at as u64), *cid, bytes.len() as u64));
            let (leaf, block) = directory(links.collect());
            children.push((format!("from-{}", entry_name(first)), leaf, 1));
            blocks.push((leaf, block));
        }
        let (node, block) = directory(children);
        middle.push((format!("from-{}", entry_name(upper * 12_000)), node, 1));
        blocks.push((node, block));
    }
    let (root, block) = directory(middle);
    blocks.push((root, block));
    stage.net.give(stranger, blocks);
    let before = stage.net.wanted(nodes[0]);
    for _ in 0..30 {
        announce(&mut stage, stranger, &topic, root);
        stage.net.run_for(Duration::from_secs(2));
    }
    let wanted = stage.net.wanted(nodes[0]) - before;
    assert!(wanted > 0 && wanted < 4_000, "one lie, told for a minute, cost {wanted} blocks");
    let bad = [Demerit::BadEntry, Demerit::BadFolder];
    assert!(stage.net.demerits(nodes[0]).iter().any(|(_, why)| bad.contains(why)));
    still_sound(&mut stage, &nodes, &topic);
}

fn same_file_twice(net: &mut dyn Network) {
    let (topic, mut stage) = (room("twice"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    let junk = Bytes::from_static(b"not an entry");
    let file = raw_cid(&junk);
    // Many leaves, so that it takes many requests; each that waits for two answers where there is one would stay open.
    let mut leaves = Vec::new();
    for leaf in 0..40u64 {
        let links = (0..250).map(|at| (entry_name(leaf * 1000 + at), file, junk.len() as u64)).collect();
        let (cid, block) = directory(links);
        stage.net.give(stranger, vec![(cid, block)]);
        leaves.push((format!("from-{}", entry_name(leaf * 1000)), cid, 1));
    }
    let (root, block) = directory(leaves);
    stage.net.give(stranger, vec![(root, block), (file, junk)]);
    announce(&mut stage, stranger, &topic, root);
    stage.net.run_for(Duration::from_secs(5));
    // Whoever is stuck in that pull cannot pull this, which is too much for one announcement.
    stage.posts(nodes[1], &topic, 2, 50);
    stage.converge(&nodes, &topic);
    for node in &nodes {
        let pulling = stage.net.ledger(*node).status().expect("the store reads").pulling;
        assert_eq!(pulling, 0, "a pull has not ended");
    }
}

fn wrong_topic(net: &mut dyn Network) {
    let (topic, other, mut stage) = (room("right"), room("wrong"), Stage::new(net));
    let (nodes, stranger) = with_stranger(&mut stage, &topic);
    // A true folder of another topic, announced as this one's.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let elsewhere = stage.net.add(Kind::Follower);
    let entries: Vec<_> = (0..40)
        .map(|at| {
            stage.net.append(elsewhere, &other, &super::key(7), tidings_ledger::Draft::new("post", at.to_string()))
        })
        .collect();
    let ledger =
        tidings_ledger::Ledger::offline(store.clone(), Arc::new(FarFuture), Default::default()).expect("memory opens");
    ledger.submit(entries.iter().map(|entry| entry.to_file().into()).collect()).expect("memory takes it");
    ledger.flush().expect("memory takes it");
    let root = info(&ledger, &other).cid.expect("there are entries");
    let library = Library::new(store);
    let mut blocks: Vec<(Cid, Bytes)> =
        entries.iter().map(|entry| (entry.file_cid(), entry.to_file().into())).collect();
    blocks.push((root, library.get(&root).expect("memory reads").expect("the root is there")));
    stage.net.give(stranger, blocks);
    announce(&mut stage, stranger, &topic, root);
    stage.net.run_for(Duration::from_secs(30));
    for node in &nodes {
        let ledger = stage.net.ledger(*node);
        assert_eq!(info(&ledger, &other).entries, 0);
        assert!(ledger.entry(&entries[0].id()).expect("the store reads").is_none());
    }
    still_sound(&mut stage, &nodes, &topic);
}
