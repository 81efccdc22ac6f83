//! Two nodes in one process, over loopback.

use crate::support::{TestNode, blocks, channel, plain, raw_cid, want, within};
use bytes::Bytes;
use tidings_ledger::transport::{Broadcast, Event, FetchError, PublishError, Verdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_reaches_a_peer_and_its_blocks_are_fetched() {
    let (mut a, mut b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let topic = channel(1);
    a.transport.join(topic);
    b.transport.join(topic);
    let peer = b.dial(&a).await;
    assert_eq!(peer, a.transport.peer());
    a.wait_subscribed(topic).await;
    b.wait_subscribed(topic).await;

    a.transport.publish(topic, Bytes::from_static(b"news")).expect("taken");
    let (from, id, data) = b
        .wait(|event| match event {
            Event::Message { channel, from, id, data } if channel == topic => Some((from, id, data)),
            _ => None,
        })
        .await;
    assert_eq!((from.clone(), &data[..]), (a.transport.peer(), &b"news"[..]));
    b.transport.judge(id, Verdict::Accept);

    let data = blocks(1000, 400);
    let cids: Vec<_> = data.iter().map(|block| a.blocks.put(block.clone())).collect();
    let (got, errors) = b.fetch(want(cids.clone(), vec![from])).await;
    assert!(errors.is_empty(), "{errors:?}");
    for (cid, block) in cids.iter().zip(&data) {
        assert_eq!(got.get(cid), Some(block));
    }
    assert_eq!(a.transport.status().counters.blocks_served, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_is_reported_and_does_not_hold_up_the_rest() {
    let (a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    let peer = b.dial(&a).await;
    let data = blocks(10, 100);
    let mut cids: Vec<_> = data[..9].iter().map(|block| a.blocks.put(block.clone())).collect();
    let missing = raw_cid(&data[9]);
    cids.insert(4, missing);
    let mut want = want(cids, vec![peer]);
    want.patience = std::time::Duration::from_millis(700);
    let (got, errors) = b.fetch(want).await;
    assert_eq!(got.len(), 9);
    assert_eq!(errors.get(&missing), Some(&FetchError::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_announcement_is_an_error_to_the_caller() {
    let a = TestNode::start(plain()).await;
    let message = Bytes::from(vec![0; 65_537]);
    let error = a.transport.publish(channel(1), message).expect_err("too large");
    assert_eq!(error, PublishError::TooLarge { len: 65_537, limit: 65_536 });
    a.transport.publish(channel(1), Bytes::from(vec![0; 65_536])).expect("this size is taken, listeners or not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_node_answers_everything_at_once() {
    let a = TestNode::start(plain()).await;
    within(a.transport.shutdown()).await;
    within(a.transport.shutdown()).await;
    assert_eq!(a.transport.publish(channel(1), Bytes::new()), Err(PublishError::Closed));
    let cid = raw_cid(b"x");
    let (_, errors) = a.fetch(want(vec![cid], vec![])).await;
    assert_eq!(errors.get(&cid), Some(&FetchError::Closed));
}
