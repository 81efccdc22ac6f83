//! The stream that a fetch gives its caller.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::Stream;
use tidings_ledger::transport::Fetched;
use tokio::sync::mpsc::UnboundedReceiver;

use super::exchange::Exchange;

/// Groups of answers; dropping it cancels the fetch.
pub(crate) struct Fetching {
    exchange: Arc<Exchange>,
    /// `None` when there is nothing to cancel.
    id: Option<u64>,
    /// Unbounded as a channel, bounded by the session's window: what is unread is not asked for anew.
    groups: UnboundedReceiver<(Vec<Fetched>, u64)>,
    unread: Arc<AtomicU64>,
}

impl Fetching {
    pub(crate) fn new(
        exchange: Arc<Exchange>,
        id: Option<u64>,
        groups: UnboundedReceiver<(Vec<Fetched>, u64)>,
        unread: Arc<AtomicU64>,
    ) -> Self {
        Fetching { exchange, id, groups, unread }
    }
}

impl Stream for Fetching {
    type Item = Vec<Fetched>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Fetched>>> {
        match self.groups.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.id = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((group, bytes))) => {
                self.unread.fetch_sub(bytes, Ordering::Relaxed);
                if let (Some(id), true) = (self.id, bytes > 0) {
                    self.exchange.with_client(|client, now, out| client.read(id, bytes, now, out));
                }
                Poll::Ready(Some(group))
            }
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.exchange.with_client(|client, _, out| client.cancel(id, out));
        }
        self.groups.close();
        while let Ok((_, bytes)) = self.groups.try_recv() {
            self.unread.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}
