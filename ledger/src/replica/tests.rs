//! Replicas against each other, without I/O: a network that is instant, or down.

mod catalog;
mod hearing;
mod net;
mod rules;

use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use net::{Net, SECOND, key, options, room};

use super::*;
use crate::admission::Refusal;
use crate::announcement::Announcement;
use crate::entry::{Draft, Entry};
use crate::marks::covers;
use crate::transport::{Channel, Demerit, MessageId, Peer, Verdict};

#[test]
fn what_one_says_the_others_have_without_a_fetch() {
    let mut net = Net::followers(3);
    net.run(SECOND);
    net.say(0, 1, "hello");
    net.run(SECOND);
    net.assert_same(&room(), 1);
    assert_eq!(net.nodes[1].blocks_fetched, 0, "the entry came inline");
    net.say(1, 2, "hello yourself");
    net.run(SECOND);
    net.assert_same(&room(), 2);
}

#[test]
fn a_late_joiner_gets_everything_in_few_rounds() {
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 5_000);
    net.down.clear();
    net.input(0, Input::Subscribed { channel: Channel::new(room().id()) });
    net.run(SECOND);
    net.assert_same(&room(), 5_000);
    assert!(net.nodes[1].rounds < 20, "{} rounds", net.nodes[1].rounds);
}

#[test]
fn what_was_written_before_it_was_followed_reaches_those_who_listen_already() {
    let mut net = Net::new((0..2).map(options));
    net.say(0, 1, "nobody follows this here yet");
    net.input(1, Input::Follow(room()));
    net.run(Duration::from_secs(1));
    net.input(0, Input::Follow(room()));
    net.run(Duration::from_secs(1));
    net.assert_same(&room(), 1);
}

#[test]
fn a_lost_announcement_heals_without_a_new_write() {
    let mut net = Net::followers(2);
    net.fill(0, 2_000);
    net.run(SECOND);
    net.assert_same(&room(), 2_000);
    net.down.insert(1);
    net.say(0, 1, "nobody hears this");
    net.run(SECOND);
    net.down.clear();
    (net.nodes[1].rounds, net.nodes[1].blocks_fetched) = (0, 0);
    net.run(100 * SECOND);
    net.assert_same(&room(), 2_001);
    assert!(net.nodes[1].rounds <= 6, "{} rounds", net.nodes[1].rounds);
    assert!(net.nodes[1].blocks_fetched <= 8, "{} blocks", net.nodes[1].blocks_fetched);
}

#[test]
fn a_newcomer_behind_the_hub_hears_what_the_hub_learns_meanwhile() {
    covers!("a newcomer is told what it missed");
    covers!("an announced root is behind ours");
    // 0 is the hub between 1 and 2, who cannot hear each other. It comes back without what 1 wrote, hears of it from 1,
    // twice, and must tell 2 although 1 said the same: 2 did not hear that.
    let mut net = Net::followers(3);
    net.fill(0, 100);
    net.run(SECOND);
    net.apart.insert((1, 2));
    net.down.insert(0);
    net.say(1, 2, "while the hub is down");
    net.run(SECOND);
    net.down.clear();
    let channel = Channel::new(room().id());
    for at in [2, 1, 1] {
        net.input(0, Input::Subscribed { channel });
        net.input(at, Input::Subscribed { channel });
        net.run(Duration::from_millis(60));
    }
    net.run(3 * SECOND);
    net.assert_same(&room(), 101);
}

#[test]
fn both_sides_of_a_partition_end_with_the_union() {
    let mut net = Net::followers(3);
    net.fill(0, 300);
    net.run(SECOND);
    net.down.insert(2);
    for n in 0..200 {
        net.say(0, 1, &format!("left {n}"));
        net.say(2, 2, &format!("right {n}"));
        net.run(Duration::from_millis(10));
    }
    net.down.clear();
    net.run(200 * SECOND);
    net.assert_same(&room(), 700);
}

#[test]
fn equal_sets_cost_no_fetch() {
    let mut net = Net::followers(2);
    net.fill(0, 1_000);
    net.run(SECOND);
    net.nodes[1].blocks_fetched = 0;
    net.run(600 * SECOND);
    assert_eq!(net.nodes[1].blocks_fetched, 0);
    let announced: u64 = net.nodes.iter().map(|node| node.replica.counters().announced).sum();
    assert!((8..=40).contains(&announced), "about one a minute among both: {announced}");
}

