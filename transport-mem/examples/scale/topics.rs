//! More and more topics, one comment in each, on two mirrors and on two nodes that follow every one.

use std::time::Duration;

use tidings_ledger::{AuthorKey, Draft, Options, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

use crate::measure::{bytes, effort, processor_seconds};

/// Prints a row for each number of topics.
pub(crate) fn grow(counts: &[usize]) {
    println!(
        "| topics | a cold mirror has all after | rounds | folder nodes fetched | per topic | one more post: heard | rounds | an hour of silence, mirror: sent | an hour of silence, follower of all: sent | events | processor time | events/s | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for count in counts {
        let since = processor_seconds();
        let following = silence_of_followers(*count);
        let mut world = World::new(*count as u64);
        world.share_admission(count * 2);
        let (first, second) = (mirror(&mut world), mirror(&mut world));
        fill(&mut world, first, *count);
        world.run_for(Duration::from_secs(2));
        world.connect(first, second, Link::WAN);
        let joined = agree(&mut world, first, second);
        let cold = world.traffic(second);
        world.run_for(Duration::from_secs(5));
        let before = world.traffic(second);
        let topic = world.ledger(first).topic(&name(0));
        let key = AuthorKey::from_seed(&[1; 32]);
        world.wait(topic.append(&key, Draft::new("post", "One more."))).expect("a good draft");
        agree(&mut world, first, second);
        let more = world.traffic(second) - before;
        world.run_for(Duration::from_secs(60));
        let before = world.traffic(second);
        world.run_for(Duration::from_secs(3600));
        let hour = world.traffic(second) - before;
        println!(
            "| {count} | {:.1} s | {} | {} | {} | {} | {} | {} | {} | {} |",
            joined.as_secs_f64(),
            cold.rounds,
            bytes(cold.node_bytes as f64),
            bytes(cold.node_bytes as f64 / *count as f64),
            bytes(more.heard_bytes as f64),
            more.rounds,
            bytes(hour.sent_bytes as f64),
            bytes(following),
            effort(&world, since),
        );
    }
}

/// Two nodes follow each of the topics: what one sends in an hour in which nothing happens.
fn silence_of_followers(count: usize) -> f64 {
    let mut world = World::new(count as u64);
    world.share_admission(count * 2);
    let peers = [(); 2].map(|()| world.peer(Setup::default()).expect("memory opens"));
    for peer in peers {
        for at in 0..count {
            world.ledger(peer).topic(&name(at)).follow().expect("memory takes it");
        }
    }
    let ledger = world.ledger(peers[1]).clone();
    let files = fill(&mut world, peers[0], count);
    for some in files.chunks(4096) {
        ledger.submit(some.to_vec()).expect("memory takes it");
    }
    ledger.flush().expect("memory takes it");
    world.connect(peers[0], peers[1], Link::WAN);
    // What a meeting costs is over by then.
    world.run_for(Duration::from_secs(300));
    let before = world.traffic(peers[1]);
    // Ten minutes stand for an hour: nothing changes from one to the next.
    world.run_for(Duration::from_secs(600));
    let spent = world.traffic(peers[1]) - before;
    spent.sent_bytes as f64 * 6.0
}

fn mirror(world: &mut World) -> PeerId {
    let options = Options { mirror: true, ..Options::default() };
    world.peer(Setup { options, ..Setup::default() }).expect("memory opens")
}

/// Writes a comment into each topic; gives the files.
fn fill(world: &mut World, peer: PeerId, count: usize) -> Vec<bytes::Bytes> {
    let ledger = world.ledger(peer).clone();
    let drafts: Vec<_> = (0..count)
        .map(|at| (name(at), AuthorKey::from_seed(&[at as u8; 32]), Draft::new("post", "A comment.")))
        .collect();
    let mut files = Vec::with_capacity(count);
    for some in drafts.chunks(4096) {
        let appended = world.wait(ledger.append_all(some.to_vec()));
        files.extend(appended.into_iter().map(|entry| entry.expect("a good draft").to_file().into()));
    }
    ledger.flush().expect("memory takes it");
    files
}

fn agree(world: &mut World, first: PeerId, second: PeerId) -> Duration {
    let (a, b) = (world.ledger(first).clone(), world.ledger(second).clone());
    let same = |_: &World| a.catalog().ok() == b.catalog().ok();
    // From the moment on at which the first one's catalog can be new.
    world.run_for(Duration::from_millis(20));
    world.run_until(Duration::from_secs(3600), same).expect("two mirrors agree")
}

fn name(at: usize) -> TopicName {
    TopicName::parse(&format!("https://example.org/page/{at}")).expect("a good name")
}
