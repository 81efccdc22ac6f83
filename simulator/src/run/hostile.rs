//! Hostile strangers: connected to some nodes for a while, they do what their acts say.

use std::sync::Arc;

use cid::Cid;
use tidings_ledger::transport::{Broadcast, Channel};
use tidings_ledger::{Entry, TopicName};
use tidings_transport_mem::{Link, PeerId, World};

use crate::acts::{Act, Scene, Shelf};

/// The strangers of one event.
pub(super) struct Strangers {
    peers: Vec<PeerId>,
    victims: Vec<PeerId>,
    shelf: Arc<Shelf>,
}

impl Strangers {
    pub(super) fn arrive(world: &mut World, count: usize, victims: &[PeerId], link: Link) -> Strangers {
        let shelf = Arc::new(Shelf::default());
        let peers: Vec<PeerId> = (0..count).map(|_| world.stranger(shelf.clone())).collect();
        for peer in &peers {
            for victim in victims {
                world.connect(*peer, *victim, link);
            }
        }
        Strangers { peers, victims: victims.to_vec(), shelf }
    }

    pub(super) fn depart(self, world: &mut World) {
        for peer in &self.peers {
            for victim in &self.victims {
                world.disconnect(*peer, *victim);
            }
        }
    }

    /// One of them does something hostile, against a topic of which an entry and a root may have been seen; says how many
    /// messages that took.
    pub(super) fn act(
        &mut self,
        world: &mut World,
        acts: &mut [Box<dyn Act>],
        topic: &TopicName,
        seen: Option<&Entry>,
        root: Option<Cid>,
    ) -> u64 {
        let mut rng = fastrand::Rng::with_seed(world.random());
        if acts.is_empty() {
            return 0;
        }
        let chosen = rng.usize(0..acts.len());
        let mut scene = Scene::new(topic, seen, root, &mut rng, &self.shelf);
        acts[chosen].act(&mut scene);
        let messages = scene.into_messages();
        let count = messages.len() as u64;
        for message in messages {
            let peer = self.peers[rng.usize(0..self.peers.len())];
            // What is too large is refused, as from anybody.
            let _ = world.transport(peer).publish(Channel::new(topic.id()), message);
        }
        count
    }
}
