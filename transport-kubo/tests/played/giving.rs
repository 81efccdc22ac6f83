//! Folders given to the daemon, announced, and pinned: in the right order, whatever fails.

use std::sync::Arc;

use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::MemoryStore;
use tidings_ledger::transport::{Broadcast, Channel, PublishError};
use tidings_ledger::{AuthorKey, Draft, Ledger, Library, Options, TopicName};
use tidings_transport_kubo::KuboTransport;

use crate::daemon::{Nothing, Played, eventually};

/// A ledger over the played daemon.
struct Node {
    ledger: Ledger,
    kubo: Arc<KuboTransport>,
    topic: TopicName,
}

impl Node {
    async fn new(played: &Played) -> Node {
        let store = Arc::new(MemoryStore::new());
        let kubo = played.transport(Arc::new(Library::new(store.clone()))).await;
        let options = Options::default();
        let network = options.network;
        let (ledger, driver) = Ledger::open(store, kubo.clone(), Arc::new(SystemClock), options).expect("it opens");
        kubo.keep(&ledger, network);
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || runtime.block_on(driver.run()));
        Node { ledger, kubo, topic: TopicName::parse("room:giving").expect("a name") }
    }

    async fn post(&self, count: usize) -> String {
        let key = AuthorKey::from_seed(&[1; 32]);
        let drafts = (0..count).map(|n| (self.topic.clone(), key.clone(), Draft::new("post", format!("Post {n}"))));
        for answer in self.ledger.append_all(drafts.collect()).await {
            answer.expect("a good draft");
        }
        self.ledger.flush().expect("the store takes it");
        self.ledger.topic(&self.topic).info().expect("it reads").cid.expect("a folder").to_string()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.ledger.close();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_announced_before_the_daemon_has_all_of_it() {
    let played = Played::new().await;
    played.stage.lock().lose_a_block = 2;
    played.stage.lock().refuse.insert("dag/import", 2);
    let node = Node::new(&played).await;
    node.post(100).await;
    eventually("an announcement", || !played.calls(&["pubsub/pub"]).is_empty()).await;
    let calls = played.calls(&["dag/import", "pubsub/pub"]);
    let published = calls.iter().position(|(command, _)| command == "pubsub/pub").expect("it was");
    assert!(published >= 5, "four imports failed, one succeeded, and only then: {calls:?}");
    assert!(played.stage.lock().blocks.len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_large_folder_gives_only_what_changed() {
    let played = Played::new().await;
    let node = Node::new(&played).await;
    let first = node.post(3000).await;
    eventually("the pin", || played.stage.lock().pins.contains(&first)).await;
    let before = node.kubo.status().counters.blocks_put;
    let second = node.post(1).await;
    eventually("the next pin", || played.stage.lock().pins.contains(&second)).await;
    let given = node.kubo.status().counters.blocks_put - before;
    assert!((2..150).contains(&given), "{given} blocks were given for one entry among {before} blocks");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_folder_is_unpinned_only_after_the_new_one_is_pinned() {
    let played = Played::new().await;
    let node = Node::new(&played).await;
    let first = node.post(5).await;
    eventually("the pin", || played.stage.lock().pins.contains(&first)).await;
    // The short way fails for good, and the long way a few times.
    played.stage.lock().refuse.extend([("pin/update", 1000), ("pin/add", 2)]);
    let second = node.post(5).await;
    eventually("only the new one is pinned", || played.stage.lock().pins.iter().eq([&second])).await;
    let calls = played.calls(&["pin/add", "pin/rm"]);
    let of =
        |command: &str, root: &String| calls.iter().rposition(|(c, arguments)| c == command && arguments[0] == *root);
    assert!(of("pin/add", &second) < of("pin/rm", &first), "{calls:?}");
    assert!(node.kubo.status().counters.pins_failed >= 2);
}

#[tokio::test]
async fn a_message_that_the_daemon_would_not_carry_is_an_error_to_the_caller() {
    let played = Played::new().await;
    let transport = played.transport(Arc::new(Nothing)).await;
    let channel = Channel::new(TopicName::parse("room:x").expect("a name").id());
    let long = vec![0; 65_001].into();
    assert_eq!(transport.publish(channel, long), Err(PublishError::TooLarge { len: 65_001, limit: 65_000 }));
}
