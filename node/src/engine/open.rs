//! Opening: with a network for a node, without one for a command.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tidings_ledger::handle::{Driver, SystemClock};
use tidings_ledger::store::{Durability as StoreDurability, RocksOptions, RocksStore};
use tidings_ledger::{AuthorKey, Ledger, Library, Options};
use tidings_transport_ipfs::{Config as NetworkConfig, Identity, IpfsTransport, KadMode, NetworkId, StartError};

use super::failure::of_store;
use super::{Engine, Network, Parts};
use crate::config::{Config, Dht, Durability, Transport};
use crate::exit::{Exit, Failure};
use crate::keys;

/// The folder of the ledger within the data folder, beside keys and settings.
const LEDGER: &str = "ledger";

impl Engine {
    /// Opens the data folder and goes online. Must be called within a tokio runtime.
    pub(crate) async fn online(data: &Path, config: &Config, author: Option<AuthorKey>) -> Result<Engine, Failure> {
        let store = open_store(data, config)?;
        let network = network(data, config, Arc::new(Library::new(store.clone()))).await?;
        let (clock, options) = (Arc::new(SystemClock), options(config)?);
        let id = options.network;
        let (ledger, driver) =
            Ledger::open(store.clone(), network.transport(), clock, options).map_err(|error| of_store(&error))?;
        let driver = spawn(driver)?;
        network.keep(&ledger, id);
        Ok(Engine(Arc::new(Parts {
            data: data.to_owned(),
            store,
            ledger,
            author,
            network: Some(network),
            driver: Mutex::new(Some(driver)),
        })))
    }

    /// Opens the data folder without a network.
    pub(crate) fn offline(data: &Path, config: &Config, author: Option<AuthorKey>) -> Result<Engine, Failure> {
        let store = open_store(data, config)?;
        let ledger = Ledger::offline(store.clone(), Arc::new(SystemClock), options(config)?)
            .map_err(|error| of_store(&error))?;
        let data = data.to_owned();
        Ok(Engine(Arc::new(Parts { data, store, ledger, author, network: None, driver: Mutex::new(None) })))
    }
}

/// Goes online, by the transport that the settings name.
async fn network(data: &Path, config: &Config, blocks: Arc<Library>) -> Result<Network, Failure> {
    match config.node.transport {
        Transport::Libp2p => {
            let identity = identity(data)?;
            let transport = IpfsTransport::start(network_config(config)?, identity, blocks).await;
            transport.map(Network::Libp2p).map_err(|error| of_start(&error))
        }
        #[cfg(feature = "kubo")]
        Transport::Kubo => super::kubo::start(data, config, blocks).await.map(Network::Kubo),
        #[cfg(not(feature = "kubo"))]
        Transport::Kubo => Err(Failure::new(Exit::Usage, "this program was built without the Kubo transport")
            .hint("build it with the feature kubo, which is on by default")),
    }
}

fn open_store(data: &Path, config: &Config) -> Result<Arc<RocksStore>, Failure> {
    let durability = match config.node.durability {
        Durability::Wal => StoreDurability::Wal,
        Durability::Fsync => StoreDurability::Fsync,
    };
    let store = RocksStore::open(data.join(LEDGER), RocksOptions::durable(durability));
    store.map(Arc::new).map_err(|error| of_store(&error))
}

fn options(config: &Config) -> Result<Options, Failure> {
    let mut options = Options { mirror: config.node.mirror, seed: random()?, ..Options::default() };
    options.reannounce = Duration::from_secs(config.node.reannounce_seconds);
    if let Some(network) = config.network() {
        options.network = network;
    }
    Ok(options)
}

fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::new(Exit::Failed, format!("the system gives no random numbers: {error}")))
}

/// The node's own key, which says who it is to its peers; made at the first start.
fn identity(data: &Path) -> Result<Identity, Failure> {
    let path = data.join("node.key");
    let key = if path.exists() { keys::load(&path)? } else { keys::create(&path, None)? };
    Identity::from_secret(key.to_seed())
        .map_err(|error| Failure::new(Exit::Refused, format!("{}: {error}", path.display())))
}

fn network_config(config: &Config) -> Result<NetworkConfig, Failure> {
    let p2p = &config.p2p;
    let mut network = NetworkConfig {
        listen: addresses("p2p.listen", &p2p.listen)?,
        external: addresses("p2p.announce", &p2p.announce)?,
        bootstrap: addresses("p2p.bootstrap", &p2p.bootstrap)?,
        peers: addresses("p2p.peers", &p2p.peers)?,
        mdns: p2p.mdns,
        kad: match p2p.dht {
            Dht::Auto => KadMode::Auto,
            Dht::Client => KadMode::Client,
            Dht::Server => KadMode::Server,
            Dht::Off => KadMode::Off,
        },
        nat: p2p.relay_client,
        ..NetworkConfig::default()
    };
    network.limits.connections = p2p.max_peers;
    if let Some(id) = config.network() {
        network.network = NetworkId::from_bytes(id);
    }
    Ok(network)
}

fn addresses<A: std::str::FromStr>(key: &str, list: &[String]) -> Result<Vec<A>, Failure> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            Failure::new(Exit::Usage, format!("{key}: {text:?} is not a multiaddress"))
                .hint("write it as in /ip4/127.0.0.1/tcp/4281")
        })
    };
    list.iter().map(parse).collect()
}

fn of_start(error: &StartError) -> Failure {
    match error {
        StartError::PortInUse { .. } => Failure::new(Exit::PortTaken, error)
            .hint("another node may be running; p2p.listen in config.toml chooses the port (0 takes any free one)"),
        StartError::Config(_) | StartError::Listen { .. } => Failure::new(Exit::Usage, error),
        _ => Failure::new(Exit::Failed, error),
    }
}

/// The driver checks signatures on all cores, so it has a thread of its own beside the runtime's.
fn spawn(driver: Driver) -> Result<std::thread::JoinHandle<()>, Failure> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("ledger".to_owned())
        .spawn(move || runtime.block_on(driver.run()))
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start a thread: {error}")))
}
