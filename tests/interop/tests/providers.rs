//! The DHT: what is made known by one implementation is found by another, and members of a network find each other.

use bytes::Bytes;
use futures::TryStreamExt;
use tempfile::{NamedTempFile, tempdir};
use tidings_interop::{KuboDaemon, Lines, Node, Peer, Software, eventually, plain, runtime};
use tidings_ledger::TopicName;
use tidings_transport_ipfs::{Config, KadMode, NetworkId};

fn topic() -> TopicName {
    TopicName::parse("lobby").expect("a good name")
}

/// A member of a network that knows one bootstrap peer and nobody else.
fn member(network: u8, bootstrap: &dyn Peer) -> Config {
    let bootstrap = vec![bootstrap.address().parse().expect("an address")];
    Config { kad: KadMode::Auto, bootstrap, network: NetworkId::from_bytes([network; 32]), ..plain() }
}

/// A loner provides its roots and looks for nobody.
fn loner(bootstrap: &dyn Peer) -> Config {
    let mut config = member(9, bootstrap);
    config.provide.network = false;
    config
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("it is written");
    file
}

fn our_record_is_found_by(software: Software) {
    let (meeting_point, seeker) = (KuboDaemon::start(), software.start());
    seeker.connect(meeting_point.address());
    let node = Node::start(loner(&meeting_point));
    node.follow(&topic());
    node.write(&topic(), 1, 3);
    let root = node.folder(&topic()).to_string();
    eventually("our record is found", || seeker.providers(&root).contains(&node.id()));
    // And it is of use: whoever found it gets there by itself.
    let place = tempdir().expect("a temporary folder");
    seeker.get(&root, &place.path().join("got")).expect("it is fetched");
}

#[test]
fn kubo_finds_our_record() {
    our_record_is_found_by(Software::Kubo);
}

#[test]
fn helia_finds_our_record() {
    our_record_is_found_by(Software::Helia);
}

#[test]
fn old_kubo_finds_our_record() {
    // It has no command that looks for providers; fetching is looking.
    let (meeting_point, seeker) = (Lines::old_kubo(), Lines::old_kubo());
    seeker.connect(meeting_point.address());
    let node = Node::start(loner(&meeting_point));
    node.follow(&topic());
    node.write(&topic(), 1, 3);
    let root = node.folder(&topic()).to_string();
    let place = tempdir().expect("a temporary folder");
    seeker.get(&root, &place.path().join("got")).expect("it is fetched");
}

fn we_find_the_record_of(software: Software) {
    let (meeting_point, provider) = (KuboDaemon::start(), software.start());
    provider.connect(meeting_point.address());
    let cid = provider.add(file("Somewhere else.").path());
    if software != Software::OldKubo {
        // The old one does so by itself, and only so.
        provider.provide(&cid);
    }
    let node = Node::start(loner(&meeting_point));
    let cid = cid.parse().expect("a CID");
    let mut got = Vec::new();
    eventually("what others provide is found", || {
        let reading = node.ledger.unixfs().read(cid, 0, None).try_collect::<Vec<Bytes>>();
        runtime().block_on(reading).map(|parts| got = parts.concat()).is_ok()
    });
    assert_eq!(got, b"Somewhere else.");
}

#[test]
fn we_find_a_record_of_kubo() {
    we_find_the_record_of(Software::Kubo);
}

#[test]
fn we_find_a_record_of_old_kubo() {
    we_find_the_record_of(Software::OldKubo);
}

#[test]
fn we_find_a_record_of_helia() {
    we_find_the_record_of(Software::Helia);
}

fn members_meet_at(software: Software) {
    let meeting_point = software.start();
    let members: Vec<Node> = (0..4).map(|_| Node::start(member(1, &*meeting_point))).collect();
    for node in &members {
        node.follow(&topic());
    }
    for node in &members {
        let others = members.iter().map(Node::id).filter(|id| *id != node.id());
        let others: Vec<String> = others.collect();
        eventually("members of a network are connected", || others.iter().all(|id| node.peers().contains(id)));
    }
    members[0].write(&topic(), 1, 200);
    let folder = members[0].folder(&topic());
    for node in &members {
        node.comes_to(&topic(), folder);
    }
}

#[test]
fn members_find_each_other_with_a_kubo_and_the_network_id_alone() {
    members_meet_at(Software::Kubo);
}

#[test]
fn members_find_each_other_with_an_old_kubo_and_the_network_id_alone() {
    members_meet_at(Software::OldKubo);
}

#[test]
fn members_find_each_other_with_a_helia_and_the_network_id_alone() {
    members_meet_at(Software::Helia);
}

#[test]
fn a_record_that_the_dht_lost_is_made_known_again() {
    // Kubo keeps a record for 48 hours. To lose it sooner, the only one that holds it ends, and another takes its place.
    let (first, second) = (KuboDaemon::start(), KuboDaemon::start());
    let mut config = loner(&first);
    config.provide.renew_seconds = 3;
    let node = Node::start(config);
    node.follow(&topic());
    node.write(&topic(), 1, 3);
    let root = node.folder(&topic()).to_string();
    eventually("the record is there", || first.providers(&root).contains(&node.id()));
    node.dial(second.address());
    drop(first);
    eventually("the record is there again", || second.providers(&root).contains(&node.id()));
}

#[test]
fn a_node_that_leaves_is_forgotten() {
    let meeting_point = KuboDaemon::start();
    let (stays, leaves) = (Node::start(member(2, &meeting_point)), Node::start(member(2, &meeting_point)));
    let gone = leaves.id();
    eventually("the two meet", || stays.peers().contains(&gone) && meeting_point.peers().contains(&gone));
    drop(leaves);
    eventually("those who stay let go", || !stays.peers().contains(&gone) && !meeting_point.peers().contains(&gone));
    // Its record is still in the DHT, which keeps them for a day or two. Nobody is held up by it.
    let comes = Node::start(member(2, &meeting_point));
    eventually("a newcomer meets who is there", || comes.peers().contains(&stays.id()));
    assert!(!comes.peers().contains(&gone));
    for node in [&stays, &comes] {
        assert_eq!(node.demerits(&gone), 0.0, "leaving is no offence");
    }
}
