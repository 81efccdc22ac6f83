//! A node of ours, in this process.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cid::Cid;
use tidings_ledger::handle::{SystemClock, TopicInfo};
use tidings_ledger::store::{MemoryStore, Store};
use tidings_ledger::transport::Peer as Name;
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, Library, Options, Topic, TopicName};
use tidings_transport_ipfs::{Config, Identity, IpfsTransport, KadMode};
use tokio::runtime::Runtime;

use crate::wait::eventually;

/// The runtime that all nodes of a test program share.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    &RUNTIME
}

/// TCP on loopback, no DHT: the least that can talk.
pub fn plain() -> Config {
    let listen = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
    Config { listen: vec![listen], kad: KadMode::Off, nat: false, ..Config::default() }
}

/// A ledger on libp2p; stopped when dropped.
pub struct Node {
    /// The ledger.
    pub ledger: Ledger,
    /// Its network.
    pub network: Arc<IpfsTransport>,
    /// What it keeps, for starting it again.
    pub store: Arc<dyn Store>,
}

impl Node {
    /// A new one.
    pub fn start(config: Config) -> Self {
        Self::start_on(Arc::new(MemoryStore::new()), Identity::generate(), config)
    }

    /// One that goes on with what another one had.
    pub fn start_on(store: Arc<dyn Store>, identity: Identity, config: Config) -> Self {
        // RUST_LOG, as everywhere; nothing without it.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .try_init();
        let library = Arc::new(Library::new(store.clone()));
        let network = runtime().block_on(IpfsTransport::start(config, identity, library)).expect("it starts");
        // Whatever goes wrong heals at the next announcement: here it should not take a minute.
        let options = Options { reannounce: Duration::from_secs(5), ..Options::default() };
        let (ledger, driver) =
            Ledger::open(store.clone(), network.clone(), Arc::new(SystemClock), options).expect("the store opens");
        std::thread::spawn(move || runtime().block_on(driver.run()));
        Node { ledger, network, store }
    }

    /// Stops it as a good program does, so that whoever is connected notices.
    pub fn stop(self) -> Arc<dyn Store> {
        let store = self.store.clone();
        drop(self);
        store
    }

    /// Its peer id, in base58.
    pub fn id(&self) -> String {
        self.network.peer().as_str().to_owned()
    }

    /// Where it can be dialled.
    pub fn address(&self) -> String {
        self.network.addresses().remove(0)
    }

    /// Dials.
    pub fn dial(&self, address: &str) -> Name {
        runtime().block_on(self.network.dial(address)).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// The peers that it is connected with.
    pub fn peers(&self) -> Vec<String> {
        self.network.status().peers.into_iter().map(|peer| peer.peer_id).collect()
    }

    /// What a peer did wrong, in points.
    pub fn demerits(&self, peer: &str) -> f64 {
        let peers = self.network.status().peers;
        peers.iter().find(|known| known.peer_id == peer).map_or(0.0, |known| known.demerits)
    }

    /// A topic that it follows from now on.
    pub fn follow(&self, name: &TopicName) -> Topic {
        let topic = self.ledger.topic(name);
        topic.follow().expect("the store takes it");
        topic
    }

    /// Writes posts, each with a few words in it, and waits until the folder holds them.
    pub fn write(&self, name: &TopicName, author: u8, count: usize) -> Vec<Entry> {
        let drafts = (0..count).map(|at| Draft::new("post", format!("Post {at} of author {author}, and some words.")));
        let key = AuthorKey::from_seed(&[author; 32]);
        let topic = self.ledger.topic(name);
        let entries = runtime().block_on(topic.append_all(&key, drafts.collect())).expect("they are appended");
        self.ledger.flush().expect("the store takes it");
        entries
    }

    /// Appends one draft, and waits until the folder holds it.
    pub fn append(&self, name: &TopicName, author: u8, draft: Draft) -> Entry {
        let key = AuthorKey::from_seed(&[author; 32]);
        let entry = runtime().block_on(self.ledger.topic(name).append(&key, draft)).expect("it is appended");
        self.ledger.flush().expect("the store takes it");
        entry
    }

    /// What it knows of a topic.
    pub fn info(&self, name: &TopicName) -> TopicInfo {
        self.ledger.topic(name).info().expect("the store reads")
    }

    /// The folder of a topic that has entries.
    pub fn folder(&self, name: &TopicName) -> Cid {
        self.info(name).cid.expect("the topic has entries")
    }

    /// Waits until its folder of the topic is this one.
    pub fn comes_to(&self, name: &TopicName, folder: Cid) {
        eventually("a node has the folder that others have", || self.info(name).cid == Some(folder));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.ledger.close();
        runtime().block_on(self.network.shutdown());
    }
}
