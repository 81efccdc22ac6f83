//! Blocks on their way from the transport to the replica: entry files go through admission, outside the replica's lock, and
//! while what came before them is taken in.

use std::sync::Arc;

use bytes::Bytes;
use futures::channel::oneshot;

use super::core::Core;
use crate::admission::Submission;
use crate::content::RAW;
use crate::replica::{Arrival, Arrived};
use crate::transport::Fetched;

/// The group of blocks that is being checked, if one is.
#[derive(Default)]
pub(super) struct Arriving {
    /// Whether groups are checked here and now, so that their order depends on nothing but theirs.
    pub(super) in_step: bool,
    checking: Option<oneshot::Receiver<Vec<Arrival>>>,
}

impl Arriving {
    /// Whether the next group may come.
    pub(super) fn is_free(&self) -> bool {
        self.checking.is_none()
    }

    /// Begins to check a group. Only when the one before was taken.
    pub(super) fn check(&mut self, core: &Arc<Core>, group: Vec<Fetched>) {
        let (done, checking) = oneshot::channel();
        self.checking = Some(checking);
        let core = core.clone();
        // Nobody waits for it once the driver has ended.
        let check = move || drop(done.send(admit(&core, group)));
        #[cfg(feature = "parallel")]
        if !self.in_step {
            return rayon::spawn(check);
        }
        check();
    }

    /// The checked group; pending while there is none.
    pub(super) async fn checked(&mut self) -> Vec<Arrival> {
        let Some(checking) = &mut self.checking else { return futures::future::pending().await };
        // A check that panics ends the process, so there always is an answer.
        let arrivals = checking.await.unwrap_or_default();
        self.checking = None;
        arrivals
    }
}

/// Entry files go through admission together.
fn admit(core: &Core, group: Vec<Fetched>) -> Vec<Arrival> {
    let files: Vec<Submission> = group
        .iter()
        .filter(|fetched| fetched.cid.codec() == RAW)
        .filter_map(|fetched| fetched.result.as_ref().ok())
        .map(|block| Submission { file: block.bytes.clone(), topic: None })
        .collect();
    let mut admitted = files.iter().map(|submission| submission.file.len()).zip(core.admit(&files));
    let mut arrivals = Vec::with_capacity(group.len());
    for Fetched { cid, result } in group {
        let (from, content) = match result {
            Err(_) => (None, Arrived::Missing),
            Ok(block) if cid.codec() == RAW => match admitted.next() {
                Some((len, result)) => (Some(block.from), Arrived::Entry(result, len)),
                None => (Some(block.from), Arrived::Missing),
            },
            Ok(block) => (Some(block.from), Arrived::Node(Bytes::clone(&block.bytes))),
        };
        arrivals.push(Arrival { cid, from, content });
    }
    arrivals
}
