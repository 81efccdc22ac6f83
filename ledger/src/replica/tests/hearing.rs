//! What is heard and said again: it has to heal what got lost, and to stay little however many speak.

use super::*;

/// Node 0 hears an announcement of its room without entries; gives the verdict.
fn verdict(net: &mut Net, folder: Cid, count: u64) -> Verdict {
    let announcement = Announcement { topic: room().id(), folder, count, newest: net.now, inline: Vec::new() };
    let (from, message) = (Peer::new("7"), MessageId(Bytes::new()));
    let channel = Channel::new(room().id());
    let input = Input::Heard { channel, from, message, announcement: Ok(announcement), entries: Vec::new() };
    net.ask(0, input).verdicts[0].1
}

/// Announcements that the node has made.
fn said(net: &Net, at: usize) -> u64 {
    net.nodes[at].replica.counters().announced
}

/// Two nodes that hold the same but for one entry each, and do not hear each other yet.
fn two_of_a_mind() -> Net {
    let mut net = Net::followers(2);
    net.fill(0, 100);
    net.run(100 * SECOND);
    net.assert_same(&room(), 100);
    net.down.insert(1);
    net.say(0, 1, "only here");
    net.say(1, 2, "only there");
    net.run(SECOND);
    net
}

#[test]
fn an_echo_goes_no_further() {
    let mut net = Net::followers(1);
    net.say(0, 1, "first");
    net.run(SECOND);
    let old = net.root(0, &room()).unwrap();
    assert_eq!(verdict(&mut net, old, 1), Verdict::Ignore, "it was said here a second ago");
    net.run(30 * SECOND);
    assert_eq!(verdict(&mut net, old, 1), Verdict::Accept, "somebody may have missed it");
    assert_eq!(verdict(&mut net, old, 1), Verdict::Ignore);
    net.say(0, 1, "second");
    net.run(30 * SECOND);
    assert_eq!(verdict(&mut net, old, 1), Verdict::Ignore, "we answer, so nobody else has to");
    assert_eq!(net.nodes[0].replica.counters().heard_enough, 3);
}

#[test]
fn an_answer_that_spares_us_ours_is_passed_on() {
    let mut net = Net::followers(1);
    net.say(0, 1, "first");
    net.run(SECOND);
    let old = net.root(0, &room()).unwrap();
    net.say(0, 1, "second");
    net.run(30 * SECOND);
    let new = net.root(0, &room()).unwrap();
    assert_eq!(verdict(&mut net, new, 2), Verdict::Accept);
    // 7 is behind and hears nobody but us; 8 answers before we do.
    assert_eq!(verdict(&mut net, old, 1), Verdict::Ignore);
    let before = said(&net, 0);
    assert_eq!(verdict(&mut net, new, 2), Verdict::Accept);
    net.run(2 * SECOND);
    assert_eq!(said(&net, 0), before, "what was passed on need not be said");
}

#[test]
fn those_who_are_behind_are_answered_so_often_and_no_more() {
    let mut net = Net::followers(1);
    net.say(0, 1, "first");
    net.run(SECOND);
    let old = net.root(0, &room()).unwrap();
    net.say(0, 1, "second");
    net.run(200 * SECOND);
    let before = said(&net, 0);
    for _ in 0..60 {
        verdict(&mut net, old, 1);
        net.run(SECOND);
    }
    let answers = said(&net, 0) - before;
    assert!((10..=20).contains(&answers), "{answers} answers in a minute");
}

#[test]
fn what_was_pulled_and_is_behind_is_answered_and_not_pulled_again() {
    covers!("who seems to be behind is told before it is asked");
    covers!("a root that was pulled is behind ours");
    let mut net = two_of_a_mind();
    let theirs = net.root(1, &room()).unwrap();
    net.down.clear();
    net.nodes[0].rounds = 0;
    verdict(&mut net, theirs, 101);
    assert_eq!(net.nodes[0].rounds, 0, "it has no more than we have: we speak first");
    net.run(10 * SECOND);
    net.assert_same(&room(), 102);
    net.nodes[0].rounds = 0;
    let before = said(&net, 0);
    assert_eq!(verdict(&mut net, theirs, 101), Verdict::Ignore);
    net.run(10 * SECOND);
    assert_eq!(net.nodes[0].rounds, 0, "all of it is here");
    assert_eq!(said(&net, 0), before + 1);
}

