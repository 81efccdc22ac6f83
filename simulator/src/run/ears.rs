//! Listening to every node at once: only those that have something to say are asked.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tidings_ledger::entry::Link;
use tidings_ledger::handle::{Query, Subscription};
use tidings_ledger::{Ledger, Notice, TopicName};

use crate::measure::{Arrivals, Tally};

/// Notices that wait for us; we listen after every event, so that this is what one event may bring.
const CAPACITY: usize = 1 << 16;

/// Files that are being opened at the same time, by all nodes together; the rest is left out and counted.
const MOST_OPEN: usize = 10_000;

/// How long after a post its readers open its files, in microseconds: people look before they click.
const OPENS_AFTER: std::ops::Range<u64> = 1_000_000..10_000_000;

/// The ears.
pub(super) struct Ears {
    nodes: Vec<Option<Hearing>>,
    bell: Arc<Mutex<Vec<Key>>>,
    files: BTreeMap<u64, OpenFile>,
    next_file: u64,
    /// Files that readers are going to open: when, and a number that tells them apart.
    later: BTreeMap<(u64, u64), (usize, Link)>,
    rng: fastrand::Rng,
    topics: Vec<TopicName>,
    pub(super) tally: Tally,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) opened: Opened,
}

/// What one node is heard by.
struct Hearing {
    ledger: Ledger,
    subscription: Subscription,
    /// The part of attached files that it opens.
    opens: f64,
}

struct OpenFile {
    node: usize,
    reading: BoxFuture<'static, Result<u64, ()>>,
}

/// Attached files that readers opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) failed: u64,
}

/// Who rings.
#[derive(Clone, Copy)]
enum Key {
    Node(usize),
    File(u64),
}

struct Bell {
    key: Key,
    rung: Arc<Mutex<Vec<Key>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.lock().push(self.key);
    }
}

impl Ears {
    pub(super) fn new(
        nodes: usize,
        topics: Vec<TopicName>,
        tally: Tally,
        arrivals: Option<Arrivals>,
        seed: u64,
    ) -> Self {
        Ears {
            nodes: (0..nodes).map(|_| None).collect(),
            bell: Arc::default(),
            files: BTreeMap::new(),
            next_file: 0,
            later: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            topics,
            tally,
            arrivals,
            opened: Opened::default(),
        }
    }

    /// Listens to a node from now on.
    pub(super) fn attend(&mut self, node: usize, ledger: Ledger, opens: f64) {
        let subscription = ledger.subscribe(CAPACITY);
        self.nodes[node] = Some(Hearing { ledger, subscription, opens });
        self.bell.lock().push(Key::Node(node));
    }

    /// Listens to it no longer.
    pub(super) fn forget(&mut self, node: usize) {
        self.nodes[node] = None;
        let before = self.files.len();
        self.files.retain(|_, file| file.node != node);
        self.opened.failed += (before - self.files.len()) as u64;
    }

    /// Hears what there is to hear at this moment.
    pub(super) fn listen(&mut self, now: u64) {
        loop {
            while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
                let (node, link) = first.remove();
                self.open(node, &link);
            }
            let rung = std::mem::take(&mut *self.bell.lock());
            if rung.is_empty() {
                return;
            }
            for key in rung {
                match key {
                    Key::Node(node) => self.hear(node, now),
                    Key::File(file) => self.read_on(file),
                }
            }
        }
    }

    fn waker(&self, key: Key) -> Waker {
        Waker::from(Arc::new(Bell { key, rung: self.bell.clone() }))
    }

    fn hear(&mut self, node: usize, now: u64) {
        let waker = self.waker(Key::Node(node));
        let mut context = Context::from_waker(&waker);
        while let Some(hearing) = &mut self.nodes[node] {
            match Pin::new(&mut hearing.subscription).poll_next(&mut context) {
                Poll::Ready(Some(Notice::Entry(entry))) => {
                    let is_news = self.has(node, &entry.id(), now);
                    if is_news {
                        self.choose_files(node, &entry.header().links, now);
                    }
                }
                Poll::Ready(Some(Notice::Lagged(_))) => self.count_again(node, now),
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }

    fn has(&mut self, node: usize, id: &tidings_ledger::EntryId, now: u64) -> bool {
        let Some(post) = self.tally.has(node, id, now) else { return false };
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.note(post, node, now);
        }
        self.tally.posts[post].node != node
    }

    /// Notices were left out: everything that the node holds is looked at.
    fn count_again(&mut self, node: usize, now: u64) {
        let Some(hearing) = &self.nodes[node] else { return };
        let ledger = hearing.ledger.clone();
        for name in self.topics.clone() {
            for id in super::verdict::ids(&ledger.topic(&name)) {
                self.has(node, &id, now);
            }
        }
    }

    /// A reader is going to open some of the files of a post that it got, some seconds from now.
    fn choose_files(&mut self, node: usize, links: &[Link], now: u64) {
        let opens = self.nodes[node].as_ref().map_or(0.0, |hearing| hearing.opens);
        for link in links {
            if opens > 0.0 && self.rng.f64() < opens {
                let number = self.next_file;
                self.next_file += 1;
                // Who opens everything keeps it for others, and does so at once.
                let wait = if opens < 1.0 { self.rng.u64(OPENS_AFTER) } else { 0 };
                self.later.insert((now + wait, number), (node, link.clone()));
            }
        }
    }

    fn open(&mut self, node: usize, link: &Link) {
        let Some(hearing) = &self.nodes[node] else { return };
        let (Ok(stream), true) = (hearing.ledger.attachment(link), self.files.len() < MOST_OPEN) else {
            self.opened.failed += 1;
            return;
        };
        let reading = stream.fold(Ok(0), |sum: Result<u64, ()>, chunk| {
            std::future::ready(sum.and_then(|sum| chunk.map(|chunk| sum + chunk.len() as u64).map_err(drop)))
        });
        let file = self.next_file;
        self.next_file += 1;
        self.files.insert(file, OpenFile { node, reading: Box::pin(reading) });
        self.bell.lock().push(Key::File(file));
    }

    fn read_on(&mut self, file: u64) {
        let waker = self.waker(Key::File(file));
        let Some(open) = self.files.get_mut(&file) else { return };
        if let Poll::Ready(end) = open.reading.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.files.remove(&file);
            match end {
                Ok(bytes) => {
                    self.opened.files += 1;
                    self.opened.bytes += bytes;
                }
                Err(()) => self.opened.failed += 1,
            }
        }
    }
}

/// A page of a topic as large as it gets.
pub(super) fn page() -> Query {
    Query { limit: tidings_ledger::handle::MAX_PAGE, ..Query::default() }
}
