//! Hostile strangers: they send junk, forgeries and lies to those they are connected to.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use cid::multihash::Multihash;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::{Blocks, Broadcast, Channel};
use tidings_ledger::{Entry, Time, TopicName};
use tidings_transport_mem::{Link, PeerId, World};

/// The strangers of one event.
pub(super) struct Strangers {
    peers: Vec<PeerId>,
    victims: Vec<PeerId>,
    shelf: Arc<Shelf>,
    pub(super) acts: u64,
}

/// What they serve: folders of junk.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<Vec<u8>, Bytes>>);

/// Blocks that a shelf holds at most.
const MOST_BLOCKS: usize = 4096;

impl Blocks for Shelf {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().get(&cid.to_bytes()).cloned())
    }
}

impl Shelf {
    fn put(&self, cid: &Cid, block: Bytes) {
        let mut blocks = self.0.lock();
        if blocks.len() >= MOST_BLOCKS {
            blocks.pop_first();
        }
        blocks.insert(cid.to_bytes(), block);
    }
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
        Strangers { peers, victims: victims.to_vec(), shelf, acts: 0 }
    }

    pub(super) fn depart(self, world: &mut World) {
        for peer in &self.peers {
            for victim in &self.victims {
                world.disconnect(*peer, *victim);
            }
        }
    }

    /// Does something hostile, against a topic of which an entry and a root may have been seen.
    pub(super) fn act(&mut self, world: &mut World, topic: &TopicName, seen: Option<&Entry>, root: Option<Cid>) {
        let mut rng = fastrand::Rng::with_seed(world.random());
        let honest = root.unwrap_or_else(|| raw(b"nothing"));
        let (folder, inline) = match rng.u8(0..5) {
            // A root that nobody can serve.
            0 => (directory(&rng.u64(..).to_be_bytes()), Vec::new()),
            // A root that they do serve, and that is no folder.
            1 => {
                let junk = Bytes::from((0..rng.usize(10..500)).map(|_| rng.u8(..)).collect::<Vec<u8>>());
                let cid = directory(&junk);
                self.shelf.put(&cid, junk);
                (cid, Vec::new())
            }
            // An honest entry with one bit changed.
            2 | 3 => (honest, seen.map(|entry| forged(entry, &mut rng)).into_iter().collect()),
            // No announcement at all.
            _ => {
                let junk: Vec<u8> = (0..rng.usize(1..2000)).map(|_| rng.u8(..)).collect();
                return self.publish(world, &mut rng, topic, junk.into());
            }
        };
        let announcement = Announcement { topic: topic.id(), folder, count: rng.u64(..), newest: Time::MAX, inline };
        self.publish(world, &mut rng, topic, announcement.encode().into());
    }

    fn publish(&mut self, world: &World, rng: &mut fastrand::Rng, topic: &TopicName, message: Bytes) {
        self.acts += 1;
        let peer = self.peers[rng.usize(0..self.peers.len())];
        // What is too large is refused, as from anybody.
        let _ = world.transport(peer).publish(Channel::new(topic.id()), message);
    }
}

fn forged(entry: &Entry, rng: &mut fastrand::Rng) -> Bytes {
    let mut file = entry.to_file();
    let at = rng.usize(0..file.len());
    file[at] ^= 1 << rng.u8(0..8);
    file.into()
}

/// The CID that a folder node of these bytes has.
fn directory(bytes: &[u8]) -> Cid {
    Cid::new_v1(0x70, *raw(bytes).hash())
}

fn raw(bytes: &[u8]) -> Cid {
    const RAW: u64 = 0x55;
    const SHA2_256: u64 = 0x12;
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    Cid::new_v1(RAW, Multihash::wrap(SHA2_256, &digest).unwrap_or_default())
}
