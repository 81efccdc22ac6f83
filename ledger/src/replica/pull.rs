//! Pulling: fetching what an announced root holds and this replica does not.
//!
//! A pull walks the remote tree from its root and descends only into nodes that are not held; a node is held only when
//! all below it is, so equal parts cost nothing, whatever their size (design invariant 7). It asks for whole levels and
//! large batches at once, keeps a bounded window, and goes to the newest first. What it brings is admitted and committed
//! as it comes, so nothing is fetched twice, not even after a crash. What a liar can cost is bounded by an allowance that
//! only accepted entries enlarge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;

use crate::admission::Refusal;
use crate::entry::Entry;
use crate::folder::{self, Child, Item, Kind, MAX_DEPTH, Node, NodeError};
use crate::time::Time;
use crate::transport::Peer;

/// Nodes that are asked for at once.
const NODE_WINDOW: usize = 256;

/// Entry files that are asked for at once.
const FILE_WINDOW: usize = 1024;

/// Bytes of entry files that are asked for at once.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Requests of one pull that are under way at the same time: one arriving while the other is admitted.
const REQUESTS: usize = 2;

/// Entry files that wait to be asked for before no more nodes are.
const BACKLOG: usize = 4096;

/// Nodes that a pull may fetch before the first entry was accepted: the way down a tree of a billion entries.
const NODES_AT_FIRST: u64 = 1024;

/// Nodes that each accepted entry allows: the way down to one entry, and the nodes whose cuts it moved.
const NODES_PER_ENTRY: u64 = 16;

/// Items of our own folder that allow one node more: another that lists the same has at most so many nodes, cut anywhere.
const ITEMS_PER_NODE: u64 = 8;

/// Refused entries after which a pull is given up, unless far more were accepted.
const REFUSED_AT_FIRST: u64 = 16;

/// The same for entries that cannot be taken for now: from the future, or beyond our own limits.
const PUT_OFF_AT_FIRST: u64 = 4096;

/// Bytes of entries without a body that wait for their redactions. What finds no room comes with the next pull, when
/// these are known.
const ASIDE_BYTES: usize = 1024 * 1024;

/// Announcers of one root that are asked for it.
const ANNOUNCERS: usize = 8;

/// A pull under way.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) root: Cid,
    /// Who announced the root, in the order in which that was heard.
    pub(super) peers: Vec<Peer>,
    pub(super) tally: Tally,
    begun: Time,
    /// Nodes that may be fetched.
    allowance: u64,
    /// How many of the announcers were known when that was asked for which did not come.
    relied_on: usize,
    /// Nodes to fetch: for each depth, by first key.
    nodes: Vec<BTreeMap<String, Cid>>,
    /// Entry files to fetch, by name.
    files: BTreeMap<String, (Cid, u64)>,
    /// What is asked for and not answered.
    asked: BTreeMap<Cid, Asked>,
    /// How many answers each request still misses.
    requests: BTreeMap<u64, usize>,
    next_request: u64,
    /// Entries without a body, and the bytes of their headers.
    aside: Vec<Entry>,
    aside_bytes: usize,
}

/// What a CID was asked for as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    request: u64,
    /// How many announcers were known then.
    announcers: usize,
    pub(super) what: What,
}

/// A node at this depth, or an entry's file of this name and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Node(usize),
    File { name: String, size: u64 },
}

/// What a pull cost and brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) nodes: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Entries that cannot be taken for now, by nobody's fault.
    pub(super) put_off: u64,
    pub(super) missing: u64,
    /// Folders listed in a catalog that are worth a pull.
    pub(super) listed: u64,
    pub(super) rounds: u64,
}

/// Why a pull is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A node is not one.
    Node(NodeError),
    /// The tree is deeper than any honest one.
    TooDeep,
    /// Far more nodes than entries.
    Allowance,
    /// Too many entries were refused.
    Entries,
    /// Too many entries cannot be taken for now. Not the peer's fault.
    PutOff,
}

