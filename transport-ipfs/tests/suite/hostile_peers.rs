//! What a peer can try, and what it gets.

use std::time::Duration;

use crate::hostile::{Hostile, blocks_message, framed, number, wants_message};
use crate::support::{TestNode, blocks, plain, raw_cid, want, within};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::identity::Keypair;
use tidings_ledger::transport::{Event, FetchError, Want};
use tidings_transport_ipfs::CounterSnapshot;

/// Waits until the counters satisfy `enough`.
async fn counted(node: &TestNode, enough: impl Fn(&CounterSnapshot) -> bool) -> CounterSnapshot {
    within(async {
        loop {
            let counters = node.transport.status().counters;
            if enough(&counters) {
                return counters;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

async fn attacked() -> (TestNode, Hostile) {
    let node = TestNode::start(plain()).await;
    let hostile = within(Hostile::connect(&node.transport.addresses()[0])).await;
    (node, hostile)
}

fn impatient(cids: Vec<cid::Cid>, hostile: &Hostile) -> Want {
    Want { cids, ask_first: vec![hostile.peer.clone()], patience: Duration::from_secs(1) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_bytes_are_not_delivered_and_cost_the_sender_its_place() {
    let (mut node, mut hostile) = attacked().await;
    let cids: Vec<_> = blocks(20, 100).iter().map(|block| raw_cid(block)).collect();
    let asked = hostile.peer.clone();
    let liar = async {
        let _wants = hostile.accept().await;
        let lies: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; 64]).collect();
        hostile.send(&blocks_message(&lies)).await
    };
    let (fetched, _stream) = tokio::join!(
        node.fetch(Want { cids: cids.clone(), ask_first: vec![asked.clone()], patience: Duration::from_secs(1) }),
        within(liar)
    );
    assert!(fetched.0.is_empty(), "no lie gets through");
    assert!(cids.iter().all(|cid| fetched.1.get(cid) == Some(&FetchError::NotFound)));
    node.wait(|event| matches!(event, Event::Disconnected { peer } if peer == asked).then_some(())).await;
    let counters = node.transport.status().counters;
    assert_eq!((counters.blocks_unasked, counters.peers_refused), (20, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unasked_blocks_are_dropped_and_end_in_refusal() {
    let (node, hostile) = attacked().await;
    for n in 0..20u32 {
        let block = n.to_be_bytes().repeat(1000);
        if hostile.send(&blocks_message(&[block])).await.is_none() {
            break;
        }
    }
    let counters = counted(&node, |counters| counters.peers_refused == 1).await;
    assert!(counters.blocks_unasked >= 10);
    assert_eq!(counters.blocks_received, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_wantlist_is_cut_and_others_are_served_meanwhile() {
    let mut config = plain();
    config.bitswap.wants_per_peer = 1000;
    let node = TestNode::start(config).await;
    let held: Vec<_> = blocks(200, 100_000).into_iter().map(|block| node.blocks.put(block)).collect();
    let hostile = within(Hostile::connect(&node.transport.addresses()[0])).await;
    // It never reads what it is sent, so the list does not get shorter.
    let mut stream = within(hostile.send(&wants_message(&held))).await.expect("open");
    for round in 0..20u32 {
        let wants: Vec<_> = (0..500u32).map(|n| raw_cid(&(round * 500 + n).to_be_bytes())).collect();
        within(stream.write_all(&wants_message(&wants))).await.expect("the node goes on reading");
        within(stream.flush()).await.expect("the node goes on reading");
    }
    let counters = counted(&node, |counters| counters.wants_dropped >= 1000).await;
    assert!(counters.blocks_served < 200, "a peer that does not read is not sent everything");

    let honest = TestNode::start(plain()).await;
    let peer = honest.dial(&node).await;
    let (got, errors) = honest.fetch(want(held, vec![peer])).await;
    assert_eq!((got.len(), errors.len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_drip_ends_with_the_patience() {
    let (node, mut hostile) = attacked().await;
    let block = vec![7u8; 100_000];
    let cid = raw_cid(&block);
    let want = impatient(vec![cid], &hostile);
    let drip = async {
        let _wants = hostile.accept().await;
        let message = blocks_message(&[block]);
        let mut stream = hostile.open().await.expect("open");
        for byte in message.chunks(16) {
            if stream.write_all(byte).await.and(stream.flush().await).is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (_, errors) = tokio::select! {
        fetched = node.fetch(want) => fetched,
        () = drip => panic!("the fetch outlasted the drip"),
    };
    assert_eq!(errors.get(&cid), Some(&FetchError::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_and_malformed_messages_end_the_stream_and_the_welcome() {
    let (node, hostile) = attacked().await;
    let mut oversized = Vec::new();
    number(4 * 1024 * 1024 + 1, &mut oversized);
    let no_length = vec![0xff; 11];
    let garbage = framed(&[0xff; 40]);
    for bytes in [&oversized, &no_length, &garbage] {
        let mut stream = within(hostile.send(bytes)).await.expect("open");
        let mut rest = Vec::new();
        // The node closes its side, or resets: either way reading ends.
        let _ = within(stream.read_to_end(&mut rest)).await;
    }
    assert_eq!(counted(&node, |counters| counters.bad_messages == 3).await.peers_refused, 0);
    let _ = within(hostile.send(&garbage)).await;
    counted(&node, |counters| counters.peers_refused == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_opens_streams_without_end_gets_no_more_than_its_share() {
    let (node, hostile) = attacked().await;
    let mut kept = Vec::new();
    for _ in 0..60 {
        kept.push(within(hostile.open()).await);
    }
    let counters = counted(&node, |counters| counters.streams_refused > 0).await;
    assert!(counters.streams_refused <= 60 - 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_peer_does_not_come_back_by_dialling_again() {
    let mut node = TestNode::start(plain()).await;
    let (key, address) = (Keypair::generate_ed25519(), node.transport.addresses()[0].clone());
    let hostile = within(Hostile::connect_as(key.clone(), &address)).await;
    let garbage = framed(&[0xff; 40]);
    for _ in 0..4 {
        let _ = within(hostile.send(&garbage)).await;
    }
    let name = hostile.peer.clone();
    node.wait(|event| matches!(event, Event::Disconnected { peer } if peer == name).then_some(())).await;
    let again = within(Hostile::connect_as(key, &address)).await;
    assert!(within(again.open()).await.is_none());
    let stranger = TestNode::start(plain()).await;
    stranger.dial(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lies_about_its_blocks_harms_nobody_else() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let cid = raw_cid(b"the real bytes");
    a.blocks.put_lie(cid, &b"other bytes"[..]);
    let peer = b.dial(&a).await;
    let (got, errors) =
        b.fetch(Want { cids: vec![cid], ask_first: vec![peer], patience: Duration::from_secs(1) }).await;
    assert!(got.is_empty());
    assert_eq!(errors.get(&cid), Some(&FetchError::NotFound));
    assert_eq!(b.transport.status().counters.blocks_unasked, 1);
}
