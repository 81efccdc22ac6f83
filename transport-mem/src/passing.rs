//! The passing of time.

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::world::World;

/// A condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLate {
    /// How long it was waited for, in virtual time.
    pub waited: Duration,
    /// How much happened meanwhile.
    pub happened: u64,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not so after {:?} of virtual time, in which {} things happened", self.waited, self.happened)
    }
}

impl std::error::Error for TooLate {}

impl World {
    /// The most that may happen while a condition is waited for: beyond that, peers talk in circles.
    const MOST: u64 = 20_000_000;

    /// Lets this much time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.net.lock().now + span.as_micros() as u64;
        self.executor.run();
        while self.step(until) {}
    }

    /// Lets time pass until the condition holds, at most this long; says how long it took.
    pub fn run_until(&mut self, bound: Duration, mut done: impl FnMut(&World) -> bool) -> Result<Duration, TooLate> {
        let start = self.net.lock().now;
        let (until, happened) = (start + bound.as_micros() as u64, self.happened);
        self.executor.run();
        loop {
            if done(self) {
                return Ok(Duration::from_micros(self.net.lock().now - start));
            }
            let is_over = !self.step(until);
            if (is_over && !done(self)) || self.happened - happened > Self::MOST {
                return Err(TooLate { waited: bound, happened: self.happened - happened });
            }
        }
    }

    /// Runs one happening and what follows from it; says whether there was one by then.
    fn step(&mut self, until: u64) -> bool {
        let more = self.net.lock().advance(until);
        self.happened += u64::from(more);
        self.strike();
        self.executor.run();
        more
    }

    /// Waits for a future, such as an append, for at most a minute of virtual time.
    ///
    /// # Panics
    /// If it is not done by then.
    pub fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        let until = self.net.lock().now + 60_000_000;
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
            self.executor.run();
            assert!(self.step(until), "a future that is not done after a minute");
        }
    }
}
