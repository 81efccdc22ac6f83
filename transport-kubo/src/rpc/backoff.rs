//! How long to wait before the next attempt.

use std::time::Duration;

/// Twice as long each time up to a limit; half of it is chance, so that many clients do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    attempts: u32,
}

impl Backoff {
    /// Between half of `first` and `most`.
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Backoff { first, most, attempts: 0 }
    }

    /// The wait before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.attempts.min(20)).min(self.most);
        self.attempts += 1;
        whole.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// Things went well: begin anew.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_never_beyond_and_begin_anew() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(2));
        let mut backoff = Backoff::new(first, most);
        let waits: Vec<Duration> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits.iter().all(|wait| (first / 2..=most).contains(wait)), "{waits:?}");
        assert!(waits[60..].iter().all(|wait| *wait >= most / 2), "{waits:?}");
        backoff.reset();
        assert!(backoff.next() <= first);
    }

    #[test]
    fn clients_that_failed_together_do_not_return_together() {
        let wait = || Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).next();
        let first = wait();
        assert!((0..50).any(|_| wait() != first));
    }
}
