//! The scenario suite over a transport of one's own: here the smallest that there can be, a post office in memory.
//!
//! `cargo run -p tidings-tests --example own_transport [SCENARIO…]`
//!
//! A transport needs two traits, [`Broadcast`] and [`Fetch`]; the suite needs four methods more, [`Mesh`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream;
use parking_lot::Mutex;
use tidings_ledger::transport::{
    Block, Blocks, Broadcast, Channel, Demerit, Event, Events, Fetch, FetchError, FetchStream, Fetched, MessageId,
    Peer, PublishError, Transport, Verdict, Want,
};
use tidings_tests::live::{Live, Mesh};
use tidings_tests::{Node, scenarios};

/// The longest message.
const LARGEST: usize = 64 * 1024;
/// Events that wait for their reader. What finds no room is lost, and said to be.
const WAITING: usize = 16 * 1024;

/// Runs the scenarios that are named, or all that it can.
fn main() {
    let named: Vec<String> = std::env::args().skip(1).collect();
    for scenario in scenarios::all() {
        let network = &mut Live::new(Post::default());
        if scenario.fits(network) && (named.is_empty() || named.iter().any(|name| name == scenario.name)) {
            println!("{}", scenario.name);
            (scenario.run)(network); // panics, and says why
        }
    }
}

/// All post offices, and the roads between them.
#[derive(Clone, Default)]
struct Post(Arc<Mutex<Country>>);

#[derive(Default)]
struct Country {
    offices: BTreeMap<Node, Office>,
    roads: BTreeSet<(Node, Node)>,
    letters: u64,
}

struct Office {
    blocks: Arc<dyn Blocks>,
    joined: BTreeSet<Channel>,
    /// To whoever reads the events.
    events: mpsc::Sender<Event>,
    reader: Option<mpsc::Receiver<Event>>,
    lost: u64,
}

fn name(node: Node) -> Peer {
    Peer::new(format!("office {node}"))
}

impl Mesh for Post {
    fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<dyn Transport> {
        let (events, reader) = mpsc::channel(WAITING);
        let office = Office { blocks, joined: BTreeSet::new(), events, reader: Some(reader), lost: 0 };
        self.0.lock().offices.insert(node, office);
        Arc::new(Counter { post: self.clone(), node })
    }

    fn stop(&mut self, node: Node) {
        let mut country = self.0.lock();
        for other in country.neighbours(node) {
            country.tell(other, Event::Disconnected { peer: name(node) });
        }
        country.offices.remove(&node);
        country.roads.retain(|(a, b)| *a != node && *b != node);
    }

    fn name(&self, node: Node) -> Peer {
        name(node)
    }

    fn connect(&mut self, a: Node, b: Node) {
        let mut country = self.0.lock();
        country.roads.extend([(a, b), (b, a)]);
        for (here, there) in [(a, b), (b, a)] {
            country.tell(here, Event::Connected { peer: name(there) });
            for channel in country.offices[&there].joined.clone() {
                country.tell(here, Event::Subscribed { channel, peer: name(there) });
            }
        }
    }
}

impl Country {
    fn neighbours(&self, node: Node) -> Vec<Node> {
        let roads = self.roads.range((node, 0)..=(node, Node::MAX));
        roads.map(|(_, other)| *other).filter(|other| self.offices.contains_key(other)).collect()
    }

    fn tell(&mut self, node: Node, event: Event) {
        let Some(office) = self.offices.get_mut(&node) else { return };
        let missed = Event::Missed { dropped: Some(office.lost) };
        if office.lost > 0 && office.events.try_send(missed).is_ok() {
            office.lost = 0;
        }
        office.lost += u64::from(office.events.try_send(event).is_err());
    }

    fn tell_neighbours(&mut self, node: Node, event: &Event) {
        for other in self.neighbours(node) {
            self.tell(other, event.clone());
        }
    }