#[test]
fn a_redaction_gives_the_same_folder_whatever_came_first() {
    covers!("a redaction was there before its target");
    let mut net = Net::followers(1);
    let post = net.say(0, 1, "I take this back");
    net.say(0, 2, "what?");
    let redaction = net.append(0, room(), 1, Draft::new("redact", "").redacting(post.id()));
    net.run(SECOND);
    let all: Vec<Entry> = {
        let step = Step::new(net.now, &*net.nodes[0].store);
        let number = net.nodes[0].replica.topics.number(&room().id()).unwrap();
        let read = |id: EntryId, time| {
            let location = crate::records::Location { number, time, id };
            step.entry(&location).unwrap()
        };
        vec![read(post.id(), post.time()), post.clone(), redaction.clone()]
    };
    assert!(all[0].is_redacted(), "the author's node dropped the body");
    for order in [[1, 2, 0], [2, 1, 0], [2, 0, 1], [0, 2, 1]] {
        for one_by_one in [true, false] {
            let mut other = Net::followers(1);
            let entries: Vec<Entry> = order.iter().map(|at| all[*at].clone()).collect();
            if one_by_one {
                for entry in entries {
                    other.input(0, Input::Submit(vec![entry]));
                }
            } else {
                other.input(0, Input::Submit(entries));
            }
            other.input(0, Input::Submit(net_entry(&net, 2)));
            other.run(SECOND);
            assert_eq!(other.root(0, &room()), net.root(0, &room()), "{order:?}, one by one: {one_by_one}");
        }
    }
}

/// The entry of this author in the room at node 0.
fn net_entry(net: &Net, author: u8) -> Vec<Entry> {
    let query = crate::handle::Query { limit: 100, ..Default::default() };
    let page = crate::handle::page(&*net.nodes[0].store, &room().id(), &query).unwrap();
    page.items.into_iter().filter(|entry| entry.author() == key(author).author()).collect()
}

#[test]
fn a_missing_body_without_a_redaction_is_refused() {
    let mut net = Net::followers(1);
    let post = net.say(0, 1, "here");
    let mut other = Net::followers(1);
    let answer = other.ask(0, Input::Submit(vec![post.redacted()])).submitted;
    assert_eq!(answer, [Err(Refusal::NoBody(post.id()))]);
}

#[test]
fn somebody_elses_redaction_changes_nothing() {
    covers!("a redaction takes nothing away");
    let mut net = Net::followers(2);
    let post = net.say(0, 1, "mine");
    net.append(1, room(), 2, Draft::new("redact", "").redacting(post.id()));
    net.run(SECOND);
    net.assert_same(&room(), 2);
    assert!(!net_entry(&net, 1)[0].is_redacted());
}

#[test]
fn an_entry_from_the_future_waits_for_its_time() {
    let mut net = Net::followers(2);
    let early = net.now + Duration::from_secs(3600);
    let mut writer = Net::followers(1);
    writer.now = early;
    let entry = writer.append(0, room(), 1, Draft::new("post", "early").at(early));
    let answer = net.ask(0, Input::Submit(vec![entry.clone()])).submitted;
    assert_eq!(answer, [Err(Refusal::Future(entry.id()))]);
    net.run(Duration::from_secs(2990));
    assert_eq!(net.entries(0, &room()), 0);
    net.run(Duration::from_secs(20));
    assert_eq!(net.entries(0, &room()), 1);
}

#[test]
fn one_key_on_two_machines_is_reported_as_a_fork_by_all() {
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.say(0, 1, "first machine");
    net.say(1, 1, "second machine");
    net.down.clear();
    net.run(200 * SECOND);
    net.assert_same(&room(), 2);
    for node in &net.nodes {
        let forks =
            node.notices.iter().filter(|notice| matches!(notice, Notice::Fork(fork) if fork.entries.len() == 2));
        assert_eq!(forks.count(), 1);
    }
}

#[test]
fn a_root_that_nobody_serves_is_not_fetched_for_ever() {
    covers!("a root is not to be had");
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 500);
    net.down.clear();
    let root = net.root(0, &room()).unwrap();
    net.withheld.insert(root);
    net.run(600 * SECOND);
    assert_eq!(net.entries(1, &room()), 0);
    assert!(net.nodes[1].rounds <= 6, "{} attempts in ten minutes", net.nodes[1].rounds);
    assert!(net.nodes[1].demerits.contains(&(Peer::new("0"), Demerit::Withheld)));
    net.withheld.clear();
    net.run(3600 * SECOND);
    net.assert_same(&room(), 500);
}

#[test]
fn an_announcement_of_a_later_version_is_held_against_nobody() {
    let mut net = Net::followers(1);
    net.say(0, 1, "here already");
    let announcement = Announcement {
        topic: room().id(),
        folder: net.root(0, &room()).unwrap(),
        count: 1,
        newest: net.now,
        inline: Vec::new(),
    };
    let mut later = announcement.encode();
    assert_eq!(later[1..3], [1, 1], "the version comes first");
    later[2] = 2;
    net.hear(0, 7, Channel::new(room().id()), &later.into());
    assert!(net.nodes[0].demerits.is_empty());
    assert_eq!(net.nodes[0].replica.counters().heard_newer, 1);
}

