//! A ledger over a daemon, in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_ledger::handle::{Query, SystemClock};
use tidings_ledger::store::MemoryStore;
use tidings_ledger::{AuthorKey, Draft, Ledger, Library, Options, TopicName};
use tidings_transport_kubo::{Config, KuboTransport, Status, Times};

use crate::daemon::PATIENCE;

/// A node and its transport.
pub(crate) struct Node {
    pub(crate) kubo: Arc<KuboTransport>,
    pub(crate) ledger: Ledger,
    store: Arc<MemoryStore>,
}

/// Quicker than the defaults, for nobody wants to wait.
pub(crate) fn config(api: &str) -> Config {
    let mut config = Config { api: api.to_owned(), ..Config::default() };
    config.times = Times {
        probe: Duration::from_secs(1),
        probe_every: Duration::from_millis(500),
        look_every: Duration::from_millis(250),
        ..Times::default()
    };
    config.pins.every = Duration::from_millis(200);
    config.pins.keep_old = Duration::from_millis(500);
    config
}

impl Node {
    /// A node over the daemon at this address.
    pub(crate) async fn new(api: &str) -> Node {
        Node::with(config(api)).await
    }

    pub(crate) async fn with(config: Config) -> Node {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        Node::on(Arc::new(MemoryStore::new()), config).await
    }

    async fn on(store: Arc<MemoryStore>, config: Config) -> Node {
        let library = Arc::new(Library::new(store.clone()));
        let kubo = KuboTransport::start(config, library).await.expect("it starts");
        let options = Options { seed: fastrand::u64(..), reannounce: Duration::from_secs(20), ..Options::default() };
        let network = options.network;
        let (ledger, driver) =
            Ledger::open(store.clone(), kubo.clone(), Arc::new(SystemClock), options).expect("it opens");
        kubo.keep(&ledger, network);
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || runtime.block_on(driver.run()));
        Node { kubo, ledger, store }
    }

    /// Ends the node, and begins anew on what it had stored.
    pub(crate) async fn restarted(self, config: Config) -> Node {
        self.ledger.close();
        self.kubo.shutdown().await;
        Node::on(self.store.clone(), config).await
    }

    pub(crate) async fn post(&self, topic: &TopicName, author: u8, text: &str) {
        let key = AuthorKey::from_seed(&[author; 32]);
        self.ledger.topic(topic).append(&key, Draft::new("post", text)).await.expect("a good draft");
    }

    pub(crate) async fn posts(&self, topic: &TopicName, author: u8, count: usize) {
        let key = AuthorKey::from_seed(&[author; 32]);
        let drafts =
            (0..count).map(|n| (topic.clone(), key.clone(), Draft::new("post", format!("Post {n} by {author}."))));
        for answer in self.ledger.append_all(drafts.collect()).await {
            answer.expect("a good draft");
        }
    }

    pub(crate) fn follow(&self, topic: &TopicName) {
        self.ledger.topic(topic).follow().expect("the store takes it");
    }

    pub(crate) fn root(&self, topic: &TopicName) -> Option<String> {
        self.ledger.flush().expect("the store takes it");
        self.ledger.topic(topic).info().expect("the store reads").cid.map(|cid| cid.to_string())
    }

    pub(crate) fn count(&self, topic: &TopicName) -> usize {
        self.ledger.topic(topic).info().expect("the store reads").entries as usize
    }

    pub(crate) fn texts(&self, topic: &TopicName) -> usize {
        self.ledger.topic(topic).read(&Query::default()).expect("the store reads").items.len()
    }

    pub(crate) fn status(&self) -> Status {
        self.kubo.status()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Ends the driver's thread before the runtime goes.
        self.ledger.close();
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until it holds; the error names what did not come about.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come about within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn room(name: &str) -> TopicName {
    TopicName::parse(&format!("room:{name}")).expect("a good name")
}
