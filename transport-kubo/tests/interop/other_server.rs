//! The same transport over js-ipfs. It meets only its own kind here: Kubo dropped the one muxer that js-ipfs has.

use crate::js_ipfs::JsIpfs;
use crate::node::{Node, config, eventually, room};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_over_another_server_of_the_rpc_agree_through_death_and_sleep() {
    let (one, mut js) = (JsIpfs::started(), JsIpfs::started());
    let a = Node::new(&one.api()).await;
    eventually("the first daemon answers", || a.status().daemon.up).await;
    let mut over_js = config(&js.api());
    over_js.peers = a.kubo.addresses();
    let b = Node::with(over_js).await;
    let topic = room("other server");
    a.follow(&topic);
    b.follow(&topic);
    a.posts(&topic, 1, 60).await;
    eventually("the second node has everything", || b.count(&topic) == 60).await;
    b.posts(&topic, 2, 60).await;
    eventually("the first node has everything", || a.count(&topic) == 120).await;

    js.signal("-STOP");
    eventually("the node says so", || !b.status().daemon.up).await;
    a.posts(&topic, 1, 20).await;
    b.posts(&topic, 2, 20).await;
    js.signal("-CONT");
    eventually("what was missed", || a.count(&topic) == 160 && b.count(&topic) == 160).await;

    js.kill();
    eventually("the node says so", || !b.status().daemon.up).await;
    a.posts(&topic, 1, 20).await;
    js.start();
    eventually("what was missed", || b.count(&topic) == 180).await;
    assert_eq!(a.root(&topic), b.root(&topic));
    eventually("the present folder is pinned, and nothing waits", || {
        let pins = b.status().pins;
        pins.pinned == 1 && pins.waiting == 0
    })
    .await;
}
