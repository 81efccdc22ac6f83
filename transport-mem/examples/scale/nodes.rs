//! One topic on more and more nodes.

use std::time::Duration;

use tidings_ledger::announcement::Announcement;
use tidings_ledger::transport::{Broadcast, Channel};
use tidings_ledger::{AuthorKey, Draft, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

use crate::measure::{bytes, connect_at_random, effort, megabytes, processor_seconds, total, until_all_have};

/// Connections that each node opens to others at random; as many come from others.
const DEGREE: usize = 6;

/// Entries written into the topic, a second apart, each by another node.
const POSTS: usize = 20;

/// Prints a row for each number of nodes.
pub(crate) fn grow(counts: &[usize]) {
    println!(
        "| nodes | all have a post after (median) | the last one after | sent per node and post | by the busiest node | copies heard | fetches | an hour of silence: sent per node | announcements in it | one comes with an old root: announcements | one joins: announcements | events | processor time | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for count in counts {
        let since = processor_seconds();
        let (mut world, peers, topic) = network(*count);
        let before: Vec<_> = peers.iter().map(|peer| world.traffic(*peer)).collect();
        let sum_before = total(&world, &peers);
        let mut waits: Vec<Duration> = (0..POSTS).map(|at| post(&mut world, &peers, &topic, at)).collect();
        let cost = total(&world, &peers) - sum_before;
        let sent = peers.iter().zip(before).map(|(peer, before)| (world.traffic(*peer) - before).sent_bytes);
        let busiest = sent.max().unwrap_or(0);
        world.run_for(Duration::from_secs(60));
        let silent_before = total(&world, &peers);
        world.run_for(Duration::from_secs(3600));
        let silence = total(&world, &peers) - silent_before;
        let (corrections, welcomes) = (straggler(&mut world, &peers, &topic), newcomer(&mut world, &peers, &topic));
        waits.sort();
        let per = (*count * POSTS) as f64;
        println!(
            "| {count} | {} ms | {} ms | {} | {} | {:.1} | {} | {} | {} | {corrections} | {welcomes} | {} |",
            waits[POSTS / 2].as_millis(),
            waits[POSTS - 1].as_millis(),
            bytes(cost.sent_bytes as f64 / per),
            bytes(busiest as f64 / POSTS as f64),
            (cost.heard + cost.heard_again) as f64 / per,
            cost.rounds,
            bytes(silence.sent_bytes as f64 / *count as f64),
            silence.published,
            effort(&world, since),
        );
    }
}

/// A node announces a root that is behind all others' by a post: how many announcements that leads to.
fn straggler(world: &mut World, peers: &[PeerId], topic: &TopicName) -> u64 {
    let info = world.ledger(peers[0]).topic(topic).info().expect("memory reads");
    let old = Announcement {
        topic: topic.id(),
        folder: info.cid.expect("there are posts"),
        count: info.entries,
        newest: tidings_ledger::Time::default(),
        inline: Vec::new(),
    };
    post(world, peers, topic, POSTS);
    // In the middle between two rounds of announcing again.
    world.run_for(Duration::from_secs(20));
    let before = total(world, peers);
    world.transport(peers[0]).publish(Channel::new(topic.id()), old.encode().into()).expect("it fits");
    world.run_for(Duration::from_secs(10));
    (total(world, peers) - before).published - 1
}

/// A node joins with nothing: how many announcements that leads to.
fn newcomer(world: &mut World, peers: &[PeerId], topic: &TopicName) -> u64 {
    let before = total(world, peers);
    let new = world.peer(Setup::default()).expect("memory opens");
    world.ledger(new).topic(topic).follow().expect("memory takes it");
    for at in 0..DEGREE.min(peers.len()) {
        world.connect(new, peers[at * 31 % peers.len()], Link::WAN);
    }
    world.run_for(Duration::from_secs(10));
    assert!(world.ledger(new).topic(topic).info().is_ok_and(|info| info.entries > 0), "the newcomer got nothing");
    (total(world, peers) - before).published
}

/// One busy topic: many posts a second, by all nodes in turn.
pub(crate) fn busy(count: usize, posts: usize) {
    let since = processor_seconds();
    let (mut world, peers, topic) = network(count);
    let before = total(&world, &peers);
    let start = world.elapsed();
    let mut last = None;
    for at in 0..posts {
        let writer = world.ledger(peers[at * 7919 % count]).topic(&topic);
        last = world.wait(writer.append(&author(at), draft(at))).ok();
        world.run_for(Duration::from_millis(50));
    }
    let written = world.elapsed();
    if let Some(entry) = last {
        until_all_have(&mut world, &peers, &entry.id());
    }
    let ledgers: Vec<_> = peers.iter().map(|peer| world.ledger(*peer).topic(&topic)).collect();
    let all = |_: &World| ledgers.iter().all(|topic| topic.info().is_ok_and(|info| info.entries == posts as u64));
    world.run_until(Duration::from_secs(3600), all).expect("all have all");
    let agreed = world.elapsed();
    let roots: Vec<_> = ledgers.iter().map(|topic| topic.info().expect("memory reads").cid).collect();
    assert!(roots.iter().all(|root| root == &roots[0]), "all agree");
    let cost = total(&world, &peers) - before;
    println!(
        "| nodes | posts | a second | all have all after the last | sent per node and post | copies heard | fetches | events | processor time | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let per = (count * posts) as f64;
    println!(
        "| {count} | {posts} | {:.0} | {} ms | {} | {:.1} | {} | {} |",
        posts as f64 / (written - start).as_secs_f64(),
        (agreed - written).as_millis(),
        bytes(cost.sent_bytes as f64 / per),
        (cost.heard + cost.heard_again) as f64 / per,
        cost.rounds,
        effort(&world, since),
    );
}

/// So many nodes that follow one topic, each with six connections of its own making.
fn network(count: usize) -> (World, Vec<PeerId>, TopicName) {
    let mut world = World::new(count as u64);
    world.share_admission(100_000);
    let topic = TopicName::parse("room:busy").expect("a good name");
    let peers: Vec<PeerId> = (0..count).map(|_| world.peer(Setup::default()).expect("memory opens")).collect();
    for peer in &peers {
        world.ledger(*peer).topic(&topic).follow().expect("memory takes it");
    }
    connect_at_random(&mut world, &peers, DEGREE, Link::WAN);
    world.run_for(Duration::from_secs(5));
    eprintln!("{count} nodes are up: {} MB", megabytes());
    (world, peers, topic)
}

/// One node writes; says how long it takes until all have it.
fn post(world: &mut World, peers: &[PeerId], topic: &TopicName, at: usize) -> Duration {
    let writer = world.ledger(peers[at * 7919 % peers.len()]).topic(topic);
    let entry = world.wait(writer.append(&author(at), draft(at))).expect("a good draft");
    let took = until_all_have(world, peers, &entry.id());
    world.run_for(Duration::from_secs(1));
    took
}

fn author(at: usize) -> AuthorKey {
    AuthorKey::from_seed(&[at as u8; 32])
}

fn draft(at: usize) -> Draft {
    Draft::new("post", format!("Post {at}: as long as comments usually are, a sentence or two of them."))
}
