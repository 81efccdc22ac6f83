//! The circuit breaker: a daemon that fails again and again is left alone until a probe finds it well.

use parking_lot::Mutex;

/// Outages in a row after which calls are no longer made.
const OUTAGES: u32 = 3;

/// Closed (calls pass) or open (they fail at once). Whoever probes the daemon closes it.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    outages: u32,
    open: bool,
    opened: u64,
}

impl Breaker {
    /// Whether a call may be made.
    pub(crate) fn lets_through(&self) -> bool {
        !self.0.lock().open
    }

    /// A call failed by an outage. Says whether this opened the breaker.
    pub(crate) fn failed(&self) -> bool {
        let mut state = self.0.lock();
        state.outages = state.outages.saturating_add(1);
        let opens = !state.open && state.outages >= OUTAGES;
        if opens {
            state.open = true;
            state.opened += 1;
        }
        opens
    }

    /// A call was answered. It does not close an open breaker: an answer to a call from before proves nothing.
    pub(crate) fn answered(&self) {
        self.0.lock().outages = 0;
    }

    /// The daemon is given up at once, or found well again.
    pub(crate) fn set_open(&self, open: bool) {
        let mut state = self.0.lock();
        if open && !state.open {
            state.opened += 1;
        }
        *state = State { outages: 0, open, opened: state.opened };
    }

    /// How often it opened.
    pub(crate) fn times_opened(&self) -> u64 {
        self.0.lock().opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_fails_in_a_row_is_left_alone_until_a_probe_succeeds() {
        let breaker = Breaker::default();
        assert!(!breaker.failed() && !breaker.failed());
        assert!(breaker.lets_through(), "two failures may be chance");
        assert!(breaker.failed(), "the third opens it");
        assert!(!breaker.lets_through());
        breaker.answered();
        assert!(!breaker.lets_through(), "a late answer is no proof");
        breaker.set_open(false);
        assert!(breaker.lets_through());
        assert_eq!(breaker.times_opened(), 1);
    }

    #[test]
    fn failures_with_answers_between_them_do_not_open_it() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed();
            breaker.failed();
            breaker.answered();
        }
        assert!(breaker.lets_through());
    }
}
