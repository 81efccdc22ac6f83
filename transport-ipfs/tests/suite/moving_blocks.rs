//! Blocks: from whom, how large, and how many at a time.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::{AsyncReadExt, StreamExt};
use multihash::Multihash;
use tidings_ledger::transport::{Demerit, Fetch, FetchError, Want};

use crate::hostile::{Hostile, blocks_message, have_message, wants_message};
use crate::support::{TestNode, blocks, plain, raw_cid, want, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_blocks_come_in_groups_not_one_by_one() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let cids: Vec<_> = blocks(20_000, 400).into_iter().map(|block| a.blocks.put(block)).collect();
    let mut stream = b.transport.fetch(want(cids.clone(), vec![peer]));
    let (mut groups, mut got) = (0, HashSet::new());
    while let Some(group) = within(stream.next()).await {
        groups += 1;
        got.extend(group.into_iter().map(|answer| answer.result.map(|_| answer.cid).expect("served")));
    }
    assert_eq!(got.len(), cids.len());
    assert!(groups < 1000, "{groups} groups for 20,000 blocks");
    let counters = b.transport.status().counters;
    assert_eq!((counters.blocks_duplicate, counters.blocks_unasked), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_up_to_the_cap_pass_and_larger_ones_do_not() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let largest = a.blocks.put(vec![1; 2 * 1024 * 1024]);
    let too_large = a.blocks.put(vec![2; 2 * 1024 * 1024 + 1]);
    let empty = a.blocks.put(Bytes::new());
    let (got, errors) = b
        .fetch(Want { cids: vec![largest, too_large, empty], ask_first: vec![peer], patience: Duration::from_secs(2) })
        .await;
    assert_eq!((got[&largest].len(), got[&empty].len()), (2 * 1024 * 1024, 0));
    assert_eq!(errors.get(&too_large), Some(&FetchError::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_without_hints_asks_whoever_is_connected() {
    let (a, b, c) = (TestNode::start(plain()).await, TestNode::start(plain()).await, TestNode::start(plain()).await);
    c.dial(&a).await;
    c.dial(&b).await;
    let mut cids: Vec<_> = blocks(300, 2000).into_iter().map(|block| a.blocks.put(block)).collect();
    cids.extend((0..300u32).map(|n| b.blocks.put(n.to_be_bytes().repeat(600))));
    let (got, errors) = c.fetch(want(cids, vec![])).await;
    assert_eq!((got.len(), errors.len()), (600, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcer_that_lacks_some_blocks_does_not_end_the_fetch() {
    let (a, b, c) = (TestNode::start(plain()).await, TestNode::start(plain()).await, TestNode::start(plain()).await);
    let first = c.dial(&a).await;
    c.dial(&b).await;
    let data = blocks(500, 300);
    for (n, block) in data.iter().enumerate() {
        if n % 2 == 0 {
            a.blocks.put(block.clone());
        }
        b.blocks.put(block.clone());
    }
    let (got, errors) = c.fetch(want(data.iter().map(|block| raw_cid(block)).collect(), vec![first])).await;
    assert_eq!((got.len(), errors.len()), (500, 0));
    assert_eq!(a.transport.status().counters.blocks_served, 250, "the announcer is asked first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_arrives_after_it_was_asked_for_is_served_without_being_asked_for_again() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    // One small and one large: a peer that was only asked whether it has them sends the first and tells of the second.
    for ask_first in [vec![peer.clone()], vec![]] {
        let data = [Bytes::from(vec![ask_first.len() as u8; 100]), Bytes::from(vec![ask_first.len() as u8; 100_000])];
        let cids: Vec<_> = data.iter().map(|block| raw_cid(block)).collect();
        let patient = Want { cids: cids.clone(), ask_first, patience: Duration::from_secs(20) };
        let late = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            for block in &data {
                a.blocks.put(block.clone());
            }
            a.transport.provide(cids);
        };
        let ((got, errors), ()) = futures::join!(b.fetch(patient), late);
        assert_eq!((got.len(), errors.len()), (2, 0));
    }
    assert_eq!(b.transport.status().counters.blocks_unasked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_out_of_reach_is_not_blamed_for_what_did_not_come() {
    let (a, b, c) = (TestNode::start(plain()).await, TestNode::start(plain()).await, TestNode::start(plain()).await);
    let (near, far) = (b.dial(&a).await, a.dial(&c).await);
    b.transport.demerit(&far, Demerit::Withheld);
    assert_eq!(b.transport.status().counters.demerits, 0, "b never could ask c");
    b.transport.demerit(&near, Demerit::Withheld);
    b.transport.demerit(&far, Demerit::BadEntry);
    assert_eq!(b.transport.status().counters.demerits, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_goes_away_midway_is_replaced() {
    let (a, b, c) = (TestNode::start(plain()).await, TestNode::start(plain()).await, TestNode::start(plain()).await);
    let first = c.dial(&a).await;
    c.dial(&b).await;
    let data = blocks(100, 500_000);
    let cids: Vec<_> = data.iter().map(|block| a.blocks.put(block.clone())).collect();
    for block in data {
        b.blocks.put(block);
    }
    let mut stream = c.transport.fetch(want(cids, vec![first]));
    let mut got = within(stream.next()).await.expect("the first group").len();
    within(a.transport.shutdown()).await;
    while let Some(group) = within(stream.next()).await {
        got += group.iter().filter(|answer| answer.result.is_ok()).count();
    }
    assert_eq!(got, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_does_not_fill_the_memory() {
    let mut config = plain();
    config.bitswap.window_bytes = 4 * 1024 * 1024;
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(config).await);
    let peer = b.dial(&a).await;
    let cids: Vec<_> = blocks(100, 1024 * 1024).into_iter().map(|block| a.blocks.put(block)).collect();
    let mut stream = b.transport.fetch(Want { cids, ask_first: vec![peer], patience: Duration::from_secs(20) });
    let mut got = within(stream.next()).await.expect("the first group").len();
    // As long as more keeps coming, it is not at rest.
    let mut before = 0;
    within(async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let received = b.transport.status().counters.block_bytes_received;
            if received == before {
                break;
            }
            before = received;
        }
    })
    .await;
    assert!(before <= 72 * 1024 * 1024, "{before} bytes wait to be read");
    while let Some(group) = within(stream.next()).await {
        got += group.iter().filter(|answer| answer.result.is_ok()).count();
    }
    assert_eq!(got, 100, "what was held back comes when it is read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_fetch_is_cancelled_and_others_go_on() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let cids: Vec<_> = blocks(400, 100_000).into_iter().map(|block| a.blocks.put(block)).collect();
    let mut dropped = b.transport.fetch(want(cids.clone(), vec![peer.clone()]));
    within(dropped.next()).await.expect("the first group");
    drop(dropped);
    let (got, errors) = b.fetch(want(cids[200..].to_vec(), vec![peer])).await;
    assert_eq!((got.len(), errors.len()), (200, 0));
    assert_eq!(b.transport.status().counters.blocks_unasked, 0, "late blocks are no offence");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_fetches_of_the_same_block_are_both_answered() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let cids: Vec<_> = blocks(50, 50_000).into_iter().map(|block| a.blocks.put(block)).collect();
    let (one, two) =
        tokio::join!(b.fetch(want(cids.clone(), vec![peer.clone()])), b.fetch(want(cids.clone(), vec![peer.clone()])));
    assert_eq!((one.0.len(), two.0.len()), (50, 50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cids_that_carry_their_block_or_cannot_be_checked_need_no_network() {
    let a = TestNode::start(plain()).await;
    let inline = Cid::new_v1(0x55, Multihash::wrap(0, b"small").expect("short"));
    let blake = Cid::new_v1(0x55, Multihash::wrap(0xb220, &[7; 32]).expect("32 bytes"));
    let (got, errors) = a.fetch(want(vec![inline, blake], vec![])).await;
    assert_eq!(got.get(&inline), Some(&Bytes::from_static(b"small")));
    assert_eq!(errors.get(&blake), Some(&FetchError::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_stored_under_one_version_of_its_cid_is_found_under_the_other() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let raw = raw_cid(b"node");
    let (old, new) = (Cid::new_v0(*raw.hash()).expect("sha2-256"), Cid::new_v1(0x70, *raw.hash()));
    a.blocks.put_lie(new, &b"node"[..]);
    let (got, _) = b.fetch(want(vec![old], vec![peer])).await;
    assert_eq!(got.get(&old), Some(&Bytes::from_static(b"node")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_limit_slows_blocks_and_loses_none() {
    let mut config = plain();
    config.limits.upload = 2_000_000;
    let (a, b) = (TestNode::start(config).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let cids: Vec<_> = blocks(40, 100_000).into_iter().map(|block| a.blocks.put(block)).collect();
    let (got, errors) = b.fetch(want(cids, vec![peer])).await;
    assert_eq!((got.len(), errors.len()), (40, 0));
}

/// A Kubo that took a late answer for a DONT_HAVE asks nobody for the rest until it hears that somebody has something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_of_other_software_that_falls_silent_after_blocks_hears_a_few_times_that_we_are_here() {
    let node = TestNode::start(plain()).await;
    let block = vec![5; 1000];
    let cid = node.blocks.put(block.clone());
    let mut peer = within(Hostile::connect(&node.transport.addresses()[0])).await;
    let _asking = within(peer.send(&wants_message(&[cid]))).await.expect("open");
    // The node ends its stream when there was nothing more to say for some seconds.
    let (mut stream, mut heard) = (within(peer.accept()).await, Vec::new());
    within(stream.read_to_end(&mut heard)).await.expect("it is closed, not reset");
    let expected = [blocks_message(&[block]), have_message(&cid).repeat(4)].concat();
    assert!(heard == expected, "{} bytes were said", heard.len());
}