#[test]
fn mirrors_end_with_the_same_catalog() {
    let mirror = |seed| Options { mirror: true, ..options(seed) };
    let mut net = Net::new([options(0), mirror(1), mirror(2)]);
    net.down.insert(1);
    net.down.insert(2);
    for n in 0..300 {
        let topic = TopicName::parse(&format!("https://example.org/page/{n}")).unwrap();
        for m in 0..=n % 5 {
            net.append(0, topic.clone(), m as u8, Draft::new("post", format!("{n} {m}")));
        }
    }
    net.run(SECOND);
    net.down.clear();
    // What was written while they were down shows when node 0 announces its catalog again.
    net.append(0, room(), 9, Draft::new("post", "a word in a topic of its own"));
    net.run(100 * SECOND);
    let catalogs: Vec<_> = net.nodes.iter().map(|node| node.replica.catalog()).collect();
    assert_eq!(catalogs[0].1, 301);
    assert_eq!(catalogs[0], catalogs[1]);
    assert_eq!(catalogs[1], catalogs[2]);
    // And live, through the catalog channel alone.
    net.nodes[1].blocks_fetched = 0;
    net.append(2, room(), 8, Draft::new("post", "from a mirror"));
    net.run(SECOND);
    assert_eq!(net.nodes[1].replica.catalog(), net.nodes[2].replica.catalog());
    assert_eq!(net.nodes[1].blocks_fetched, 0);
}

#[test]
fn a_replica_that_is_opened_again_goes_on_where_it_was() {
    covers!("what was pending is found again");
    let mut net = Net::followers(1);
    net.fill(0, 3_000);
    let first = net.say(0, 1, "settled");
    // No time passes: these are appended, durable, and not yet in the folder.
    for n in 0..5 {
        net.say(0, 1, &format!("pending {n}"));
    }
    assert!(net.entries(0, &room()) < 3_006);
    let store = net.nodes[0].store.clone();
    let mut again = Replica::open(store.clone(), options(5)).unwrap();
    let effects = again.handle(net.now, Input::Start).unwrap();
    store.commit(effects.commit).unwrap();
    net.run(SECOND);
    let ours = again.topics.by_id(&room().id()).unwrap();
    assert_eq!((ours.record.tree.root, ours.record.entries), (net.root(0, &room()), 3_006));
    assert!(first.header().seq > 0);
}

#[test]
fn dead_nodes_are_swept_and_live_ones_are_not() {
    let limits = Limits { dead_nodes: 10, ..Limits::default() };
    let mut net = Net::new([Options { limits, ..options(1) }]);
    for n in 0..1_500 {
        net.say(0, (n % 3) as u8, &format!("{n}"));
        net.run(Duration::from_millis(5));
    }
    let store = net.nodes[0].store.clone();
    let mut nodes = 0;
    let all = crate::records::range(&[0], &[0xff; 33]);
    store
        .scan(crate::store::Table::Nodes, all, crate::store::Direction::Forward, &mut |_, _| {
            nodes += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert!(nodes < 500, "{nodes} nodes for 1,500 entries");
    // Whoever fetches the root finds all of it.
    let mut net = Net { nodes: vec![net.nodes.remove(0)], ..net };
    let fresh = Net::followers(1);
    net.nodes.extend(fresh.nodes);
    net.input(0, Input::Follow(room()));
    net.say(0, 1, "come");
    net.run(200 * SECOND);
    net.assert_same(&room(), 1_501);
}

/// Options with other limits.
fn limited(seed: u64, limit: impl FnOnce(&mut Limits)) -> Options {
    let mut options = options(seed);
    limit(&mut options.limits);
    options
}

#[test]
fn a_full_store_takes_nothing_from_others() {
    covers!("an entry finds no room");
    let mut net = Net::new([options(0), limited(1, |limits| limits.store_bytes = 0)]);
    for at in 0..2 {
        net.input(at, Input::Follow(room()));
    }
    net.say(0, 1, "no room for this");
    net.run(SECOND);
    assert_eq!((net.entries(0, &room()), net.entries(1, &room())), (1, 0));
    assert!(net.nodes[1].replica.counters().refused > 0);
}

#[test]
fn an_entry_of_the_future_that_finds_no_room_is_counted() {
    covers!("an entry of the future finds no room");
    let mut net = Net::new([options(0), limited(1, |limits| limits.deferred = 0)]);
    for at in 0..2 {
        net.input(at, Input::Follow(room()));
    }
    net.down.insert(1);
    let entry = net.say(0, 1, "ahead of time");
    net.nodes[1].replica.options.future = Duration::ZERO;
    net.now = entry.time() - Duration::from_secs(5);
    net.input(1, Input::Submit(vec![entry]));
    assert_eq!(net.nodes[1].replica.counters().deferred_dropped, 1);
}

#[test]
fn a_mirror_joins_the_channel_of_a_topic_on_which_others_waited() {
    covers!("listeners waited for a topic");
    let mirror = Options { mirror: true, ..options(1) };
    let mut net = Net::new([options(0), mirror]);
    let channel = Channel::new(room().id());
    net.input(1, Input::Subscribed { channel });
    assert!(!net.nodes[1].joined.contains(&channel), "there is nothing to tell yet");
    net.say(0, 1, "the first");
    net.run(SECOND);
    assert_eq!(net.entries(1, &room()), 1);
    assert!(net.nodes[1].joined.contains(&channel));
}
