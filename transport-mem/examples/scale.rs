//! How a network grows: one busy topic on more and more nodes, or more and more topics on a few mirrors.
//!
//! `cargo run -p tidings-transport-mem --example scale -- nodes 10 100 1000` and `… -- topics 10 100 1000 10000` print one
//! row for each. All figures but the last two are of the simulated network and the same in every run.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidings_ledger::{AuthorKey, Draft, Options, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, Traffic, World};

/// Connections that each node opens to others at random.
const DEGREE: usize = 6;

/// Entries written into the busy topic, a second apart, by as many nodes.
const POSTS: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((what, counts)) = arguments.split_first() else { return usage() };
    let Ok(counts) = counts.iter().map(|count| count.parse()).collect::<Result<Vec<usize>, _>>() else {
        return usage();
    };
    match what.as_str() {
        "nodes" => nodes(&counts),
        "topics" => topics(&counts),
        _ => usage(),
    }
}

fn usage() {
    println!("usage: scale nodes COUNT…   or   scale topics COUNT…");
}

fn nodes(counts: &[usize]) {
    println!(
        "| nodes | all have a post after, median of {POSTS} | the last one after | sent per node and post, bytes | copies heard per post | fetches per node | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in counts {
        let started = Instant::now();
        let mut world = World::new(*count as u64);
        world.share_admission(100_000);
        let topic = TopicName::parse("room:busy").expect("a good name");
        let peers: Vec<PeerId> = (0..*count).map(|_| world.peer(Setup::default()).expect("memory opens")).collect();
        for peer in &peers {
            world.ledger(*peer).topic(&topic).follow().expect("memory takes it");
        }
        connect_at_random(&mut world, &peers);
        world.run_for(Duration::from_secs(5));
        let before = total(&world, &peers);
        let mut waits: Vec<Duration> = (0..POSTS).map(|at| post(&mut world, &peers, &topic, at)).collect();
        let cost = total(&world, &peers) - before;
        waits.sort();
        let per = (*count * POSTS) as f64;
        let bytes = cost.heard_bytes as f64 * cost.sent as f64 / cost.heard.max(1) as f64 / per;
        println!(
            "| {count} | {:.0?} | {:.0?} | {bytes:.0} | {:.1} | {:.2} | {} | {} MB |",
            waits[POSTS / 2],
            waits[POSTS - 1],
            (cost.heard + cost.heard_again) as f64 / per,
            cost.rounds as f64 / *count as f64,
            rate(&world, started),
            memory(),
        );
    }
}

/// One node writes; says how long it takes until all have it.
fn post(world: &mut World, peers: &[PeerId], topic: &TopicName, at: usize) -> Duration {
    let author = AuthorKey::from_seed(&[at as u8; 32]);
    let writer = world.ledger(peers[at * 7919 % peers.len()]).topic(topic);
    let draft = Draft::new("post", format!("Post {at}: as long as comments usually are, a sentence or two of them."));
    let entry = world.wait(writer.append(&author, draft)).expect("a good draft");
    // Whoever has it is not asked again.
    let mut lacking: Vec<PeerId> = peers.to_vec();
    let took = world.run_until(Duration::from_secs(600), |world| {
        while let Some(peer) = lacking.last() {
            match world.ledger(*peer).entry(&entry.id()) {
                Ok(Some(_)) => lacking.pop(),
                _ => return false,
            };
        }
        true
    });
    let took = took.expect("a post reaches all");
    world.run_for(Duration::from_secs(1));
    took
}

fn topics(counts: &[usize]) {
    println!(
        "| topics | a cold mirror has them after | rounds | nodes fetched, bytes | one more post: bytes heard | rounds | an hour of silence: bytes heard | rounds | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for count in counts {
        let started = Instant::now();
        let mut world = World::new(*count as u64);
        let mirror = || Setup { options: Options { mirror: true, ..Options::default() }, ..Setup::default() };
        let (first, second) = (world.peer(mirror()).expect("opens"), world.peer(mirror()).expect("opens"));
        let name = |at: usize| TopicName::parse(&format!("https://example.org/page/{at}")).expect("a good name");
        let drafts: Vec<_> = (0..*count)
            .map(|at| (name(at), AuthorKey::from_seed(&[at as u8; 32]), Draft::new("post", "A comment.")))
            .collect();
        let ledger = world.ledger(first).clone();
        for some in drafts.chunks(4096) {
            assert!(world.wait(ledger.append_all(some.to_vec())).iter().all(Result::is_ok));
        }
        ledger.flush().expect("memory takes it");
        world.run_for(Duration::from_secs(2));
        world.connect(first, second, Link::WAN);
        let joined = agree(&mut world, first, second);
        let cold = world.traffic(second);
        world.run_for(Duration::from_secs(5));
        let before = world.traffic(second);
        let topic = world.ledger(first).topic(&name(0));
        world
            .wait(topic.append(&AuthorKey::from_seed(&[1; 32]), Draft::new("post", "One more.")))
            .expect("a good draft");
        agree(&mut world, first, second);
        let more = world.traffic(second) - before;
        world.run_for(Duration::from_secs(60));
        let before = world.traffic(second);
        world.run_for(Duration::from_secs(3600));
        let hour = world.traffic(second) - before;
        println!(
            "| {count} | {joined:.1?} | {} | {} | {} | {} | {} | {} | {} | {} MB |",
            cold.rounds,
            cold.node_bytes,
            more.heard_bytes,
            more.rounds,
            hour.heard_bytes,
            hour.rounds,
            rate(&world, started),
            memory(),
        );
    }
}

fn agree(world: &mut World, first: PeerId, second: PeerId) -> Duration {
    let (a, b) = (world.ledger(first).clone(), world.ledger(second).clone());
    let same = |_: &World| a.catalog().ok() == b.catalog().ok();
    // From the moment on at which the first one's catalog can be new.
    world.run_for(Duration::from_millis(20));
    world.run_until(Duration::from_secs(3600), same).expect("two mirrors agree")
}

fn connect_at_random(world: &mut World, peers: &[PeerId]) {
    let mut connected: BTreeSet<(PeerId, PeerId)> = BTreeSet::new();
    for a in peers {
        for _ in 0..DEGREE.min(peers.len() - 1) {
            let b = peers[(world.random() % peers.len() as u64) as usize];
            if *a != b && connected.insert((*a.min(&b), *a.max(&b))) {
                world.connect(*a, b, Link::WAN);
            }
        }
    }
}

fn total(world: &World, peers: &[PeerId]) -> Traffic {
    let mut sum = Traffic::default();
    for peer in peers {
        sum += world.traffic(*peer);
    }
    sum
}

#[allow(clippy::disallowed_methods, reason = "the speed of the simulator itself is measured, not simulated")]
fn rate(world: &World, started: Instant) -> u64 {
    (world.happened() as f64 / started.elapsed().as_secs_f64()) as u64
}

/// The process's memory in megabytes, where the system tells it.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
