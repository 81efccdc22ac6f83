//! What the tests share: nodes on loopback, and blocks in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use multihash::Multihash;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use tidings_ledger::store::StoreError;
use tidings_ledger::topic::TopicId;
use tidings_ledger::transport::{Blocks, Broadcast, Channel, Event, Events, Fetch, FetchError, MessageId, Peer, Want};
use tidings_transport_ipfs::{Config, Identity, IpfsTransport};

/// Nothing here takes this long unless it hangs.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Blocks in memory.
#[derive(Default)]
pub(crate) struct MemoryBlocks(RwLock<HashMap<Cid, Bytes>>);

impl MemoryBlocks {
    pub(crate) fn put(&self, data: impl Into<Bytes>) -> Cid {
        let data = data.into();
        let cid = raw_cid(&data);
        self.0.write().insert(cid, data);
        cid
    }

    /// Claims bytes under a CID that is not theirs.
    pub(crate) fn put_lie(&self, cid: Cid, data: impl Into<Bytes>) {
        self.0.write().insert(cid, data.into());
    }
}

impl Blocks for MemoryBlocks {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.read().get(cid).cloned())
    }
}

/// CIDv1, raw, SHA2-256.
pub(crate) fn raw_cid(data: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(data)).expect("32 bytes fit"))
}

/// `count` different blocks of `len` bytes.
pub(crate) fn blocks(count: usize, len: usize) -> Vec<Bytes> {
    let block = |n: usize| {
        let mut data = vec![(n % 251) as u8; len.max(8)];
        data[..8].copy_from_slice(&(n as u64).to_be_bytes());
        Bytes::from(data)
    };
    (0..count).map(block).collect()
}

/// TCP only, no DHT: the least that can talk.
pub(crate) fn plain() -> Config {
    Config {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        kad: tidings_transport_ipfs::KadMode::Off,
        nat: false,
        ..Config::default()
    }
}

pub(crate) struct TestNode {
    pub(crate) transport: Arc<IpfsTransport>,
    pub(crate) blocks: Arc<MemoryBlocks>,
    pub(crate) events: Events,
}

impl TestNode {
    pub(crate) async fn start(config: Config) -> TestNode {
        TestNode::start_as(Identity::generate(), config).await
    }

    pub(crate) async fn start_as(identity: Identity, config: Config) -> TestNode {
        let blocks = Arc::new(MemoryBlocks::default());
        let transport = IpfsTransport::start(config, identity, blocks.clone()).await.expect("a node starts");
        let events = transport.events();
        TestNode { transport, blocks, events }
    }

    pub(crate) async fn dial(&self, other: &TestNode) -> Peer {
        within(self.transport.dial(&other.transport.addresses()[0])).await.expect("a neighbour answers")
    }

    /// Waits for an event that `pick` takes.
    pub(crate) async fn wait<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        within(async {
            loop {
                let event = self.events.next().await.expect("the stream of events goes on");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        })
        .await
    }

    pub(crate) async fn wait_connected(&mut self, other: &Peer) {
        self.wait(|event| matches!(event, Event::Connected { peer } if peer == *other).then_some(())).await;
    }

    /// The next announcement.
    pub(crate) async fn heard(&mut self) -> (Channel, MessageId, Bytes) {
        self.wait(|event| match event {
            Event::Message { channel, id, data, .. } => Some((channel, id, data)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn wait_subscribed(&mut self, wanted: Channel) {
        self.wait(|event| matches!(event, Event::Subscribed { channel, .. } if channel == wanted).then_some(())).await;
    }

    /// Fetches, and returns the blocks and the errors.
    pub(crate) async fn fetch(&self, want: Want) -> (HashMap<Cid, Bytes>, HashMap<Cid, FetchError>) {
        let mut stream = self.transport.fetch(want);
        let (mut blocks, mut errors) = (HashMap::new(), HashMap::new());
        while let Some(group) = within(stream.next()).await {
            for answer in group {
                match answer.result {
                    Ok(block) => assert!(blocks.insert(answer.cid, block.bytes).is_none(), "answered twice"),
                    Err(error) => assert!(errors.insert(answer.cid, error).is_none(), "answered twice"),
                }
            }
        }
        (blocks, errors)
    }
}

pub(crate) fn want(cids: Vec<Cid>, ask_first: Vec<Peer>) -> Want {
    Want { cids, ask_first, patience: Duration::from_secs(5) }
}

pub(crate) fn channel(n: u8) -> Channel {
    Channel::new(TopicId::from_bytes([n; 32]))
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it does not hang")
}
