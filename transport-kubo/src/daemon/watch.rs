//! Watching the daemon: asks it for its name every few seconds, and sooner when calls fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::health::Told;
use crate::rpc::{Backoff, Call, RpcError};
use crate::shared::Shared;

/// Probes that must fail in a row before a daemon that was well is given up, unless nobody listens there at all.
const FAILURES: u32 = 2;
/// Addresses that are kept.
const MAX_ADDRESSES: usize = 64;
/// The longest text that is kept of what the daemon says of itself.
const MAX_TEXT: usize = 256;

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "AgentVersion", default)]
    agent: Option<String>,
    #[serde(rename = "Addresses", default)]
    addresses: Option<Vec<String>>,
}

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut pause =
        Backoff::new(Duration::from_millis(200), shared.config.times.probe_every.max(Duration::from_secs(5)));
    let mut failures = 0;
    loop {
        match probe(&shared).await {
            Ok(told) => {
                failures = 0;
                pause.reset();
                shared.rpc.breaker.set_open(false);
                found(&shared, told);
                tokio::select! {
                    () = tokio::time::sleep(shared.config.times.probe_every) => {}
                    () = shared.rpc.trouble.notified() => {}
                }
            }
            Err(error) => {
                failures += 1;
                if failures >= FAILURES || matches!(error, RpcError::Unreachable(_)) {
                    lost(&shared, &error);
                }
                tokio::time::sleep(pause.next()).await;
            }
        }
    }
}

async fn probe(shared: &Shared) -> Result<Told, RpcError> {
    let id: Id = shared.rpc.json(Call::new("id", shared.config.times.probe).probe()).await?;
    if !crate::config::is_peer_id(&id.id) {
        return Err(RpcError::Malformed(
            "the answer to id names no peer; is this the RPC of an IPFS daemon?".to_owned(),
        ));
    }
    let cut = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    let addresses = id.addresses.unwrap_or_default().into_iter().take(MAX_ADDRESSES).map(cut).collect();
    Ok(Told { peer_id: id.id, agent: cut(id.agent.unwrap_or_default()), addresses })
}

fn found(shared: &Shared, told: Told) {
    let (peer, agent) = (told.peer_id.clone(), told.agent.clone());
    if shared.health.answered(told, Instant::now()) {
        shared.counters.daemon_found.add(1);
        tracing::info!(api = %shared.rpc.shown(), peer, agent, "the Kubo daemon answers");
    }
}

fn lost(shared: &Shared, error: &RpcError) {
    shared.rpc.breaker.set_open(true);
    let first = shared.health.now().error.is_none();
    if shared.health.lost(error.to_string(), Instant::now()) {
        shared.counters.daemon_lost.add(1);
    }
    if first {
        tracing::warn!(api = %shared.rpc.shown(), %error, "the Kubo daemon does not answer; what is held here is still served");
    }
}