#[test]
fn a_root_of_a_moment_is_not_fetched_by_all_who_heard_of_it() {
    let mut net = Net::followers(10);
    net.fill(0, 100);
    net.run(100 * SECOND);
    net.nodes.iter_mut().for_each(|node| node.rounds = 0);
    // Somebody wrote while others did. It never had as many entries as are here, and has the same by now.
    let passing = crate::content::node_cid(b"a root of a moment");
    for at in 0..10 {
        net.announce(at, 7, passing);
    }
    net.run(5 * SECOND);
    let rounds: u64 = net.nodes.iter().map(|node| node.rounds).sum();
    assert!(rounds <= 2, "{rounds} fetches: one says what is here, and the others agree");
}

#[test]
fn an_answer_waits_for_what_is_pulled() {
    covers!("an answer waits for a pull");
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.nodes[0].replica.options.reannounce = 3600 * SECOND;
    net.fill(0, 100);
    net.run(100 * SECOND);
    let old = net.root(0, &room()).unwrap();
    net.say(0, 1, "newer");
    net.run(30 * SECOND);
    let newest = crate::content::node_cid(b"the newest of all");
    net.pending.insert(newest);
    let before = said(&net, 0);
    verdict(&mut net, old, 100);
    verdict(&mut net, newest, 1000);
    net.run(3 * SECOND);
    assert_eq!(said(&net, 0), before, "somebody else knows more");
    net.give_up_waiting(0);
    net.run(3 * SECOND);
    assert_eq!(said(&net, 0), before + 1, "and does not give it");
}

#[test]
fn a_root_that_nobody_had_yet_is_asked_for_again_without_another_word() {
    covers!("a root that was not to be had is asked for again");
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 100);
    net.down.clear();
    let root = net.root(0, &room()).unwrap();
    net.withheld.insert(root);
    net.announce(1, 0, root);
    assert_eq!(net.nodes[1].rounds, 1);
    // Its announcer says so again, to somebody else; then a neighbour gets it, and nobody speaks of it.
    net.announce(1, 0, root);
    assert_eq!(net.nodes[1].rounds, 1, "not at once");
    net.withheld.clear();
    net.nodes[1].replica.options.reannounce = 3600 * SECOND;
    net.run(6 * SECOND);
    net.assert_same(&room(), 100);
}

/// A node that holds twenty topics and a mirror that knows nothing of them but what it hears from now on.
fn writer_and_mirror() -> Net {
    let mut net = Net::new([options(0), Options { mirror: true, ..options(1) }]);
    net.down.insert(1);
    for n in 0..20 {
        let topic = TopicName::parse(&format!("https://example.org/page/{n}")).unwrap();
        net.append(0, topic, 1, Draft::new("post", "an old one"));
    }
    net.run(SECOND);
    net.down.clear();
    net
}

#[test]
fn a_mirror_does_not_look_into_the_catalog_of_everybody_who_writes() {
    covers!("mirrors are told of a topic and not of a catalog");
    let mut net = writer_and_mirror();
    for n in 0..20 {
        let topic = TopicName::parse(&format!("https://example.org/new/{n}")).unwrap();
        net.append(0, topic, 1, Draft::new("post", "a new one"));
        net.run(SECOND / 10);
    }
    assert_eq!(net.nodes[1].replica.catalog().1, 20);
    assert_eq!(net.nodes[1].rounds, 0, "each came with its announcement");
    net.run(100 * SECOND);
    assert_eq!(net.nodes[1].replica.catalog(), net.nodes[0].replica.catalog(), "and the others with the next catalog");
}

#[test]
fn a_catalog_that_changes_all_the_time_is_looked_into_when_it_rests() {
    covers!("a catalog is looked into once all is quiet");
    let mut net = writer_and_mirror();
    net.say(0, 1, "this settles the mirror's catalog");
    net.run(SECOND / 10);
    let catalog = net.nodes[0].replica.catalog().0.unwrap();
    let id = TopicId::catalog(&options(0).network);
    for _ in 0..5 {
        let announcement = Announcement { topic: id, folder: catalog, count: 21, newest: net.now, inline: Vec::new() };
        net.hear(1, 0, Channel::new(id), &announcement.encode().into());
        net.run(SECOND / 10);
    }
    assert_eq!(net.nodes[1].rounds, 0);
    net.run(2 * SECOND);
    assert_eq!(net.nodes[1].replica.catalog(), net.nodes[0].replica.catalog());
}

#[test]
fn a_newcomer_is_told_by_its_neighbour_though_somebody_out_of_its_hearing_says_the_same() {
    let mut net = Net::followers(2);
    let newcomer = Net::new([options(2)]).nodes.remove(0);
    net.nodes.push(newcomer);
    net.apart.insert((0, 2));
    net.say(0, 1, "before the newcomer came");
    net.run(100 * SECOND);
    let root = net.root(0, &room()).unwrap();
    net.input(2, Input::Follow(room()));
    net.announce(1, 0, root);
    net.run(SECOND / 10);
    net.assert_same(&room(), 1);
}
