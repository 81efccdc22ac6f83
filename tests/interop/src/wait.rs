//! Waiting for something, for a bounded time.

use std::time::{Duration, Instant};

/// Nothing here takes this long unless it hangs: a cold Node.js on a busy machine needs some ten seconds.
pub const LONG: Duration = Duration::from_secs(90);

/// Asks until it gives something or the time is up.
pub fn until<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if begun.elapsed() > patience {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks until it holds, or panics.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    assert!(until(LONG, || holds().then_some(())).is_some(), "within {LONG:?} it did not come about that {what}");
}
