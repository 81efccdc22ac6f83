//! Standing: what peers did wrong, how much of it is forgiven with time, and when a peer is refused.
//!
//! Each offence weighs points. Points halve every [`HALF_LIFE`]. A peer at [`REFUSED_AT`] points is disconnected and
//! refused until its points have fallen to half of that. The points also go to gossipsub as the application's part of
//! a peer's score (negative), so that a peer in disgrace is left out of the mesh before it is refused.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use parking_lot::Mutex;
use tidings_ledger::transport::Demerit;
use tokio::sync::Notify;

/// Points halve in this time: an honest peer with a bug that was mended is welcome again the same hour.
const HALF_LIFE: Duration = Duration::from_secs(600);
/// At so many points a peer is refused. gossipsub ignores it (its graylist) at the same figure.
pub(crate) const REFUSED_AT: f64 = 100.0;
/// Peers remembered; those with the fewest points are forgotten first.
const MAX_PEERS: usize = 4096;

/// What a peer did wrong, as seen by the transport or told by its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offence {
    /// A block nobody asked for, or bytes that are not those of the CID asked for.
    UnaskedBlock,
    /// A Bitswap message that does not decode, or is too large.
    BadMessage,
    /// Told through [`tidings_ledger::transport::Fetch::demerit`].
    Told(Demerit),
}

impl Offence {
    fn points(self) -> f64 {
        match self {
            // A dozen wrong blocks within minutes are no accident.
            Offence::UnaskedBlock => 10.0,
            Offence::BadMessage => 30.0,
            // May be a peer that lost its disk, or a partition: mild.
            Offence::Told(Demerit::Withheld) => 5.0,
            Offence::Told(Demerit::BadAnnouncement) => 10.0,
            Offence::Told(Demerit::BadFolder | Demerit::BadEntry) => 20.0,
            Offence::Told(_) => 10.0,
        }
    }
}

/// The points of all peers.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    peers: Mutex<HashMap<PeerId, Points>>,
    /// Tells the swarm that somebody's points changed.
    pub(crate) changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Points {
    points: f64,
    at: Instant,
    /// Not yet told to the swarm.
    news: bool,
}

impl Points {
    fn at(&self, now: Instant) -> f64 {
        let halvings = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.points * 0.5f64.powf(halvings)
    }
}

impl Standing {
    /// Notes an offence.
    pub(crate) fn note(&self, peer: PeerId, offence: Offence, now: Instant) {
        let mut peers = self.peers.lock();
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            forget_least(&mut peers, now);
        }
        let entry = peers.entry(peer).or_insert(Points { points: 0.0, at: now, news: true });
        *entry = Points { points: entry.at(now) + offence.points(), at: now, news: true };
        drop(peers);
        self.changed.notify_one();
    }

    /// The peers whose points changed since the last call, with their points.
    pub(crate) fn news(&self, now: Instant) -> Vec<(PeerId, f64)> {
        let mut peers = self.peers.lock();
        let news =
            |(peer, points): (&PeerId, &mut Points)| std::mem::take(&mut points.news).then(|| (*peer, points.at(now)));
        peers.iter_mut().filter_map(news).collect()
    }

    /// All peers with their points, for refreshing what was told of them; those without any are forgotten.
    pub(crate) fn all(&self, now: Instant) -> Vec<(PeerId, f64)> {
        let mut peers = self.peers.lock();
        peers.retain(|_, points| points.news || points.at(now) >= 0.1);
        peers.iter().map(|(peer, points)| (*peer, points.at(now))).collect()
    }

    /// The peer's points.
    pub(crate) fn of(&self, peer: &PeerId, now: Instant) -> f64 {
        self.peers.lock().get(peer).map_or(0.0, |points| points.at(now))
    }
}

fn forget_least(peers: &mut HashMap<PeerId, Points>, now: Instant) {
    let least = peers.iter().min_by(|a, b| a.1.at(now).total_cmp(&b.1.at(now))).map(|(peer, _)| *peer);
    if let Some(peer) = least {
        peers.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_offences_are_forgiven() {
        let (standing, peer, start) = (Standing::default(), PeerId::random(), Instant::now());
        for _ in 0..10 {
            standing.note(peer, Offence::UnaskedBlock, start);
        }
        assert!(standing.of(&peer, start) >= REFUSED_AT);
        assert!(standing.of(&peer, start + HALF_LIFE) <= REFUSED_AT / 2.0);
    }

    #[test]
    fn a_crowd_of_strangers_does_not_fill_the_memory() {
        let (standing, start) = (Standing::default(), Instant::now());
        let worst = PeerId::random();
        standing.note(worst, Offence::BadMessage, start);
        for _ in 0..MAX_PEERS + 10 {
            standing.note(PeerId::random(), Offence::UnaskedBlock, start);
        }
        assert_eq!(standing.peers.lock().len(), MAX_PEERS);
        assert!(standing.of(&worst, start) > 0.0, "the worst is not the one to forget");
    }
}
