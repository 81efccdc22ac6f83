//! A clock that is fast, and may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tidings_ledger::Time;
use tidings_ledger::handle::Clock;

/// No timer sleeps longer than this at a stretch: the clock may have been set meanwhile.
const STRETCH: Duration = Duration::from_millis(200);

/// Begins at the machine's time and runs at a multiple of its pace.
#[derive(Debug, Clone)]
pub struct PacedClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pace: u32,
    begun: Instant,
    skew: AtomicI64,
}

/// One beginning for all clocks of a program: whoever is started later is not behind.
fn beginning() -> (Instant, u64) {
    static BEGINNING: std::sync::LazyLock<(Instant, u64)> = std::sync::LazyLock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), since.as_millis() as u64)
    });
    *BEGINNING
}

impl PacedClock {
    /// A right clock of this pace.
    pub fn new(pace: u32) -> Arc<Self> {
        Arc::new(PacedClock(Arc::new(Inner { pace, begun: beginning().0, skew: AtomicI64::new(0) })))
    }

    /// Makes it wrong by so much.
    pub fn set_skew(&self, millis: i64) {
        self.0.skew.store(millis, Ordering::Relaxed);
    }
}

impl Clock for PacedClock {
    fn now(&self) -> Time {
        let passed = (self.0.begun.elapsed() * self.0.pace).as_millis() as u64;
        Time::from_millis((beginning().1 + passed).saturating_add_signed(self.0.skew.load(Ordering::Relaxed)))
    }

    fn sleep_until(&self, time: Time) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            loop {
                let left = time.since(this.now()) / this.0.pace;
                if left.is_zero() {
                    return;
                }
                // A little more than what is left, or rounding would make it wake up in vain.
                tokio::time::sleep(left.min(STRETCH) + Duration::from_micros(200)).await;
            }
        })
    }
}
