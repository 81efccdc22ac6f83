//! Finding the other nodes of the network through the daemon's DHT.
//!
//! Members provide the CID that is made of the network's id. A daemon provides only what it holds, and of an id that is a
//! hash nobody but the hash's maker knows the bytes; those of the public network are known, so its members are found and
//! find. Members of other networks find those who run libp2p themselves, or are told of each other as peers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cid::Cid;
use serde::Deserialize;
use tidings_ledger::content;
use tidings_ledger::replica::NETWORK;
use tidings_ledger::transport::Peer;

use crate::config::is_peer_id;
use crate::pins::RENEW;
use crate::rpc::{Call, RpcError};
use crate::shared::Shared;
use crate::{blocks, pins};

/// The bytes whose SHA-256 is the public network's id.
const PUBLIC: &[u8] = b"tidings network 1";
/// Members that are asked for.
const WANTED: usize = 20;
/// How long a search may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Between two searches: soon while nobody is known, then seldom.
const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(300);

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>) {
    let meeting_point = meeting_point(&shared.config.network);
    let mut provided: Option<(u64, Instant)> = None;
    loop {
        let life = shared.health.up().await;
        let is_provided = provided.is_some_and(|(then, at)| then == life && at.elapsed() < RENEW);
        if !is_provided && shared.config.network == NETWORK {
            match meet(&shared, meeting_point).await {
                Ok(()) => provided = Some((life, Instant::now())),
                Err(error) if error.is_unsupported() => {
                    tracing::info!(%error, "the daemon has no DHT for us; name peers in the settings");
                    return;
                }
                Err(error) => tracing::debug!(%error, "not provided as a member of the network yet"),
            }
        }
        let pause = match look(&shared, meeting_point).await {
            Ok(found) if found > 0 => LATER,
            Ok(_) => SOON,
            Err(error) if error.is_unsupported() => {
                tracing::info!(%error, "the daemon does not search its DHT for us; name peers in the settings");
                return;
            }
            Err(error) => {
                tracing::debug!(%error, "no search");
                SOON
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Becomes findable.
async fn meet(shared: &Shared, meeting_point: Cid) -> Result<(), RpcError> {
    blocks::put_one(shared, meeting_point, Bytes::from_static(PUBLIC)).await?;
    pins::provide_one(shared, meeting_point).await
}

/// Where members meet: the CID whose digest the network's id is.
fn meeting_point(network: &[u8; 32]) -> Cid {
    content::cid(content::RAW, network)
}

/// Finds others and connects with them; says how many there are.
async fn look(shared: &Arc<Shared>, meeting_point: Cid) -> Result<usize, RpcError> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "Responses", default)]
        responses: Option<Vec<Found>>,
        #[serde(rename = "Type", default)]
        kind: i64,
    }
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "ID", default)]
        id: String,
    }
    /// The event that tells of providers.
    const PROVIDER: i64 = 4;
    let call =
        Call::new("routing/findprovs", LONGEST).arg(meeting_point).option("num-providers", WANTED).waits_for_others();
    let mut lines = shared.rpc.lines(call).await?;
    let mut found = Vec::new();
    while let Some(Event { responses, kind }) = lines.next().await? {
        let named = responses.into_iter().flatten().filter(|_| kind == PROVIDER).map(|found| found.id);
        found.extend(named.filter(|id| is_peer_id(id) && !shared.health.is_me(id)).map(Peer::new));
        if found.len() >= WANTED {
            break;
        }
    }
    shared.introduce(&found);
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn members_meet_where_those_who_run_libp2p_themselves_do() {
        assert_eq!(meeting_point(&NETWORK).hash().digest(), Sha256::digest(PUBLIC).as_slice());
        assert_eq!(meeting_point(&NETWORK).to_string(), "bafkreifevdnciky5pd2fc4jk4wmypgpw3ojy347ya4skggjtgdvmpmr7iu");
    }
}
