//! Blocks from a daemon that is not to be trusted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use multihash::Multihash;
use sha2::{Digest, Sha256};
use tidings_ledger::transport::{Fetch, FetchError, Fetched, Want};
use tidings_transport_kubo::KuboTransport;

use crate::daemon::{Nothing, Played, eventually};

fn raw(bytes: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(bytes)).expect("it fits"))
}

async fn fetch(transport: &KuboTransport, cids: &[Cid]) -> Vec<Fetched> {
    let want = Want { cids: cids.to_vec(), ask_first: Vec::new(), patience: Duration::from_secs(2) };
    transport.fetch(want).collect::<Vec<_>>().await.concat()
}

fn result<'a>(answers: &'a [Fetched], cid: &Cid) -> &'a Result<tidings_ledger::transport::Block, FetchError> {
    let found: Vec<_> = answers.iter().filter(|answer| answer.cid == *cid).collect();
    assert_eq!(found.len(), 1, "each CID is answered once");
    &found[0].result
}

#[tokio::test]
async fn wrong_bytes_for_a_cid_are_never_handed_on() {
    let played = Played::new().await;
    let (good, bad) = (Bytes::from_static(b"good"), Bytes::from_static(b"bad"));
    played.stage.lock().blocks.extend([(raw(&good), good.clone()), (raw(b"another"), bad)]);
    let transport = played.transport(Arc::new(Nothing)).await;
    let answers = fetch(&transport, &[raw(&good), raw(b"another")]).await;
    assert_eq!(result(&answers, &raw(&good)).as_ref().expect("a block").bytes, good);
    assert_eq!(result(&answers, &raw(b"another")).as_ref().err(), Some(&FetchError::NotFound));
    assert!(transport.status().counters.blocks_wrong >= 1);
}

#[tokio::test]
async fn blocks_that_nobody_has_do_not_hold_up_those_that_somebody_has() {
    let played = Played::new().await;
    let blocks: Vec<Bytes> = (0..500u32).map(|n| Bytes::from(n.to_le_bytes().to_vec())).collect();
    let cids: Vec<Cid> = blocks.iter().map(|bytes| raw(bytes)).collect();
    let missing: Vec<Cid> = (0..50u8).map(|n| raw(&[n])).collect();
    played.stage.lock().blocks.extend(cids.iter().copied().zip(blocks));
    let transport = played.transport(Arc::new(Nothing)).await;
    let answers = fetch(&transport, &[missing.clone(), cids.clone()].concat()).await;
    assert_eq!(answers.len(), 550);
    assert!(cids.iter().all(|cid| result(&answers, cid).is_ok()));
    assert!(missing.iter().all(|cid| result(&answers, cid).as_ref().err() == Some(&FetchError::NotFound)));
}

#[tokio::test]
async fn a_block_larger_than_any_is_refused() {
    let played = Played::new().await;
    let large = Bytes::from(vec![1; 3 << 20]);
    played.stage.lock().blocks.insert(raw(&large), large.clone());
    let transport = played.transport(Arc::new(Nothing)).await;
    let answers = fetch(&transport, &[raw(&large)]).await;
    assert_eq!(result(&answers, &raw(&large)).as_ref().err(), Some(&FetchError::TooLarge));
}

#[tokio::test]
async fn a_fetch_ends_in_time_though_the_daemon_stalls_or_is_not_there() {
    let played = Played::new().await;
    played.stage.lock().stall.insert("block/get");
    let transport = played.transport(Arc::new(Nothing)).await;
    eventually("it is up", || transport.status().daemon.up).await;
    let answers = fetch(&transport, &[raw(b"x"), raw(b"y")]).await;
    assert_eq!(answers.len(), 2);
    played.stage.lock().stall.insert("id");
    eventually("it is lost", || !transport.status().daemon.up).await;
    assert_eq!(fetch(&transport, &[raw(b"x"), raw(b"y")]).await.len(), 2);
}

#[tokio::test]
async fn another_server_at_the_address_is_not_taken_for_a_daemon() {
    let played = Played::new().await;
    for text in ["<html>hello</html>", r#"{"ID":"../../x"}"#, "{}"] {
        played.stage.lock().id = Some(text);
        let transport = played.transport(Arc::new(Nothing)).await;
        eventually("it says what is wrong", || transport.status().daemon.error.is_some()).await;
        assert!(!transport.status().daemon.up);
    }
}