    /// Who hears what is published here: those who listen, and whom listeners pass it on to.
    fn listeners(&self, from: Node, channel: Channel) -> Vec<Node> {
        let (mut heard, mut due) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = due.pop() {
            let listens = |other: &Node| self.offices[other].joined.contains(&channel);
            due.extend(self.neighbours(at).into_iter().filter(listens).filter(|other| heard.insert(*other)));
        }
        heard.remove(&from);
        heard.into_iter().collect()
    }
}

/// One node's transport.
struct Counter {
    post: Post,
    node: Node,
}

impl Broadcast for Counter {
    fn join(&self, channel: Channel) {
        let mut country = self.post.0.lock();
        let Some(office) = country.offices.get_mut(&self.node) else { return };
        if office.joined.insert(channel) {
            country.tell_neighbours(self.node, &Event::Subscribed { channel, peer: name(self.node) });
        }
    }

    fn leave(&self, channel: Channel) {
        let mut country = self.post.0.lock();
        let Some(office) = country.offices.get_mut(&self.node) else { return };
        if office.joined.remove(&channel) {
            country.tell_neighbours(self.node, &Event::Unsubscribed { channel, peer: name(self.node) });
        }
    }

    fn publish(&self, channel: Channel, data: Bytes) -> Result<(), PublishError> {
        if data.len() > LARGEST {
            return Err(PublishError::TooLarge { len: data.len(), limit: LARGEST });
        }
        let mut country = self.post.0.lock();
        if !country.offices.contains_key(&self.node) {
            return Err(PublishError::Closed);
        }
        country.letters += 1;
        let id = MessageId(Bytes::copy_from_slice(&country.letters.to_be_bytes()));
        for other in country.listeners(self.node, channel) {
            let (id, data) = (id.clone(), data.clone());
            country.tell(other, Event::Message { channel, from: name(self.node), id, data });
        }
        Ok(())
    }

    fn judge(&self, _: MessageId, _: Verdict) {
        // Nobody here keeps a record of bad senders.
    }

    fn events(&self) -> Events {
        let reader = self.post.0.lock().offices.get_mut(&self.node).and_then(|office| office.reader.take());
        reader.map_or_else(|| stream::empty().boxed(), StreamExt::boxed)
    }
}

impl Fetch for Counter {
    fn fetch(&self, want: Want) -> FetchStream {
        let country = self.post.0.lock();
        let around = country.neighbours(self.node);
        let shelves: Vec<_> = around.into_iter().map(|at| (name(at), country.offices[&at].blocks.clone())).collect();
        // A group at a time, and not before it is asked for, so that a reader that stops costs nothing.
        let groups: Vec<Vec<Cid>> = want.cids.chunks(64).map(<[Cid]>::to_vec).collect();
        let find = move |cid: Cid| {
            let found = shelves.iter().find_map(|(from, shelf)| {
                let bytes = shelf.get(&cid).ok().flatten()?;
                Some(Block { bytes, from: from.clone() })
            });
            Fetched { cid, result: found.ok_or(FetchError::NotFound) }
        };
        stream::iter(groups).map(move |cids| cids.into_iter().map(&find).collect()).boxed()
    }

    fn demerit(&self, _: &Peer, _: Demerit) {}

    fn provide(&self, _: Vec<Cid>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that are quick: who is lied to has to wait.
    #[test]
    fn a_transport_of_ones_own_runs_the_suite() {
        for name in [
            "what_one_writes_the_others_read",
            "a_late_joiner_gets_everything",
            "news_passes_through_a_chain_of_nodes",
            "a_restarted_node_goes_on_where_it_was",
            "a_lost_announcement_heals_with_no_new_write",
            "a_redaction_takes_effect_everywhere",
            "attachments_are_listed_alike_everywhere",
            "an_entry_of_another_topic_does_not_come_in",
        ] {
            let scenario = scenarios::all().into_iter().find(|scenario| scenario.name == name).expect("it exists");
            let network = &mut Live::new(Post::default());
            assert!(scenario.fits(network), "{name}");
            (scenario.run)(network);
        }
    }
}
