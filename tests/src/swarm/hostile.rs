//! What a hostile stranger does: none of it may leave a trace in anybody's set.

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::FutureExt;
use ipld_dagpb::{PbLink, PbNode};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::content::{node_cid, raw_cid};
use tidings_ledger::store::MemoryStore;
use tidings_ledger::transport::{Broadcast, Channel};
use tidings_ledger::{Author, AuthorKey, Draft, Entry, Ledger, Options, Time, TopicName};
use tidings_transport_mem::{EPOCH, PeerId, World};

use super::op::Act;
use crate::oracle::FarFuture;
use crate::simulated::Shelf;

/// The authors whose entries may come in though nobody of the workload wrote them: the stranger's own, and the key of small
/// order, in whose name anybody can sign.
const OWN: u8 = 67;
const GROUND: u8 = 68;
const SMALL_ORDER: [u8; 32] = {
    let mut identity = [0; 32];
    identity[0] = 1;
    identity
};

/// Announcements in a flood.
const FLOOD: u64 = 1000;

/// A stranger, what it serves, and chains of its own.
pub(super) struct Hostile {
    peer: PeerId,
    shelf: Arc<Shelf>,
    /// Two of them, so that it can say one thing to these and another to those.
    chains: [Ledger; 2],
}

impl Hostile {
    pub(super) fn new(world: &mut World) -> Self {
        let shelf = Arc::new(Shelf::default());
        let peer = world.stranger(shelf.clone());
        let chain = || Ledger::offline(Arc::new(MemoryStore::new()), Arc::new(FarFuture), Options::default());
        Hostile { peer, shelf, chains: [(); 2].map(|()| chain().expect("memory opens")) }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.peer
    }

    /// Whether an entry of this author may come in.
    pub(super) fn may_write(author: &Author) -> bool {
        let own = [OWN, GROUND].map(|seed| AuthorKey::from_seed(&[seed; 32]).author());
        own.contains(author) || *author.as_bytes() == SMALL_ORDER
    }

    /// One act, against a topic of which the stranger has seen an entry and a root.
    pub(super) fn act(
        &self,
        world: &World,
        act: Act,
        salt: u64,
        topic: &TopicName,
        seen: Option<&Entry>,
        root: Option<Cid>,
    ) {
        let mut rng = fastrand::Rng::with_seed(salt);
        let honest = root.unwrap_or_else(|| block(&[0]).0);
        let (folder, inline): (Cid, Vec<Bytes>) = match act {
            Act::Junk => return self.junk(world, &mut rng, topic),
            Act::Flood => return self.flood(world, &mut rng, topic),
            Act::Equivocates => return self.equivocate(world, topic, salt, honest),
            Act::NoRoot => (block(&rng.u64(..).to_be_bytes()).0, Vec::new()),
            Act::Lies => (self.tree_of_junk(&mut rng), Vec::new()),
            Act::Forged => (honest, seen.map(|entry| forged(entry, &mut rng)).into_iter().collect()),
            Act::Bodiless => (honest, seen.map(|entry| entry.redacted().to_file().into()).into_iter().collect()),
            Act::Future => (honest, vec![self.future_entry(topic)]),
            Act::ForgedInFolder => (self.list(&forged_or_junk(seen, &mut rng)), Vec::new()),
            // An old root again, which may be behind everybody's by now.
            Act::Inflated => (honest, Vec::new()),
            Act::Crafted => (honest, seen.and_then(crafted).into_iter().collect()),
            Act::Ground => (honest, self.ground(topic, rng.bool(), salt)),
        };
        let announcement = Announcement { topic: topic.id(), folder, count: rng.u64(..), newest: Time::MAX, inline };
        self.publish(world, topic, announcement.encode().into());
    }

    fn junk(&self, world: &World, rng: &mut fastrand::Rng, topic: &TopicName) {
        let junk: Vec<u8> = (0..rng.usize(0..2000)).map(|_| rng.u8(..)).collect();
        self.publish(world, topic, junk.into());
    }

