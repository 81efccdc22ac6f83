//! The catalog follows its topics later than they follow their entries; nothing may get lost in between.

use super::*;
use crate::records::{self, notes};
use crate::store::{Direction, Table};

fn page(n: usize) -> TopicName {
    TopicName::parse(&format!("https://example.org/page/{n}")).unwrap()
}

/// A mirror with folders that its catalog does not list yet, as nothing else is pending; and its entries.
fn with_a_late_catalog() -> (Net, Vec<Entry>) {
    let mut net = Net::new([Options { mirror: true, ..options(0) }]);
    let mut entries = Vec::new();
    for n in 0..20 {
        entries.push(net.append(0, page(n), n as u8, Draft::new("post", "one")));
        net.run(Duration::from_millis(5));
    }
    let replica = &net.nodes[0].replica;
    assert!(replica.topics.unsettled().is_empty(), "the folders are up to date");
    assert!(replica.catalog().2 < 20, "the catalog is not");
    (net, entries)
}

#[test]
fn a_crash_between_a_folder_and_the_catalog_loses_no_listing() {
    covers!("a listing that was pending is found again");
    let (mut net, _) = with_a_late_catalog();
    let store = net.nodes[0].store.clone();
    let mut again = Replica::open(store.clone(), options(5)).unwrap();
    for input in [Input::Start, Input::Wake] {
        let effects = again.handle(net.now, input).unwrap();
        store.commit(effects.commit).unwrap();
    }
    net.input(0, Input::Flush);
    assert_eq!(again.catalog(), net.nodes[0].replica.catalog());
    assert_eq!(again.catalog().2, 20);
    let left = records::collect(&*store, Table::Notes, notes::PENDING, notes::PENDING_END, Direction::Forward, 1);
    assert_eq!(left, Ok(Vec::new()), "notes of what is done are gone");
}

#[test]
fn the_catalog_is_up_to_date_within_its_gap() {
    let (mut net, _) = with_a_late_catalog();
    net.run(Duration::from_millis(250));
    assert_eq!(net.nodes[0].replica.catalog().2, 20);
}

#[test]
fn a_catalog_is_compared_with_all_that_is_here() {
    let (mut net, entries) = with_a_late_catalog();
    let mut other = Net::new([options(1)]);
    other.now = net.now;
    other.input(0, Input::Submit(entries));
    other.input(0, Input::Flush);
    let same = other.nodes[0].replica.catalog().0.unwrap();
    let before = net.nodes[0].replica.counters();
    net.announce_of(0, 1, net.nodes[0].replica.catalog_id, same);
    let after = net.nodes[0].replica.counters();
    assert_eq!((after.heard_same, after.pulls), (before.heard_same + 1, before.pulls));
}

#[test]
fn what_is_announced_of_the_catalog_is_all_that_is_here() {
    let (mut net, _) = with_a_late_catalog();
    // Many topics at once are told to mirrors by their catalog.
    let many = (100..150).map(|n| Append { topic: page(n), key: key(1), draft: Draft::new("post", "two") }).collect();
    let published = net.ask(0, Input::Append(many)).publish;
    let announced = published.iter().find(|(channel, _)| channel.topic() == net.nodes[0].replica.catalog_id);
    let announced = Announcement::decode(&announced.expect("it is said at once").1).unwrap();
    assert_eq!((announced.topic, announced.count), (net.nodes[0].replica.catalog_id, 70));
}
