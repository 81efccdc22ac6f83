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
        Crowd::of(PEERS, Link::WAN)
    }

    fn of(count: usize, link: Link) -> Crowd {
        let mut world = World::new(1);
        world.share_admission(1000);
        let topic = TopicName::parse("room:crowd").expect("a good name");
        let peers: Vec<PeerId> = (0..count).map(|_| world.peer(Setup::default()).expect("memory opens")).collect();
        for (at, peer) in peers.iter().enumerate() {
            world.ledger(*peer).topic(&topic).follow().expect("memory takes it");
            for _ in 0..6 {
                let other = peers[(world.random() % count as u64) as usize];
                if other != peers[at] {
                    world.connect(*peer, other, link);
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
        self.post_by(0, text);
    }

    fn post_by(&mut self, peer: usize, text: &str) {
        let topic = self.world.ledger(self.peers[peer]).topic(&self.topic);
        self.world
            .wait(topic.append(&AuthorKey::from_seed(&[peer as u8; 32]), Draft::new("post", text)))
            .expect("a good draft");
    }

    /// Lets time pass until all hold so many posts; says how long that took.
    fn until_all_have(&mut self, posts: u64) -> Duration {
        let topics: Vec<_> = self.peers.iter().map(|peer| self.world.ledger(*peer).topic(&self.topic)).collect();
        let mut lacking = topics.len();
        let all = |_: &World| {
            while lacking > 0 && topics[lacking - 1].info().is_ok_and(|info| info.entries == posts) {
                lacking -= 1;
            }
            lacking == 0
        };
        self.world.run_until(Duration::from_secs(300), all).expect("all have all")
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
    // Ten to thirteen rounds of announcing again, in few of which two are too early to hear each other.
    let spoken = crowd.published() - before;
    println!("{spoken} announcements of {PEERS} in ten minutes");
    assert!((8..=15).contains(&spoken), "{spoken} announcements in ten minutes");
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
    println!("{answers} of {PEERS} answer one who is behind");
    assert!((1..=10).contains(&answers), "{answers} announcements to answer one");
}

/// Each hop may replay what passed minutes ago, and whoever takes that for news passes it on to six others, over links that
/// may replay it once more: there is no end to it unless echoes die where they are recognised.
#[test]
fn echoes_of_old_announcements_die_out() {
    let mut crowd = Crowd::of(100, Link::WAN.replaying(0.02));
    let peers = crowd.peers.clone();
    let heard = |crowd: &Crowd| -> u64 {
        peers.iter().map(|peer| crowd.world.traffic(*peer)).map(|traffic| traffic.heard).sum()
    };
    let before = heard(&crowd);
    for post in 0..60 {
        crowd.post_by(post % 100, &format!("Post {post}."));
        crowd.world.run_for(Duration::from_secs(10));
    }
    crowd.until_all_have(61);
    let each = (heard(&crowd) - before) / 100;
    println!("{each} announcements heard by each of 100 in ten minutes with 60 posts");
    assert!(each < 200, "{each} announcements heard by each");
}

#[test]
fn a_crowd_that_was_parted_agrees_soon_and_does_not_talk_itself_to_death() {
    let mut crowd = Crowd::of(200, Link::WAN.losing(0.3));
    let peers = crowd.peers.clone();
    let (some, others) = peers.split_at(66);
    crowd.world.partition(some, others);
    for post in 0..12 {
        crowd.post_by(post * 16, &format!("Post {post}, while they are apart."));
        crowd.world.run_for(Duration::from_secs(5));
    }
    crowd.world.heal();
    let before = crowd.published();
    let healed = crowd.until_all_have(13);
    crowd.world.run_for(Duration::from_secs(60).saturating_sub(healed));
    let said = (crowd.published() - before) as f64 / 200.0;
    println!("all agree {healed:?} after the partition ended; {said:.1} announcements by each in the first minute");
    assert!(healed <= Duration::from_secs(75), "agreed only after {healed:?}");
    assert!(said < 8.0, "{said:.1} announcements by each in a minute");
}

/// Each newcomer is told by those next to it what there is. Were that passed on, a topic of a million listeners would be busy
/// with who comes and goes.
#[test]
fn who_joins_is_answered_by_neighbours_and_not_before_all() {
    const JOINING: usize = 30;
    let mut crowd = Crowd::new();
    let old = crowd.peers.clone();
    let heard = |crowd: &Crowd| -> u64 { old.iter().map(|peer| crowd.world.traffic(*peer).heard).sum() };
    let before = heard(&crowd);
    for _ in 0..JOINING {
        let newcomer = crowd.world.peer(Setup::default()).expect("memory opens");
        crowd.world.ledger(newcomer).topic(&crowd.topic).follow().expect("memory takes it");
        for _ in 0..6 {
            let other = old[(crowd.world.random() % PEERS as u64) as usize];
            crowd.world.connect(newcomer, other, Link::WAN);
        }
        crowd.peers.push(newcomer);
        crowd.world.run_for(Duration::from_secs(1));
    }
    crowd.until_all_have(1);
    let each = (heard(&crowd) - before) as f64 / PEERS as f64;
    println!("{JOINING} newcomers in {JOINING} seconds: {each:.1} announcements heard by each of {PEERS}");
    assert!(each < 30.0, "{each:.1} announcements heard by each");
}
