//! Whether the daemon is there: one state that every task looks at.

use std::time::Instant;

use tokio::sync::watch;

/// The state, and those who wait for it to change.
#[derive(Debug)]
pub(crate) struct Health(watch::Sender<State>);

/// What is known of the daemon.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Whether it answers.
    pub(crate) up: bool,
    /// Counts the times that it began to answer. What was agreed with the daemon in an older life is void.
    pub(crate) life: u64,
    /// Since when it is as it is.
    pub(crate) since: Instant,
    /// Its name to others; empty until it first answered.
    pub(crate) peer_id: String,
    /// What software it says it runs.
    pub(crate) agent: String,
    /// Where others reach it.
    pub(crate) addresses: Vec<String>,
    /// Why it was last found not to answer.
    pub(crate) error: Option<String>,
}

/// What the daemon says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) peer_id: String,
    pub(crate) agent: String,
    pub(crate) addresses: Vec<String>,
}

impl Health {
    /// Of a daemon that was not asked yet.
    pub(crate) fn new(now: Instant) -> Self {
        let state = State {
            up: false,
            life: 0,
            since: now,
            peer_id: String::new(),
            agent: String::new(),
            addresses: Vec::new(),
            error: None,
        };
        Health(watch::Sender::new(state))
    }

    /// The state now.
    pub(crate) fn now(&self) -> State {
        self.0.borrow().clone()
    }

    /// Tells of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }

    /// The daemon's name, if it ever answered.
    pub(crate) fn is_me(&self, peer: &str) -> bool {
        self.0.borrow().peer_id == peer
    }

    /// The daemon answered. Says whether this begins a new life.
    pub(crate) fn answered(&self, told: Told, now: Instant) -> bool {
        let mut begins = false;
        self.0.send_if_modified(|state| {
            begins = !state.up || state.peer_id != told.peer_id;
            if begins {
                state.life += 1;
                state.since = now;
                state.up = true;
                state.error = None;
            }
            let changed = begins || state.addresses != told.addresses;
            (state.peer_id, state.agent, state.addresses) = (told.peer_id, told.agent, told.addresses);
            changed
        });
        begins
    }

    /// The daemon does not answer. Says whether it did until now.
    pub(crate) fn lost(&self, error: String, now: Instant) -> bool {
        let mut was_up = false;
        self.0.send_if_modified(|state| {
            was_up = std::mem::replace(&mut state.up, false);
            if was_up {
                state.since = now;
            }
            state.error = Some(error);
            true
        });
        was_up
    }

    /// Waits until it answers; gives the number of its life.
    pub(crate) async fn up(&self) -> u64 {
        let mut watcher = self.0.subscribe();
        // The sender lives as long as `self`, so that waiting cannot fail.
        let state = watcher.wait_for(|state| state.up).await;
        state.map_or(0, |state| state.life)
    }

    /// Waits until this life is over.
    pub(crate) async fn over(&self, life: u64) {
        let mut watcher = self.0.subscribe();
        let _ = watcher.wait_for(|state| !state.up || state.life != life).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn told(peer: &str) -> Told {
        Told { peer_id: peer.to_owned(), ..Told::default() }
    }

    #[test]
    fn what_waits_for_the_daemon_goes_on_when_it_is_back_and_knows_that_it_was_away() {
        let (health, now) = (Health::new(Instant::now()), Instant::now());
        assert_eq!(health.up().now_or_never(), None);
        assert!(health.answered(told("a"), now));
        let life = health.up().now_or_never().expect("it is up");
        assert!(!health.answered(told("a"), now), "it was up all the time");
        assert_eq!(health.over(life).now_or_never(), None);
        assert!(health.lost("gone".into(), now) && !health.lost("still gone".into(), now));
        assert!(health.over(life).now_or_never().is_some());
        assert!(health.answered(told("a"), now));
        assert_eq!(health.up().now_or_never(), Some(life + 1));
    }

    #[test]
    fn another_daemon_at_the_same_address_is_a_new_life() {
        let (health, now) = (Health::new(Instant::now()), Instant::now());
        health.answered(told("a"), now);
        assert!(health.answered(told("b"), now));
        assert!(health.is_me("b") && !health.is_me("a"));
    }
}
