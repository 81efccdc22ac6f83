//! Daemons that die, hang and come back while nodes work over them.

use std::time::Duration;

use crate::daemon::Daemon;
use crate::node::{Node, eventually, room};

/// Two nodes over two connected daemons that follow one topic and agree on it.
async fn pair(name: &str) -> (Daemon, Daemon, Node, Node, tidings_ledger::TopicName) {
    let (one, two) = (Daemon::started(), Daemon::started());
    let mut config = crate::node::config(&two.api());
    config.peers = vec![one.address()];
    let (a, b) = (Node::new(&one.api()).await, Node::with(config).await);
    let topic = room(name);
    a.follow(&topic);
    b.follow(&topic);
    a.posts(&topic, 1, 40).await;
    eventually("agreement", || b.count(&topic) == 40).await;
    (one, two, a, b, topic)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_stops_neither_reading_nor_writing_and_the_node_catches_up_by_itself() {
    let (one, mut two, a, b, topic) = pair("killed").await;
    two.kill();
    eventually("the node says so", || !b.status().daemon.up).await;
    assert!(b.status().daemon.error.is_some_and(|error| error.contains("cannot reach")));
    b.posts(&topic, 2, 30).await;
    assert_eq!(b.count(&topic).max(b.texts(&topic)), 70, "what is here is read and written");
    a.posts(&topic, 1, 30).await;

    two.start();
    eventually("what was missed on both sides", || a.count(&topic) == 100 && b.count(&topic) == 100).await;
    let root = a.root(&topic);
    assert_eq!(root, b.root(&topic));
    eventually("the pins follow", || {
        [one.pins(), two.pins()].iter().all(|pins| pins.first() == root.as_ref() && pins.len() == 1)
    })
    .await;
    let counters = b.status().counters;
    assert!(counters.daemon_lost >= 1 && counters.subscriptions_broken >= 1, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_daemon_is_noticed_though_its_connections_stay_open() {
    let (one, two, a, b, topic) = pair("hung").await;
    two.signal("-STOP");
    eventually("the node says so", || !b.status().daemon.up).await;
    assert!(b.status().daemon.error.is_some_and(|error| error.contains("no answer within")));
    let opened = b.status().daemon.breaker_opened;
    assert!(opened >= 1);
    b.posts(&topic, 2, 5).await;
    assert_eq!(b.texts(&topic).max(b.count(&topic)), 45);
    a.posts(&topic, 1, 20).await;

    two.signal("-CONT");
    eventually("the node says so", || b.status().daemon.up).await;
    eventually("what was missed on both sides", || a.count(&topic) == 65 && b.count(&topic) == 65).await;
    let root = a.root(&topic);
    eventually("the pins follow", || [one.pins(), two.pins()].iter().all(|pins| pins.first() == root.as_ref())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_lost_its_store_is_given_everything_again() {
    let (one, mut two, a, b, topic) = pair("wiped").await;
    let root = a.root(&topic).expect("a folder");
    eventually("the pin", || two.pins() == [root.clone()]).await;
    two.kill();
    let fresh = Daemon::at(two.api_port);
    drop(std::mem::replace(&mut two, fresh));
    two.start();
    eventually("everything is there again, pinned", || two.pins() == [root.clone()]).await;
    two.ask(&["refs", "-r", "--offline", &root]);
    b.post(&topic, 2, "From the new daemon.").await;
    eventually("it arrives", || a.count(&topic) == 41).await;
    drop(one);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_restarts_adopts_its_pins_and_removes_old_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::started();
    let mut config = crate::node::config(&daemon.api());
    config.pins.record = Some(folder.path().join("pins"));
    config.pins.keep_old = Duration::from_secs(3600);
    let node = Node::with(config.clone()).await;
    let topic = room("restarted");
    node.posts(&topic, 1, 50).await;
    let first = node.root(&topic).expect("a folder");
    eventually("the first pin", || daemon.pins().contains(&first)).await;
    node.posts(&topic, 1, 50).await;
    let second = node.root(&topic).expect("a folder");
    eventually("the second pin", || daemon.pins().contains(&second)).await;
    assert!(daemon.pins().contains(&first), "the old one stays for an hour");

    config.pins.keep_old = Duration::from_millis(100);
    let node = node.restarted(config).await;
    eventually("only the present one is left", || daemon.pins() == [second.clone()]).await;
    assert_eq!(node.status().counters.blocks_put, 0, "nothing was given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_collection_does_not_take_what_is_pinned_and_what_it_took_is_given_again() {
    let (one, two, a, b, topic) = pair("collected").await;
    let root = a.root(&topic).expect("a folder");
    eventually("the pin", || two.pins() == [root.clone()]).await;
    // Everything unpinned goes: also what the daemon was given of the next folder, if it is quick.
    b.posts(&topic, 2, 200).await;
    for _ in 0..5 {
        two.ask(&["repo", "gc", "--quiet"]);
    }
    eventually("agreement", || a.count(&topic) == 240).await;
    let root = a.root(&topic).expect("a folder");
    eventually("the new pin", || two.pins() == [root.clone()]).await;
    two.ask(&["repo", "gc", "--quiet"]);
    two.ask(&["refs", "-r", "--offline", &root]);
    drop(one);
}