impl Pull {
    /// A pull into a folder of our own with so many items.
    pub(super) fn new(root: Cid, peers: Vec<Peer>, items: u64, now: Time) -> Self {
        Pull {
            root,
            peers,
            tally: Tally::default(),
            begun: now,
            allowance: NODES_AT_FIRST + items / ITEMS_PER_NODE,
            relied_on: usize::MAX,
            nodes: vec![BTreeMap::from([(String::new(), root)])],
            files: BTreeMap::new(),
            asked: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            aside: Vec::new(),
            aside_bytes: 0,
        }
    }

    /// What to ask for now, as far as the windows allow.
    pub(super) fn next(&mut self) -> Option<Vec<Cid>> {
        if self.requests.len() >= REQUESTS {
            return None;
        }
        let mut batch = if self.files.len() < BACKLOG { self.next_nodes() } else { Vec::new() };
        if batch.is_empty() {
            batch = self.next_files();
        }
        // A CID that stands in two places of a tree is one block, and asked for once.
        let mut seen = BTreeSet::new();
        batch.retain(|(cid, _)| !self.asked.contains_key(cid) && seen.insert(*cid));
        if batch.is_empty() {
            return None;
        }
        let request = self.next_request;
        self.next_request += 1;
        self.tally.rounds += 1;
        let cids: Vec<Cid> = batch.iter().map(|(cid, _)| *cid).collect();
        let announcers = self.peers.len();
        self.asked.extend(batch.into_iter().map(|(cid, what)| (cid, Asked { request, announcers, what })));
        self.requests.insert(request, cids.len());
        Some(cids)
    }

    /// The deepest nodes first: they lead to entries, and entries enlarge the allowance.
    fn next_nodes(&mut self) -> Vec<(Cid, What)> {
        let levels = self.nodes.iter_mut().enumerate().rev();
        let Some((depth, level)) = levels.into_iter().find(|(_, level)| !level.is_empty()) else { return Vec::new() };
        let newest = std::iter::from_fn(|| level.pop_last()).take(NODE_WINDOW);
        newest.map(|(_, cid)| (cid, What::Node(depth))).collect()
    }

