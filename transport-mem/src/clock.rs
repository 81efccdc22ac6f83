//! Virtual time, as a peer's own clock shows it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tidings_ledger::Time;
use tidings_ledger::handle::Clock;

use crate::net::{Happening, Index, Moment, Net};

/// When every world begins: the 21st of November 2026, midnight.
pub const EPOCH: Time = Time::from_millis(1_795_219_200_000);

/// A peer's clock: the world's time and the peer's own error.
#[derive(Clone)]
pub struct VirtualClock {
    net: Arc<Net>,
    me: Index,
}

impl VirtualClock {
    pub(crate) fn new(net: Arc<Net>, me: Index) -> Self {
        VirtualClock { net, me }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        let net = self.net.lock();
        let millis = EPOCH.as_millis() + net.now / 1000;
        Time::from_millis(millis.saturating_add_signed(net.peers[self.me].skew))
    }

    fn sleep_until(&self, time: Time) -> BoxFuture<'static, ()> {
        let skew = self.net.lock().peers[self.me].skew;
        let millis = time.as_millis().saturating_add_signed(skew.saturating_neg()).saturating_sub(EPOCH.as_millis());
        Box::pin(Sleep { net: self.net.clone(), until: millis.saturating_mul(1000), alarm: None })
    }
}

struct Sleep {
    net: Arc<Net>,
    /// Microseconds since the world began.
    until: u64,
    alarm: Option<Moment>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let net = self.net.clone();
        let mut net = net.lock();
        if let Some(alarm) = self.alarm.take() {
            net.cancel(&alarm);
        }
        if net.now >= self.until {
            return Poll::Ready(());
        }
        let rest = self.until - net.now;
        self.alarm = Some(net.after(rest, Happening::Wake(context.waker().clone())));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            self.net.lock().cancel(&alarm);
        }
    }
}
