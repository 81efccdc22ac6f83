//! Large networks: what one peer does must not make all others speak.

use std::time::Duration;

use tidings_ledger::announcement::Announcement;
use tidings_ledger::transport::{Broadcast, Channel};
use tidings_ledger::{AuthorKey, Draft, Time, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

const PEERS: usize = 400;

struct Crowd {
    world: World,
    peers: Vec<PeerId>,
    topic: TopicName,
}

impl Crowd {
    fn new() -> Crowd {
        let mut world = World::new(1);
        world.share_admission(1000);
        let topic = TopicName::parse("room:crowd").expect("a good name");
        let peers: Vec<PeerId> = (0..PEERS).map(|_| world.peer(Setup::default()).expect("memory opens")).collect();
        for (at, peer) in peers.iter().enumerate() {
            world.ledger(*peer).topic(&topic).follow().expect("memory takes it");
            for _ in 0..6 {
                let other = peers[(world.random() % PEERS as u64) as usize];
                if other != peers[at] {
                    world.connect(*peer, other, Link::WAN);
                }
            }
        }
        let mut crowd = Crowd { world, peers, topic };
        crowd.world.run_for(Duration::from_secs(5));
        crowd.post("First.");
        crowd.world.run_for(Duration::from_secs(200));
        crowd
    }

    fn post(&mut self, text: &str) {
        let topic = self.world.ledger(self.peers[0]).topic(&self.topic);
        self.world.wait(topic.append(&AuthorKey::from_seed(&[1; 32]), Draft::new("post", text))).expect("a good draft");
    }

    /// Announcements that all but the writer published so far: it announces its catalog, too.
    fn published(&self) -> u64 {
        self.peers[1..].iter().map(|peer| self.world.traffic(*peer).published).sum()
    }
}

#[test]
fn a_crowd_in_which_nothing_happens_does_not_speak_all_at_once() {
    let mut crowd = Crowd::new();
    let before = crowd.published();
    crowd.world.run_for(Duration::from_secs(600));
    // Ten to thirteen rounds of announcing again, in each of which a handful may be too early to hear each other.
    let spoken = crowd.published() - before;
    assert!((8..=20).contains(&spoken), "{spoken} announcements in ten minutes");
}

#[test]
fn one_who_is_behind_is_answered_by_a_few_and_not_by_all() {
    let mut crowd = Crowd::new();
    let info = crowd.world.ledger(crowd.peers[7]).topic(&crowd.topic).info().expect("memory reads");
    let old = Announcement {
        topic: crowd.topic.id(),
        folder: info.cid.expect("there is a post"),
        count: info.entries,
        newest: Time::default(),
        inline: Vec::new(),
    };
    crowd.post("Second.");
    crowd.world.run_for(Duration::from_secs(20));
    let before = crowd.published();
    let transport = crowd.world.transport(crowd.peers[7]);
    transport.publish(Channel::new(crowd.topic.id()), old.encode().into()).expect("it fits");
    crowd.world.run_for(Duration::from_secs(5));
    let answers = crowd.published() - before - 1;
    assert!((1..=20).contains(&answers), "{answers} announcements to answer one");
}
