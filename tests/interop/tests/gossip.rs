//! Announcements pass between implementations: the right bytes, the right signer, and through each other.

use std::sync::Arc;
use std::time::Duration;

use tidings_interop::{Node, Peer, Software, eventually, plain, until};
use tidings_ledger::announcement::Announcement;
use tidings_ledger::transport::Channel;
use tidings_ledger::{Entry, TopicName};
use tidings_transport_ipfs::Identity;

/// A message that arrives at all arrives in far less.
const SOON: Duration = Duration::from_secs(20);

fn topic() -> TopicName {
    TopicName::parse("lobby").expect("a good name")
}

fn channel() -> String {
    Channel::new(topic().id()).to_string()
}

/// A node that follows the topic and a peer that listens to it, connected, each knowing of the other.
fn pair(software: Software) -> (Node, Box<dyn Peer>) {
    let (node, peer) = (Node::start(plain()), software.start());
    node.follow(&topic());
    peer.subscribe(&channel());
    meet(&node, &*peer);
    (node, peer)
}

fn meet(node: &Node, peer: &dyn Peer) {
    node.dial(peer.address());
    eventually("the peer knows that the node listens", || peer.listeners(&channel()).contains(&node.id()));
}

/// The next announcement of this signer that the peer hears.
fn announced(peer: &dyn Peer, signer: &str) -> Announcement {
    let message = until(SOON, || peer.message(SOON).filter(|message| message.from == signer));
    let message = message.unwrap_or_else(|| panic!("{} hears nothing of {signer}", peer.software()));
    assert_eq!(message.topic, channel());
    Announcement::decode(&message.data.into()).expect("it is an announcement")
}

/// What a node would announce that has this one entry.
fn announcement_of(node: &Node, entry: &Entry) -> Announcement {
    Announcement {
        topic: topic().id(),
        folder: node.folder(&topic()),
        count: 1,
        newest: entry.time(),
        inline: vec![entry.to_file().into()],
    }
}

fn both_ways(software: Software) {
    let (node, peer) = pair(software);
    let entries = node.write(&topic(), 1, 1);
    let heard = announced(&*peer, &node.id());
    assert_eq!((heard.topic, heard.folder, heard.count), (topic().id(), node.folder(&topic()), 1));
    assert_eq!(heard.inline, [entries[0].to_file()], "the news is inside");

    // The other way: the peer publishes what another node of ours would.
    let elsewhere = Node::start(plain());
    let news = elsewhere.write(&topic(), 2, 1);
    let mut notices = node.ledger.topic(&topic()).subscribe(16);
    peer.publish(&channel(), &announcement_of(&elsewhere, &news[0]).encode());
    eventually("the inline entry is taken in", || node.info(&topic()).entries == 2);
    assert!(futures::executor::block_on(futures::StreamExt::next(&mut notices)).is_some());
    assert_eq!(node.demerits(peer.id()), 0.0);
    // What was taken in is announced again, signed by whoever took it in, and in agreement with what it holds.
    eventually("the union is announced", || announced(&*peer, &node.id()).folder == node.folder(&topic()));
}

#[test]
fn announcements_pass_to_kubo_and_from_it() {
    both_ways(Software::Kubo);
}

#[test]
fn announcements_pass_to_old_kubo_and_from_it() {
    both_ways(Software::OldKubo);
}

#[test]
fn announcements_pass_to_helia_and_from_it() {
    both_ways(Software::Helia);
}

/// A – peer – C, where A and C are not connected: C hears A through the peer, and fetches through it.
fn in_a_line(software: Software) {
    let (a, peer) = pair(software);
    let c = Node::start(plain());
    c.follow(&topic());
    meet(&c, &*peer);
    a.write(&topic(), 1, 1);
    c.comes_to(&topic(), a.folder(&topic()));
    // More than goes inline: C has to fetch, and has nobody to ask but the peer.
    a.write(&topic(), 1, 500);
    let folder = a.folder(&topic());
    peer.pin(&folder.to_string()).expect("the peer fetches from A");
    c.comes_to(&topic(), folder);
    assert!(!a.peers().contains(&c.id()), "A and C must not be connected");
    assert!(c.network.status().counters.blocks_received > 0);
}

#[test]
fn news_passes_through_kubo() {
    in_a_line(Software::Kubo);
}

#[test]
fn news_passes_through_old_kubo() {
    in_a_line(Software::OldKubo);
}

#[test]
fn news_passes_through_helia() {
    in_a_line(Software::Helia);
}

/// Kubo remembers the highest sequence number of each peer, and drops what is not above it.
fn after_a_restart(software: Software) {
    let peer = software.start();
    peer.subscribe(&channel());
    let secret = [7; 32];
    let identity = || Identity::from_secret(secret).expect("32 bytes");
    let mut store = Arc::new(tidings_ledger::store::MemoryStore::new()) as _;
    for round in 1..=3 {
        let node = Node::start_on(store, identity(), plain());
        node.follow(&topic());
        meet(&node, &*peer);
        for _ in 0..5 {
            node.write(&topic(), 1, 1);
        }
        eventually("a message of this life is heard", || announced(&*peer, &node.id()).count == round * 5);
        let id = node.id();
        store = node.stop();
        eventually("the node is gone", || !peer.peers().contains(&id));
    }
}

#[test]
fn kubo_hears_a_node_after_its_restart() {
    after_a_restart(Software::Kubo);
}

#[test]
fn old_kubo_hears_a_node_after_its_restart() {
    after_a_restart(Software::OldKubo);
}

#[test]
fn helia_hears_a_node_after_its_restart() {
    after_a_restart(Software::Helia);
}

fn junk(software: Software) {
    let (node, peer) = pair(software);
    node.write(&topic(), 1, 10);
    let (folder, good) = (node.folder(&topic()), node.info(&topic()));
    let mut lie = Announcement {
        topic: topic().id(),
        folder,
        count: 11,
        newest: good.newest.expect("it has entries"),
        inline: vec![vec![0x82; 300].into()],
    };
    peer.publish(&channel(), b"no announcement at all");
    eventually("junk costs its sender", || node.demerits(peer.id()) > 0.0);
    let before = node.demerits(peer.id());
    peer.publish(&channel(), &lie.encode());
    eventually("a bad entry costs its sender", || node.demerits(peer.id()) > before + 1.0);
    // Another topic's announcement on this channel.
    lie.topic = TopicName::parse("elsewhere").expect("a good name").id();
    peer.publish(&channel(), &lie.encode());
    for round in 0..12u8 {
        peer.publish(&channel(), &[round; 40]);
    }
    // By now it is not listened to any more, whatever it says; others are.
    let elsewhere = Node::start(plain());
    let news = elsewhere.write(&topic(), 2, 1);
    peer.publish(&channel(), &announcement_of(&elsewhere, &news[0]).encode());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((node.folder(&topic()), node.info(&topic()).entries), (folder, 10), "junk changed the topic");
    assert_eq!(node.ledger.status().expect("the store reads").topics, 1, "junk made a topic");
    elsewhere.follow(&topic());
    node.dial(&elsewhere.address());
    eventually("others are listened to", || node.info(&topic()).entries == 11);
}

#[test]
fn junk_from_kubo_changes_nothing_and_costs_it() {
    junk(Software::Kubo);
}

#[test]
fn junk_from_old_kubo_changes_nothing_and_costs_it() {
    junk(Software::OldKubo);
}

#[test]
fn junk_from_helia_changes_nothing_and_costs_it() {
    junk(Software::Helia);
}
