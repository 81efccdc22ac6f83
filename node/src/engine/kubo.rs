//! The Kubo transport from the node's settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidings_ledger::transport::Blocks;
use tidings_transport_kubo::{Config as KuboConfig, KuboTransport, StartError, SuperviseConfig};

use crate::config::Config;
use crate::exit::{Exit, Failure};

/// The record of pins within the data folder.
const RECORD: &str = "kubo-pins";
/// A longer file holds no secret.
const MAX_SECRET: usize = 8 * 1024;
/// How long a start waits for a daemon that is there: for the greeting, which tells the node's addresses.
const GREETING: Duration = Duration::from_secs(3);

/// Begins to work with the daemon. That it does not answer is no failure; the node says so and waits.
pub(super) async fn start(
    data: &Path,
    config: &Config,
    blocks: Arc<dyn Blocks>,
) -> Result<Arc<KuboTransport>, Failure> {
    let transport = KuboTransport::start(settings(data, config)?, blocks).await.map_err(|error| of_start(&error))?;
    if !transport.ready(GREETING).await {
        let daemon = transport.status().daemon;
        let error = daemon.error.unwrap_or_default();
        tracing::warn!(api = daemon.api, error, "the Kubo daemon does not answer yet; the node runs and waits for it");
    }
    Ok(transport)
}

fn settings(data: &Path, config: &Config) -> Result<KuboConfig, Failure> {
    let from = &config.kubo;
    let mut kubo = KuboConfig {
        api: from.api.clone(),
        secret: secret(&from.secret_file)?,
        peers: config.p2p.peers.clone(),
        ..KuboConfig::default()
    };
    if let Some(network) = config.network() {
        kubo.network = network;
    }
    kubo.pins.topics = from.pin;
    kubo.pins.catalog = from.pin_catalog && config.node.mirror;
    kubo.pins.record = Some(data.join(RECORD));
    kubo.pins.every = Duration::from_secs(from.pin_every_seconds);
    kubo.pins.keep_old = Duration::from_secs(from.keep_old_seconds);
    kubo.times.call = Duration::from_secs(from.timeout_seconds);
    kubo.limits.channels = usize::try_from(from.max_channels).unwrap_or(usize::MAX);
    kubo.supervise = (!from.supervise.trim().is_empty()).then(|| {
        let mut supervise = SuperviseConfig::new(from.supervise.clone());
        supervise.max_memory = from.max_memory_mib.saturating_mul(1024 * 1024);
        supervise
    });
    Ok(kubo)
}

fn secret(file: &str) -> Result<String, Failure> {
    if file.is_empty() {
        return Ok(String::new());
    }
    let path = Path::new(file);
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read kubo.secret_file", path, &error))?;
    match text.trim() {
        secret if secret.len() <= MAX_SECRET => Ok(secret.to_owned()),
        _ => Err(Failure::new(Exit::Usage, format!("kubo.secret_file: {file} is too long for a secret"))),
    }
}

fn of_start(error: &StartError) -> Failure {
    match error {
        StartError::Address { .. } => Failure::new(Exit::Usage, format!("kubo.api: {error}")),
        StartError::Config(_) => Failure::new(Exit::Usage, error),
        StartError::Supervise { .. } => Failure::new(Exit::Usage, error)
            .hint("kubo.supervise (--kubo-supervise) is a command such as \"ipfs daemon\"; is the program installed?"),
        _ => Failure::new(Exit::Failed, error),
    }
}
