//! Making roots known in the DHT, the newest wish first and within a budget.
//!
//! A daemon provides what is pinned by itself, in its own time; this is for what is new.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cid::Cid;
use serde::de::IgnoredAny;
use tokio::sync::watch;

use crate::rpc::{Call, RpcError};
use crate::shared::Shared;

/// Records last for 48 hours; they are renewed well before.
pub(crate) const RENEW: Duration = Duration::from_secs(11 * 3600);
/// A root that could not be provided (no peer is connected, as a rule) is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);
/// How long one may take: the DHT asks twenty peers.
const LONGEST: Duration = Duration::from_secs(90);
/// A wish that stands is looked through again this often.
const LOOK: Duration = Duration::from_secs(10);

/// Runs for as long as the transport.
pub(crate) async fn run(shared: Arc<Shared>, mut wish: watch::Receiver<Vec<Cid>>) {
    let pause = Duration::from_secs(60) / shared.config.limits.provides.max(1);
    let mut next: HashMap<Cid, Instant> = HashMap::new();
    loop {
        shared.health.up().await;
        let roots = wish.borrow_and_update().clone();
        next.retain(|cid, _| roots.contains(cid));
        let now = Instant::now();
        // A root that the daemon has not got was only a step on the way to a newer one, or will be given to it soon.
        let is_due = |root: &Cid| shared.shelf.has_given(root) && next.get(root).is_none_or(|at| *at <= now);
        let Some(root) = roots.into_iter().find(is_due) else {
            tokio::select! {
                changed = wish.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
            continue;
        };
        let again = match provide_one(&shared, root).await {
            Ok(()) => {
                shared.counters.roots_provided.add(1);
                RENEW
            }
            Err(error) if error.is_unsupported() => {
                tracing::warn!(%error, "the daemon does not provide roots on demand; it does in its own time");
                return;
            }
            Err(error) => {
                shared.counters.provides_failed.add(1);
                tracing::debug!(%root, %error, "not provided yet");
                AGAIN
            }
        };
        next.insert(root, Instant::now() + again);
        tokio::time::sleep(pause).await;
    }
}

/// Makes one CID known.
pub(crate) async fn provide_one(shared: &Shared, root: Cid) -> Result<(), RpcError> {
    let call = Call::new("routing/provide", LONGEST).arg(root).waits_for_others();
    let mut lines = shared.rpc.lines(call).await?;
    // It tells whom it asks; the end is what matters.
    while lines.next::<IgnoredAny>().await?.is_some() {}
    Ok(())
}
