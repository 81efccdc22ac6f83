//! Clocks: the one way by which time gets into a ledger.

use futures::future::BoxFuture;

use crate::time::Time;

/// Tells the time and waits. The simulator hands in one of virtual time.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Time;

    /// Is done at this time, or at once if it has passed.
    fn sleep_until(&self, time: Time) -> BoxFuture<'static, ()>;
}

/// The clock of the machine, with tokio's timer: futures of this clock are awaited inside a tokio runtime.
#[cfg(feature = "tokio")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[cfg(feature = "tokio")]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is where the clock is handed in")]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(since.as_millis().try_into().unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, time: Time) -> BoxFuture<'static, ()> {
        let span = time.since(self.now());
        Box::pin(tokio::time::sleep(span))
    }
}
