//! What travels between two peers, one by one, for whoever draws a picture of it.

use std::time::Duration;

use crate::kind::Kind;
use crate::net::Inner;
use crate::travel::Sent;
use crate::world::PeerId;

/// Something that one peer sent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// What it is.
    pub parcel: Parcel,
    /// Whose: the number of the announcement, or of the fetch; 0 for other kinds. All hops of one have the same.
    pub number: u64,
    /// From whom.
    pub from: PeerId,
    /// To whom.
    pub to: PeerId,
    /// When it left.
    pub left: Duration,
    /// How long it is on its way; `None` if it gets lost.
    pub takes: Option<Duration>,
    /// How long it is, in bytes.
    pub bytes: usize,
}

/// What travels.
pub type Parcel = Kind;

/// Sees every hop of a world.
pub(crate) type Watcher = Box<dyn FnMut(&Hop) + Send>;

impl Inner {
    /// Tells the watcher, if there is one.
    pub(crate) fn saw(&mut self, sent: &Sent, takes: Option<u64>) {
        let left = Duration::from_micros(self.now);
        let Sent { kind: parcel, number, from, to, bytes } = *sent;
        if let Some(watcher) = &mut self.watcher {
            let takes = takes.map(Duration::from_micros);
            watcher(&Hop { parcel, number, from: PeerId(from), to: PeerId(to), left, takes, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tidings_ledger::{AuthorKey, Draft, TopicName};

    use super::*;
    use crate::{Link, Setup, World};

    #[test]
    fn what_is_watched_is_what_was_counted() {
        let mut world = World::new(3);
        let hops: Arc<Mutex<Vec<Hop>>> = Arc::default();
        let seen = hops.clone();
        world.watch(move |hop| seen.lock().push(*hop));
        let peers = [0; 3].map(|_| world.peer(Setup::default()).expect("memory opens"));
        let topic = TopicName::parse("room:seen").expect("a good name");
        world.connect_all(&peers, Link::LAN.losing(0.3));
        for peer in peers {
            world.ledger(peer).topic(&topic).follow().expect("memory takes it");
        }
        for at in 0..20 {
            let writer = world.ledger(peers[0]).topic(&topic);
            world
                .wait(writer.append(&AuthorKey::from_seed(&[1; 32]), Draft::new("post", at.to_string())))
                .expect("good");
            world.run_for(Duration::from_secs(1));
        }
        let hops = hops.lock();
        for peer in peers {
            let traffic = world.traffic(peer);
            let sum =
                |is_mine: &dyn Fn(&&Hop) -> bool| hops.iter().filter(is_mine).map(|hop| hop.bytes as u64).sum::<u64>();
            assert_eq!(sum(&|hop| hop.from == peer), traffic.sent_bytes);
            assert_eq!(sum(&|hop| hop.to == peer && hop.takes.is_some()), traffic.got_bytes);
            let lost = hops.iter().filter(|hop| hop.to == peer && hop.takes.is_none()).count();
            assert_eq!(lost as u64, traffic.lost + traffic.lost_others);
        }
        assert!(hops.iter().any(|hop| hop.takes.is_none()), "nothing was lost");
    }
}