    fn next_files(&mut self) -> Vec<(Cid, What)> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some((_, (_, size))) = self.files.last_key_value() {
            let full = batch.len() >= FILE_WINDOW || (bytes + size > FILE_BYTES && !batch.is_empty());
            if full {
                break;
            }
            bytes += size;
            batch.extend(self.files.pop_last().map(|(name, (cid, size))| (cid, What::File { name, size })));
        }
        batch
    }

    /// Takes an answer off the list; `None` if it was not asked for.
    pub(super) fn answered(&mut self, cid: &Cid) -> Option<Asked> {
        let asked = self.asked.remove(cid)?;
        if let Some(missing) = self.requests.get_mut(&asked.request) {
            *missing -= 1;
            if *missing == 0 {
                self.requests.remove(&asked.request);
            }
        }
        Some(asked)
    }

    /// What was asked for is not to be had from those who were known then.
    pub(super) fn missed(&mut self, asked: &Asked) {
        self.tally.missing += 1;
        self.relied_on = self.relied_on.min(asked.announcers);
    }

    /// Somebody announced the root, too.
    pub(super) fn announced_by(&mut self, peer: Option<&Peer>) {
        let new = peer.filter(|peer| self.peers.len() < ANNOUNCERS && !self.peers.contains(peer));
        self.peers.extend(new.cloned());
    }

    /// The announcers from whom something was not to be had, and those who were heard too late to be asked for it.
    pub(super) fn relied_on(&self) -> (&[Peer], &[Peer]) {
        self.peers.split_at(self.relied_on.min(self.peers.len()))
    }

    /// When the pull gives way to another root of its topic: not before the root's block had this long to come, and never
    /// once it came.
    pub(super) fn gives_way(&self, after: Duration) -> Option<Time> {
        (self.tally.nodes == 0).then(|| self.begun + after)
    }

    /// Reads a node that arrived.
    pub(super) fn read(&mut self, kind: Kind, bytes: &Bytes) -> Result<Node, Fault> {
        self.tally.nodes += 1;
        if self.tally.nodes > self.allowance {
            return Err(Fault::Allowance);
        }
        folder::decode(kind, bytes).map_err(Fault::Node)
    }

    /// Adds the nodes to fetch below a node of this depth.
    pub(super) fn descend(&mut self, depth: usize, children: Vec<Child>) -> Result<(), Fault> {
        let below = depth + 1;
        if below >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        if self.nodes.len() <= below {
            self.nodes.resize(below + 1, BTreeMap::new());
        }
        self.nodes[below].extend(children.into_iter().map(|child| (child.first, child.cid)));
        Ok(())
    }

    /// Adds an entry's file to fetch.
    pub(super) fn want(&mut self, item: Item) {
        self.files.insert(item.key, (item.cid, item.size));
    }

    /// Takes note of what became of an entry.
    pub(super) fn judged(&mut self, result: &Result<bool, Refusal>) -> Result<(), Fault> {
        match result {
            Ok(true) => {
                self.tally.accepted += 1;
                self.allow_more();
            }
            // It came by another way meanwhile.
            Ok(false) => {}
            Err(Refusal::Future(_) | Refusal::Limit(_) | Refusal::NotFollowed { .. }) => self.tally.put_off += 1,
            Err(_) => self.tally.refused += 1,
        }
        if self.tally.refused > REFUSED_AT_FIRST + self.tally.accepted {
            return Err(Fault::Entries);
        }
        if self.tally.put_off > PUT_OFF_AT_FIRST + self.tally.accepted { Err(Fault::PutOff) } else { Ok(()) }
    }

    /// An entry came, by this pull or by that of a folder which this one, a catalog's, listed.
    pub(super) fn allow_more(&mut self) {
        self.allowance += NODES_PER_ENTRY;
    }

    /// Keeps an entry without a body until all the rest is there: the redaction that explains it may come later. Says
    /// whether there was room.
    pub(super) fn keep_aside(&mut self, entry: Entry) -> bool {
        let len = entry.header_bytes().len();
        let fits = self.aside_bytes + len <= ASIDE_BYTES;
        if fits {
            self.aside_bytes += len;
            self.aside.push(entry);
        }
        fits
    }

    /// The entries that were kept aside.
    pub(super) fn take_aside(&mut self) -> Vec<Entry> {
        self.aside_bytes = 0;
        std::mem::take(&mut self.aside)
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.asked.is_empty() && self.files.is_empty() && self.nodes.iter().all(BTreeMap::is_empty)
    }

    /// What is asked for and not answered.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = &Cid> {
        self.asked.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::AuthorKey;
    use crate::content::{node_cid, raw_cid};
    use crate::entry::{Draft, EntryId, Place, sign};
    use crate::topic::TopicName;

    fn pull() -> Pull {
        Pull::new(node_cid(b"root"), Vec::new(), 0, Time::from_millis(0))
    }

    fn child(name: &str) -> Child {
        Child { first: name.to_owned(), cid: node_cid(name.as_bytes()), size: 1 }
    }

    fn item(key: &str, cid: Cid) -> Item {
        Item { key: key.to_owned(), cid, size: 1, files: Vec::new() }
    }

    #[test]
    fn a_tree_deeper_than_any_honest_one_is_given_up() {
        let mut pull = pull();
        for depth in 0..MAX_DEPTH - 1 {
            assert_eq!(pull.descend(depth, vec![child("a")]), Ok(()));
        }
        assert_eq!(pull.descend(MAX_DEPTH - 1, vec![child("a")]), Err(Fault::TooDeep));
    }

    #[test]
    fn a_tree_without_entries_is_given_up_and_each_entry_buys_more_nodes() {
        let node = Bytes::from_static(b"what it says does not matter");
        let mut pull = pull();
        for _ in 0..NODES_AT_FIRST {
            assert_ne!(pull.read(Kind::Topic, &node), Err(Fault::Allowance));
        }
        assert_eq!(pull.read(Kind::Topic, &node), Err(Fault::Allowance));
        assert_eq!(pull.judged(&Ok(true)), Ok(()));
        assert_ne!(pull.read(Kind::Topic, &node), Err(Fault::Allowance));
    }

    #[test]
    fn a_large_catalog_is_read_as_far_as_what_it_lists_brings_something() {
        let node = Bytes::from_static(b"what it says does not matter");
        let mut catalog = pull();
        for _ in 0..100 {
            catalog.allow_more();
        }
        let allowed = NODES_AT_FIRST + 100 * NODES_PER_ENTRY;
        assert!((0..allowed).all(|_| catalog.read(Kind::Catalog, &node) != Err(Fault::Allowance)));
        assert_eq!(catalog.read(Kind::Catalog, &node), Err(Fault::Allowance));
    }

    #[test]
    fn a_folder_as_large_as_ours_may_be_walked_though_nothing_in_it_is_new() {
        let node = Bytes::from_static(b"what it says does not matter");
        let mut old = Pull::new(node_cid(b"root"), Vec::new(), 80_000, Time::from_millis(0));
        assert!((0..NODES_AT_FIRST + 10_000).all(|_| old.read(Kind::Topic, &node) != Err(Fault::Allowance)));
        assert_eq!(old.read(Kind::Topic, &node), Err(Fault::Allowance));
    }

    #[test]
    fn a_block_that_stands_in_two_places_is_asked_for_once() {
        let mut pull = pull();
        assert_eq!(pull.next(), Some(vec![pull.root]));
        pull.answered(&pull.root.clone());
        pull.want(item("a", raw_cid(b"one file")));
        pull.want(item("b", raw_cid(b"one file")));
        assert_eq!(pull.next(), Some(vec![raw_cid(b"one file")]));
    }

    #[test]
    fn a_pull_is_not_done_while_an_answer_is_on_its_way() {
        let mut pull = pull();
        let root = pull.root;
        assert!(!pull.is_done());
        assert_eq!(pull.next(), Some(vec![root]));
        assert!(!pull.is_done(), "the root is asked for");
        pull.answered(&root);
        assert!(pull.is_done());
    }

    #[test]
    fn a_pull_that_brings_bad_entries_is_given_up_unless_it_brings_more_good_ones() {
        let bad = || Err(Refusal::Signature(EntryId::from_bytes([1; 32])));
        let mut pull = pull();
        for _ in 0..10 {
            assert_eq!(pull.judged(&Ok(true)), Ok(()));
        }
        for _ in 0..REFUSED_AT_FIRST + 10 {
            assert_eq!(pull.judged(&bad()), Ok(()));
        }
        assert_eq!(pull.judged(&bad()), Err(Fault::Entries));
    }

    #[test]
    fn entries_that_cannot_be_taken_for_now_end_a_pull_when_there_are_very_many() {
        let future = || Err(Refusal::Future(EntryId::from_bytes([1; 32])));
        let mut pull = pull();
        assert!((0..PUT_OFF_AT_FIRST).all(|_| pull.judged(&future()) == Ok(())));
        assert_eq!(pull.judged(&future()), Err(Fault::PutOff));
    }

    #[test]
    fn large_files_are_asked_for_a_few_at_a_time() {
        let mut pull = pull();
        pull.next();
        pull.answered(&pull.root.clone());
        for name in ["a", "b", "c"] {
            pull.want(Item { size: FILE_BYTES * 2 / 3, ..item(name, raw_cid(name.as_bytes())) });
        }
        assert_eq!(pull.next(), Some(vec![raw_cid(b"c")]), "a second one would be too much");
    }

    #[test]
    fn of_very_many_announcers_some_are_remembered() {
        let mut pull = pull();
        for name in 0..100 {
            pull.announced_by(Some(&Peer::new(format!("{name}"))));
        }
        assert_eq!(pull.peers.len(), ANNOUNCERS);
    }

    #[test]
    fn entries_without_bodies_wait_in_bounded_memory() {
        let name = TopicName::parse("room:lobby").expect("a good name");
        let now = Time::from_millis(1_800_000_000_000);
        let place = Place { topic: name.id(), topic_name: Some(name.to_string()), seq: 0, prev: None, now };
        let entry = sign(Draft::new("post", ""), place, &AuthorKey::from_seed(&[1; 32])).expect("a good draft");
        let mut pull = pull();
        let room = ASIDE_BYTES / entry.header_bytes().len();
        assert!((0..room).all(|_| pull.keep_aside(entry.clone())));
        assert!(!pull.keep_aside(entry.clone()));
        assert_eq!(pull.take_aside().len(), room);
        assert!(pull.keep_aside(entry), "there is room again");
    }
}
