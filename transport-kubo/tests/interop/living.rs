//! Two nodes, two Kubo daemons: everything as it should be.

use crate::daemon::Daemon;
use crate::node::{Node, eventually, room};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_written_on_one_daemon_arrives_at_the_other_and_is_pinned_on_both() {
    let (one, two) = (Daemon::started(), Daemon::started());
    let (a, b) = (Node::new(&one.api()).await, Node::new(&two.api()).await);
    let topic = room("living");
    a.posts(&topic, 1, 300).await;
    b.follow(&topic);
    a.follow(&topic);
    b.kubo.dial(&one.address()).await.expect("connected");
    eventually("the late joiner has everything", || b.count(&topic) == 300).await;
    assert_eq!(a.root(&topic), b.root(&topic));

    b.post(&topic, 2, "And one from here.").await;
    eventually("the answer", || a.count(&topic) == 301).await;
    let root = a.root(&topic).expect("a folder");
    assert_eq!(b.root(&topic).as_ref(), Some(&root));
    for daemon in [&one, &two] {
        eventually("the pin of the new folder, and of nothing else", || daemon.pins() == [root.clone()]).await;
        assert!(daemon.ask(&["refs", "-r", "--offline", "--unique", &root]).lines().count() > 301);
    }
    a.kubo.shutdown().await;
    b.kubo.shutdown().await;
}
