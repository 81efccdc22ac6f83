//! All interleavings of a few messages: every order of arrival, and every message lost, must lead to the same folder.
//!
//! The messages wait (`World::hold`) and are let go one by one. A run is a list of choices; the next run changes the last
//! choice that can be changed, so that all lists come up, and the test says how many there were.

use std::time::Duration;

use tidings_ledger::{AuthorKey, Draft, Entry, TopicName};
use tidings_tests::Oracle;
use tidings_transport_mem::{Kind, Link, PeerId, Setup, World};

/// Choices in one run; what is sent after these arrives in the order in which it was sent.
const DEPTH: usize = 4;

/// The choices of a run, and how many there were at each place.
#[derive(Default)]
struct Choices {
    taken: Vec<usize>,
    of: Vec<usize>,
    at: usize,
}

impl Choices {
    /// The next choice among so many.
    fn next(&mut self, count: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push(0);
            self.of.push(0);
        }
        self.of[self.at] = count;
        self.at += 1;
        self.taken[self.at - 1]
    }

    fn is_over(&self) -> bool {
        self.at >= DEPTH
    }

    /// Goes on to the next list of choices; says whether there is one.
    fn advance(&mut self) -> bool {
        self.taken.truncate(self.at);
        self.of.truncate(self.at);
        self.at = 0;
        while let (Some(taken), Some(of)) = (self.taken.pop(), self.of.pop()) {
            if taken + 1 < of {
                self.taken.push(taken + 1);
                self.of.push(of);
                return true;
            }
        }
        false
    }
}

struct Stage {
    world: World,
    peers: Vec<PeerId>,
    topic: TopicName,
    oracle: Oracle,
}

impl Stage {
    /// Followers, each connected to each, that hold the same two entries of one author.
    fn new(peers: usize) -> Stage {
        let mut world = World::new(1);
        let topic = TopicName::parse("room:exhaustive").expect("a good name");
        let peers: Vec<PeerId> = (0..peers).map(|_| world.peer(Setup::default()).expect("memory opens")).collect();
        for peer in &peers {
            world.ledger(*peer).topic(&topic).follow().expect("memory takes it");
        }
        world.connect_all(&peers, Link::LAN);
        let mut stage = Stage { world, peers, topic, oracle: Oracle::default() };
        stage.world.run_for(Duration::from_secs(3));
        stage.append(0, 1, Draft::new("post", "one"));
        stage.append(0, 1, Draft::new("post", "two"));
        stage.world.run_for(Duration::from_secs(3));
        stage
    }

    fn append(&mut self, peer: usize, author: u8, draft: Draft) -> Entry {
        let topic = self.world.ledger(self.peers[peer]).topic(&self.topic);
        let entry = self.world.wait(topic.append(&AuthorKey::from_seed(&[author; 32]), draft)).expect("a good draft");
        self.oracle.wrote(&self.topic, &entry);
        entry
    }

    /// Messages of these kinds arrive or get lost as the choices say; then all is well again, and all agree.
    fn play(&mut self, choices: &mut Choices) {
        while !choices.is_over() {
            // What is due right now, such as announcing what was just written; no period of announcing again.
            self.world.run_for(Duration::from_millis(100));
            let waiting = self.world.held().len();
            if waiting == 0 {
                break;
            }
            let choice = choices.next(2 * waiting);
            match choice % 2 {
                0 => self.world.deliver(choice / 2),
                _ => self.world.lose_held(choice / 2),
            }
        }
        self.world.hold(&[]);
        let goal = self.oracle.folder(&self.topic);
        let topics: Vec<_> = self.peers.iter().map(|peer| self.world.ledger(*peer).topic(&self.topic)).collect();
        let agreed = self.world.run_until(Duration::from_secs(600), |_| {
            topics.iter().all(|topic| topic.info().is_ok_and(|info| info.cid == goal))
        });
        assert!(agreed.is_ok(), "after the choices {:?} of {:?} they do not agree", choices.taken, choices.of);
        let ledgers: Vec<_> = self.peers.iter().map(|peer| self.world.ledger(*peer).clone()).collect();
        self.oracle.check(&ledgers, &self.topic);
    }
}

/// Plays all lists of choices; says how many there are.
fn all(peers: usize, kinds: &[Kind], write: impl Fn(&mut Stage)) -> usize {
    let mut choices = Choices::default();
    let mut runs = 0;
    loop {
        let mut stage = Stage::new(peers);
        stage.world.hold(kinds);
        write(&mut stage);
        stage.play(&mut choices);
        runs += 1;
        if !choices.advance() {
            return runs;
        }
    }
}

#[test]
fn no_order_of_three_peers_posts_leads_them_apart() {
    let runs = all(3, &[Kind::Announcement], |stage| {
        stage.append(0, 2, Draft::new("post", "left"));
        stage.append(1, 3, Draft::new("post", "right"));
    });
    println!("{runs} runs");
    assert!(runs > 300, "only {runs} runs");
}

#[test]
fn no_order_of_a_post_and_its_redaction_leads_them_apart() {
    let runs = all(3, &[Kind::Announcement], |stage| {
        let post = stage.append(0, 2, Draft::new("post", "to be taken back"));
        stage.world.run_for(Duration::from_millis(20));
        stage.append(0, 2, Draft::new("redact", "").redacting(post.id()));
    });
    println!("{runs} runs");
    assert!(runs > 300, "only {runs} runs");
}

#[test]
fn no_order_of_a_pulls_requests_and_answers_leads_two_peers_apart() {
    let kinds = [Kind::Announcement, Kind::Request, Kind::Answer];
    let runs = all(2, &kinds, |stage| {
        // Too long to be announced: each has to fetch the other's. The second has more of them, so it is asked at once, while
        // it asks only after it has said so.
        stage.append(0, 2, Draft::new("post", "x".repeat(20_000)));
        stage.append(1, 3, Draft::new("post", "y".repeat(20_000)));
        stage.append(1, 3, Draft::new("post", "z".repeat(20_000)));
    });
    println!("{runs} runs");
    assert!(runs > 50, "only {runs} runs");
}
