//! A limit in bytes per second, shared by all who move blocks in one direction.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A token bucket that holds one second's worth.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Bytes per second; 0 for no limit.
    rate: u64,
    /// When the bytes let through so far are paid for.
    paid: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(crate) fn new(rate: u64) -> Self {
        Throttle { rate, paid: Mutex::new(None) }
    }

    /// Waits until `bytes` more may pass.
    pub(crate) async fn pass(&self, bytes: usize) {
        if self.rate > 0 {
            let wait = self.take(bytes as u64, Instant::now());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Books the bytes and says how long to wait before moving them.
    fn take(&self, bytes: u64, now: Instant) -> Duration {
        const BURST: Duration = Duration::from_secs(1);
        let mut paid = self.paid.lock();
        let from = paid.unwrap_or(now).max(now);
        *paid = Some(from + Duration::from_secs_f64(bytes as f64 / self.rate as f64));
        from.saturating_duration_since(now + BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_senders_together_keep_to_the_rate() {
        let (throttle, now) = (Throttle::new(1000), Instant::now());
        let waits: Vec<_> = (0..50).map(|_| throttle.take(100, now)).collect();
        // 5000 bytes at 1000 a second: the last may leave after four seconds, a second's worth being free.
        assert_eq!(waits[0], Duration::ZERO);
        let last = waits[49].as_secs_f64();
        assert!((3.8..4.0).contains(&last), "{last}");
    }
}