    /// Roots that nobody has, one after the other.
    fn flood(&self, world: &World, rng: &mut fastrand::Rng, topic: &TopicName) {
        for _ in 0..FLOOD {
            let folder = block(&rng.u64(..).to_be_bytes()).0;
            let lie = Announcement { topic: topic.id(), folder, count: 1, newest: Time::MAX, inline: Vec::new() };
            self.publish(world, topic, lie.encode().into());
        }
    }

    /// Two entries in one place of a chain. Gossip carries both to all, and all have to hold both.
    fn equivocate(&self, world: &World, topic: &TopicName, salt: u64, folder: Cid) {
        for (at, chain) in self.chains.iter().enumerate() {
            let draft = Draft::new("post", format!("{salt}, as I tell it to you: {at}")).at(EPOCH);
            let written = chain.topic(topic).append(&AuthorKey::from_seed(&[OWN; 32]), draft).now_or_never();
            let Some(Ok(entry)) = written else { continue };
            let inline = vec![entry.to_file().into()];
            let announcement = Announcement { topic: topic.id(), folder, count: 1, newest: EPOCH, inline };
            self.publish(world, topic, announcement.encode().into());
        }
    }

    /// Entries that all end a node of the folder's tree, or none of which does.
    fn ground(&self, topic: &TopicName, ends: bool, salt: u64) -> Vec<Bytes> {
        const TRIED: u64 = 200;
        const MOST: usize = 60;
        let key = AuthorKey::from_seed(&[GROUND; 32]);
        let drafts = (0..TRIED).map(|at| {
            let draft = Draft::new("post", format!("{salt}.{at}")).at(EPOCH);
            (topic.clone(), key.clone(), draft)
        });
        let written = self.chains[0].append_all(drafts.collect()).now_or_never().unwrap_or_default();
        let is_chosen = |entry: &Entry| (entry.id().as_bytes()[31] & 0x1f == 0) == ends;
        written.into_iter().flatten().filter(is_chosen).take(MOST).map(|entry| entry.to_file().into()).collect()
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
        let cid = node_cid(&bytes);
        self.shelf.put(&cid, bytes);
        cid
    }

    /// An entry that is as it should be, but for its time.
    fn future_entry(&self, topic: &TopicName) -> Bytes {
        let draft = Draft::new("post", "I come from the year 9000.").at(Time::from_millis(222_000_000_000_000));
        let key = AuthorKey::from_seed(&[66; 32]);
        let entry = self.chains[0].topic(topic).append(&key, draft).now_or_never().and_then(Result::ok);
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

/// The entry in the name of the key of small order: the neutral element as key and as `R`, and zero as `s`, fulfil the
/// equation of a signature for every message. ZIP-215 says that this is valid, so all have to take it, alone or in a batch.
fn crafted(entry: &Entry) -> Option<Bytes> {
    let mut file = entry.to_file();
    let find = |file: &[u8], what: &[u8]| file.windows(what.len()).position(|window| window == what);
    let signature = entry.header_bytes().last_chunk::<64>()?;
    let at = find(&file, signature)?;
    file[at..at + 64].fill(0);
    file[at..at + 32].copy_from_slice(&SMALL_ORDER);
    let at = find(&file, entry.author().as_bytes())?;
    file[at..at + 32].copy_from_slice(&SMALL_ORDER);
    Some(file.into())
}

fn forged_or_junk(seen: Option<&Entry>, rng: &mut fastrand::Rng) -> Bytes {
    seen.map_or_else(|| Bytes::from_static(b"junk"), |entry| forged(entry, rng))
}

fn block(bytes: &[u8]) -> (Cid, usize) {
    (raw_cid(bytes), bytes.len())
}

/// An entry's name that is none.
fn name(at: u64) -> String {
    let digit = |place: u64| b"abcdefghijklmnopqrstuvwxyz234567"[(at >> (5 * place)) as usize % 32] as char;
    let digits: String = (0..12).rev().map(digit).collect();
    format!("{}-aaaa{digits}", Time::from_millis(1_795_219_000_000))
}
