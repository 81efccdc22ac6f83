//! Peers whose rules differ, for good: they must not fetch from each other for ever, nor blame each other.

use std::time::Duration;

use tidings_ledger::replica::Limits;
use tidings_ledger::{AuthorKey, Draft, Options, TopicName};
use tidings_transport_mem::{Link, PeerId, Setup, World};

fn post(world: &mut World, peer: PeerId, topic: &TopicName, text: String) {
    let topic = world.ledger(peer).topic(topic);
    world.wait(topic.append(&AuthorKey::from_seed(&[1; 32]), Draft::new("post", text))).expect("a good draft");
}

#[test]
fn two_mirrors_that_can_never_agree_stop_fetching_from_each_other() {
    let mut world = World::new(5);
    let full =
        Options { mirror: true, limits: Limits { store_bytes: 20_000, ..Limits::default() }, ..Options::default() };
    let small = world.peer(Setup { options: full, ..Setup::default() }).expect("memory opens");
    let large = world.peer(Setup::mirror()).expect("memory opens");
    world.connect(small, large, Link::LAN);
    for at in 0..60 {
        let topic = TopicName::parse(&format!("room:{at}")).expect("a good name");
        post(&mut world, small, &topic, format!("Own entry {at}."));
        post(&mut world, large, &topic, format!("{at} {}", "x".repeat(1200)));
        world.run_for(Duration::from_millis(100));
    }
    world.run_for(Duration::from_secs(600));
    let before = [small, large].map(|peer| world.traffic(peer));
    world.run_for(Duration::from_secs(3600));
    for (peer, before) in [small, large].into_iter().zip(before) {
        let hour = world.traffic(peer) - before;
        assert!(hour.published < 400, "{peer:?} in an hour: {hour:?}");
        assert!(hour.rounds < 100, "{peer:?} in an hour: {hour:?}");
        assert_eq!(world.demerits(peer), [], "a full disk is nobody's fault");
    }
}

#[test]
fn a_peer_that_is_offline_for_a_day_does_not_fill_anybodys_memory() {
    let mut world = World::new(6);
    let (a, b) = (world.peer(Setup::mirror()).expect("opens"), world.peer(Setup::mirror()).expect("opens"));
    world.connect(a, b, Link::WAN);
    world.partition(&[a], &[b]);
    let topic = TopicName::parse("room:day").expect("a good name");
    for hour in 0..24 {
        post(&mut world, a, &topic, format!("Hour {hour}."));
        world.run_for(Duration::from_secs(3600));
    }
    world.heal();
    let goal = world.ledger(a).catalog().expect("memory reads");
    let ledger = world.ledger(b).clone();
    world.run_until(Duration::from_secs(300), |_| ledger.catalog().is_ok_and(|info| info == goal)).expect("it heals");
}
