//! What a hostile stranger does: none of it may leave a trace in anybody's set.

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::FutureExt;
use ipld_dagpb::{PbLink, PbNode};
use multihash::Multihash;
use sha2::{Digest, Sha256};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::store::MemoryStore;
use tidings_ledger::transport::{Broadcast, Channel};
use tidings_ledger::{AuthorKey, Draft, Entry, Ledger, Options, Time, TopicName};
use tidings_transport_mem::{PeerId, World};

use crate::oracle::FarFuture;
use crate::simulated::Shelf;

/// A stranger, what it serves, and a chain of its own that lies in the far future.
pub(super) struct Hostile {
    peer: PeerId,
    shelf: Arc<Shelf>,
    far: Ledger,
}

impl Hostile {
    pub(super) fn new(world: &mut World) -> Self {
        let shelf = Arc::new(Shelf::default());
        let peer = world.stranger(shelf.clone());
        let far = Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(FarFuture), Options::default());
        Hostile { peer, shelf, far: far.expect("memory opens") }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.peer
    }

    /// One act, against a topic of which the stranger has seen an entry and a root.
    pub(super) fn act(
        &self,
        world: &World,
        rng: &mut fastrand::Rng,
        topic: &TopicName,
        seen: Option<&Entry>,
        root: Option<Cid>,
    ) {
        let honest = root.unwrap_or_else(|| block(&[0]).0);
        let (folder, inline): (Cid, Vec<Bytes>) = match rng.u8(0..8) {
            0 => {
                let junk: Vec<u8> = (0..rng.usize(0..2000)).map(|_| rng.u8(..)).collect();
                return self.publish(world, topic, junk.into());
            }
            1 => (block(&rng.u64(..).to_be_bytes()).0, Vec::new()),
            2 => (self.tree_of_junk(rng), Vec::new()),
            3 => (honest, seen.map(|entry| forged(entry, rng)).into_iter().collect()),
            4 => (honest, seen.map(|entry| entry.redacted().to_file().into()).into_iter().collect()),
            5 => (honest, vec![self.future_entry(topic)]),
            6 => (self.list(&forged_or_junk(seen, rng)), Vec::new()),
            // An old root again, which may be behind everybody's by now.
            _ => (honest, Vec::new()),
        };
        let announcement = Announcement { topic: topic.id(), folder, count: rng.u64(..), newest: Time::MAX, inline };
        self.publish(world, topic, announcement.encode().into());
    }

    fn publish(&self, world: &World, topic: &TopicName, message: Bytes) {
        // What is too large is refused, as from anybody.
        let _ = world.transport(self.peer).publish(Channel::new(topic.id()), message);
    }

    /// A folder that lists one file under a made-up name.
    fn list(&self, file: &Bytes) -> Cid {
        let (cid, _) = block(file);
        self.shelf.put(&cid, file.clone());
        self.directory(vec![(name(0), cid, file.len() as u64)])
    }

    /// A folder of names that lead nowhere, or to junk.
    fn tree_of_junk(&self, rng: &mut fastrand::Rng) -> Cid {
        let count = rng.u64(1..200);
        let links = (0..count).map(|at| {
            let junk = Bytes::from(vec![at as u8; rng.usize(1..400)]);
            let (cid, _) = block(&junk);
            if rng.bool() {
                self.shelf.put(&cid, junk.clone());
            }
            (name(at), cid, junk.len() as u64)
        });
        self.directory(links.collect())
    }

    fn directory(&self, links: Vec<(String, Cid, u64)>) -> Cid {
        let link = |(name, cid, size)| PbLink { cid, name: Some(name), size: Some(size) };
        let links = links.into_iter().map(link).collect();
        let bytes = Bytes::from(PbNode { links, data: Some(Bytes::from_static(&[0x08, 0x01])) }.into_bytes());
        let cid = Cid::new_v1(0x70, *block(&bytes).0.hash());
        self.shelf.put(&cid, bytes);
        cid
    }

    /// An entry that is as it should be, but for its time.
    fn future_entry(&self, topic: &TopicName) -> Bytes {
        let draft = Draft::new("post", "I come from the year 9000.").at(Time::from_millis(222_000_000_000_000));
        let key = AuthorKey::from_seed(&[66; 32]);
        let entry = self.far.topic(topic).append(&key, draft).now_or_never().and_then(Result::ok);
        entry.map(|entry| entry.to_file().into()).unwrap_or_default()
    }
}

/// A file with one bit changed, wherever that is: encoding, signature, header or body.
fn forged(entry: &Entry, rng: &mut fastrand::Rng) -> Bytes {
    let mut file = entry.to_file();
    let at = rng.usize(0..file.len());
    file[at] ^= 1 << rng.u8(0..8);
    file.into()
}

fn forged_or_junk(seen: Option<&Entry>, rng: &mut fastrand::Rng) -> Bytes {
    seen.map_or_else(|| Bytes::from_static(b"junk"), |entry| forged(entry, rng))
}

fn block(bytes: &[u8]) -> (Cid, usize) {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    (Cid::new_v1(0x55, Multihash::wrap(0x12, &digest).expect("32 bytes fit")), bytes.len())
}

/// An entry's name that is none.
fn name(at: u64) -> String {
    let digit = |place: u64| b"abcdefghijklmnopqrstuvwxyz234567"[(at >> (5 * place)) as usize % 32] as char;
    let digits: String = (0..12).rev().map(digit).collect();
    format!("{}-aaaa{digits}", Time::from_millis(1_795_219_000_000))
}
