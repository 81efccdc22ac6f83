//! What hostile strangers do: a list of acts that users can add to.
//!
//! During a `flood`, strangers that are connected to the nodes in question act as often as the scenario says. Each time, one
//! act is drawn from [`Options::acts`](crate::Options::acts): those of [`acts()`], unless you say otherwise.

use std::collections::BTreeMap;

use bytes::Bytes;
use cid::Cid;
use parking_lot::Mutex;
use tidings_ledger::announcement::Announcement;
use tidings_ledger::content::{node_cid, raw_cid};
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::Blocks;
use tidings_ledger::{Entry, Time, TopicName};

/// Something hostile. It may remember what it did before; all chance has to come from the [`Scene`], or a seed does not
/// give the same run again.
pub trait Act: Send {
    /// Does it once.
    fn act(&mut self, scene: &mut Scene<'_>);
}

impl<F: FnMut(&mut Scene<'_>) + Send> Act for F {
    fn act(&mut self, scene: &mut Scene<'_>) {
        self(scene);
    }
}

/// The acts that every flood has unless told otherwise: junk, roots that nobody has, roots of junk, and twice as often as each
/// of these, entries with one bit changed.
pub fn acts() -> Vec<Box<dyn Act>> {
    vec![Box::new(junk), Box::new(unknown_root), Box::new(root_of_junk), Box::new(forgery), Box::new(forgery)]
}

/// What a stranger knows, and what it can do.
pub struct Scene<'a> {
    topic: &'a TopicName,
    seen: Option<&'a Entry>,
    root: Option<Cid>,
    rng: &'a mut fastrand::Rng,
    shelf: &'a Shelf,
    messages: Vec<Bytes>,
}

/// Messages of one act; more are not sent.
const MOST_MESSAGES: usize = 1000;

impl<'a> Scene<'a> {
    pub(crate) fn new(
        topic: &'a TopicName,
        seen: Option<&'a Entry>,
        root: Option<Cid>,
        rng: &'a mut fastrand::Rng,
        shelf: &'a Shelf,
    ) -> Self {
        Scene { topic, seen, root, rng, shelf, messages: Vec::new() }
    }

    /// The topic that this is about.
    pub fn topic(&self) -> &TopicName {
        self.topic
    }

    /// An honest entry of the topic, if somebody has written one.
    pub fn entry(&self) -> Option<&Entry> {
        self.seen
    }

    /// The root of an honest node's folder, if there is one.
    pub fn root(&self) -> Option<Cid> {
        self.root
    }

    /// A number below this one, drawn by the scenario's seed; 0 if that is 0.
    pub fn random(&mut self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.rng.u64(..below) }
    }

    /// Serves a folder node of these bytes, whatever they are; gives its CID, to be announced.
    pub fn serve_node(&mut self, bytes: impl Into<Bytes>) -> Cid {
        let bytes = bytes.into();
        let cid = node_cid(&bytes);
        self.shelf.put(&cid, bytes);
        cid
    }

    /// Serves an entry's file of these bytes, whatever they are; gives its CID, to be listed in a node.
    pub fn serve_file(&mut self, bytes: impl Into<Bytes>) -> Cid {
        let bytes = bytes.into();
        let cid = raw_cid(&bytes);
        self.shelf.put(&cid, bytes);
        cid
    }

    /// Announces this folder of the topic, with a number of entries, and files inline.
    pub fn announce(&mut self, folder: Cid, count: u64, inline: Vec<Bytes>) {
        let announcement = Announcement { topic: self.topic.id(), folder, count, newest: Time::MAX, inline };
        self.publish(announcement.encode());
    }

    /// Publishes any bytes on the topic's channel. What is too large is not carried, as from anybody.
    pub fn publish(&mut self, message: impl Into<Bytes>) {
        if self.messages.len() < MOST_MESSAGES {
            self.messages.push(message.into());
        }
    }

    pub(crate) fn into_messages(self) -> Vec<Bytes> {
        self.messages
    }

    fn junk(&mut self, len: std::ops::Range<usize>) -> Vec<u8> {
        (0..self.rng.usize(len)).map(|_| self.rng.u8(..)).collect()
    }
}

fn junk(scene: &mut Scene<'_>) {
    let junk = scene.junk(1..2000);
    scene.publish(junk);
}

fn unknown_root(scene: &mut Scene<'_>) {
    let (root, count) = (node_cid(&scene.rng.u64(..).to_be_bytes()), scene.rng.u64(..));
    scene.announce(root, count, Vec::new());
}

fn root_of_junk(scene: &mut Scene<'_>) {
    let junk = scene.junk(10..500);
    let (root, count) = (scene.serve_node(junk), scene.rng.u64(..));
    scene.announce(root, count, Vec::new());
}

/// An honest entry with one bit changed, wherever that is: encoding, signature, header or body.
fn forgery(scene: &mut Scene<'_>) {
    let Some(mut file) = scene.entry().map(Entry::to_file) else { return unknown_root(scene) };
    let at = scene.rng.usize(0..file.len());
    file[at] ^= 1 << scene.rng.u8(0..8);
    let (root, count) = (scene.root().unwrap_or_else(|| raw_cid(b"nothing")), scene.rng.u64(..));
    scene.announce(root, count, vec![file.into()]);
}

/// What strangers serve.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<BTreeMap<Vec<u8>, Bytes>>);

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
