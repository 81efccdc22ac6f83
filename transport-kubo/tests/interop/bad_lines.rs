//! A daemon that is slow in the middle of its answers, or whose answers are cut off.

use crate::daemon::Daemon;
use crate::node::{Node, config, eventually, room};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_trickle_slow_a_node_down_and_do_not_stop_it() {
    let (one, two) = (Daemon::started(), Daemon::started());
    let proxy = Proxy::before(two.api_port).await;
    let mut slow = config(&proxy.api());
    slow.peers = vec![one.address()];
    slow.times.probe = std::time::Duration::from_secs(20);
    let (a, b) = (Node::new(&one.api()).await, Node::with(slow).await);
    let topic = room("trickle");
    a.posts(&topic, 1, 100).await;
    a.follow(&topic);
    proxy.drip(30);
    b.follow(&topic);
    eventually("the late joiner has everything", || b.count(&topic) == 100).await;
    b.post(&topic, 2, "Slowly but surely.").await;
    eventually("the answer", || a.count(&topic) == 101).await;
    assert_eq!(a.root(&topic), b.root(&topic));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_cut_off_in_the_middle_are_asked_for_again() {
    let (one, two) = (Daemon::started(), Daemon::started());
    let proxy = Proxy::before(two.api_port).await;
    let mut cut = config(&proxy.api());
    cut.peers = vec![one.address()];
    let (a, b) = (Node::new(&one.api()).await, Node::with(cut).await);
    let topic = room("cut");
    a.follow(&topic);
    b.follow(&topic);
    a.posts(&topic, 1, 50).await;
    eventually("agreement", || b.count(&topic) == 50).await;
    // Enough for every single answer (a directory of 256 links is 18 kB), and for few of them on one connection.
    proxy.cut_after(24_000);
    let mut count = 50;
    while proxy.cuts() < 5 {
        assert!(count < 5000, "nothing was cut");
        a.posts(&topic, 1, 50).await;
        count += 50;
        eventually("agreement", || b.count(&topic) == count).await;
    }
    proxy.cut_after(0);
    b.post(&topic, 2, "Still here.").await;
    eventually("the answer", || a.count(&topic) == count + 1).await;
    let root = a.root(&topic).expect("a folder");
    assert_eq!(b.root(&topic).as_ref(), Some(&root));
    eventually("the pin", || two.pins() == [root.clone()]).await;
}
