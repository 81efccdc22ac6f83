//! What peers did wrong. A daemon forwards before we can judge and cannot be told to shun anybody, so what is left to us is
//! not to listen.

use std::num::NonZeroUsize;
use std::time::Instant;

use lru::LruCache;
use parking_lot::Mutex;
use tidings_ledger::transport::{Demerit, Peer};

/// Peers that are remembered; those heard of longest ago are forgotten first.
const PEERS: usize = 4096;
/// Points at which a peer is no longer listened to.
const REFUSED_AT: f64 = 100.0;
/// Points fall by half in this time, so that a mended peer is heard again.
const HALF_LIFE: f64 = 600.0;

/// The record of all peers.
#[derive(Debug)]
pub(crate) struct Standing(Mutex<LruCache<Peer, Record>>);

#[derive(Debug, Clone, Copy)]
struct Record {
    points: f64,
    at: Instant,
}

impl Record {
    fn now(&self, now: Instant) -> f64 {
        self.points * 0.5_f64.powf(now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE)
    }
}

impl Default for Standing {
    fn default() -> Self {
        Standing(Mutex::new(LruCache::new(NonZeroUsize::new(PEERS).unwrap_or(NonZeroUsize::MIN))))
    }
}

impl Standing {
    /// Notes a demerit. Says whether the peer is refused from now on.
    pub(crate) fn demerit(&self, peer: &Peer, demerit: Demerit, now: Instant) -> bool {
        self.add(peer, weight(demerit), now)
    }

    /// Notes a message that was rejected.
    pub(crate) fn rejected(&self, peer: &Peer, now: Instant) -> bool {
        self.add(peer, 20.0, now)
    }

    /// The points of a peer.
    pub(crate) fn points(&self, peer: &Peer, now: Instant) -> f64 {
        self.0.lock().peek(peer).map_or(0.0, |record| record.now(now))
    }

    /// Whether the peer is not listened to.
    pub(crate) fn refuses(&self, peer: &Peer, now: Instant) -> bool {
        self.points(peer, now) >= REFUSED_AT
    }

    fn add(&self, peer: &Peer, points: f64, now: Instant) -> bool {
        let mut records = self.0.lock();
        let record = records.get_or_insert_mut(peer.clone(), || Record { points: 0.0, at: now });
        let before = record.now(now);
        *record = Record { points: before + points, at: now };
        before < REFUSED_AT && before + points >= REFUSED_AT
    }
}

/// What cannot happen by accident weighs more.
fn weight(demerit: Demerit) -> f64 {
    match demerit {
        Demerit::BadEntry | Demerit::BadFolder => 50.0,
        Demerit::BadAnnouncement => 20.0,
        // A fetch through somebody else's daemon fails for many innocent reasons.
        _ => 5.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn whoever_sends_rubbish_is_not_heard_until_it_is_long_past() {
        let (standing, peer, now) = (Standing::default(), Peer::new("x"), Instant::now());
        assert!(!standing.demerit(&peer, Demerit::BadEntry, now));
        assert!(!standing.refuses(&peer, now));
        assert!(standing.demerit(&peer, Demerit::BadFolder, now), "that was too much");
        assert!(standing.refuses(&peer, now));
        assert!(!standing.refuses(&peer, now + Duration::from_secs(601)));
        assert!(!standing.refuses(&Peer::new("y"), now), "others are not concerned");
    }

    #[test]
    fn a_flood_of_invented_peers_does_not_fill_the_memory() {
        let (standing, now) = (Standing::default(), Instant::now());
        for n in 0..3 * PEERS {
            standing.rejected(&Peer::new(n.to_string()), now);
        }
        assert_eq!(standing.0.lock().len(), PEERS);
    }
}
