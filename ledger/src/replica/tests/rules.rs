//! Rules of a single replica that no usual day tests: limits, and what stands in no chain or topic where it should.

use super::*;

#[test]
fn a_redaction_that_was_itself_redacted_still_explains_a_missing_body() {
    let mut net = Net::followers(1);
    let post = net.say(0, 1, "I take this back");
    let first = net.append(0, room(), 1, Draft::new("redact", "why").redacting(post.id()));
    let second = net.append(0, room(), 1, Draft::new("redact", "").redacting(first.id()));
    net.run(SECOND);
    // As somebody gets them who joins now: the first two have no bodies any more. In any order, in one step.
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let all = [post.redacted(), first.redacted(), second.clone()];
        let mut other = Net::followers(1);
        let answers = other.ask(0, Input::Submit(order.map(|at| all[at].clone()).into())).submitted;
        assert_eq!(answers, [Ok(true), Ok(true), Ok(true)], "{order:?}");
        other.run(SECOND);
        assert_eq!(other.root(0, &room()), net.root(0, &room()), "{order:?}");
    }
}

#[test]
fn a_redaction_in_one_topic_takes_nothing_away_from_another() {
    let mut net = Net::followers(1);
    let post = net.say(0, 1, "mine");
    let garden = TopicName::parse("room:garden").unwrap();
    net.append(0, garden, 1, Draft::new("redact", "").redacting(post.id()));
    net.run(SECOND);
    assert!(!net_entry(&net, 1)[0].is_redacted());
}

#[test]
fn peers_cannot_fill_a_store_beyond_its_limit() {
    let mut narrow = options(1);
    narrow.limits.store_bytes = 1;
    let mut net = Net::new([options(0), narrow]);
    for at in 0..2 {
        net.input(at, Input::Follow(room()));
    }
    // Before its own word has used the room up, nothing is stored.
    net.say(1, 2, "my own word I may write");
    net.run(SECOND);
    net.say(0, 1, "there is no room for this");
    net.run(100 * SECOND);
    assert_eq!(net.entries(1, &room()), 1);
    assert!(net.nodes[1].demerits.is_empty(), "nobody is to blame for our limit");
}

#[test]
fn topics_beyond_the_limit_are_refused() {
    let mut few = options(0);
    few.limits.topics = 1;
    let mut net = Net::new([few]);
    net.input(0, Input::Follow(room()));
    let mut other = Net::followers(1);
    let garden = TopicName::parse("room:garden").unwrap();
    let entry = other.append(0, garden, 1, Draft::new("post", "in a second topic"));
    let answers = net.ask(0, Input::Submit(vec![entry.clone()])).submitted;
    assert_eq!(answers, [Err(Refusal::Limit(entry.id()))]);
}

#[test]
fn entries_from_the_future_are_kept_up_to_a_limit_and_come_in_one_after_the_other() {
    let mut few = options(0);
    few.limits.deferred = 2;
    let mut net = Net::new([few]);
    net.input(0, Input::Follow(room()));
    let mut ahead = Net::followers(1);
    ahead.now = net.now + 3600 * SECOND;
    let mut early = Vec::new();
    for _ in 0..3 {
        ahead.now = ahead.now + 600 * SECOND;
        early.push(ahead.say(0, 1, "I am ahead of my time"));
    }
    for entry in early {
        let answer = net.ask(0, Input::Submit(vec![entry.clone()])).submitted;
        assert_eq!(answer, [Err(Refusal::Future(entry.id()))]);
    }
    assert_eq!(net.nodes[0].replica.counters().deferred_dropped, 1);
    net.run(3700 * SECOND);
    assert_eq!(net.entries(0, &room()), 1, "the first one's time has come");
    net.run(700 * SECOND);
    assert_eq!(net.entries(0, &room()), 2, "and the second one's");
}

#[test]
fn a_mirror_joins_no_more_channels_for_others_than_its_limit() {
    let mut mirror = options(0);
    (mirror.mirror, mirror.limits.channels) = (true, 1);
    let mut net = Net::new([mirror]);
    net.say(0, 1, "a topic that somebody will ask for");
    net.run(SECOND);
    let before = net.nodes[0].joined.clone();
    net.input(0, Input::Subscribed { channel: Channel::new(room().id()) });
    assert_eq!(net.nodes[0].joined, before, "its one channel is the catalog's");
    assert_eq!(net.nodes[0].replica.counters().channels_refused, 1);
}

#[test]
fn lost_announcements_are_asked_for_at_once() {
    let mut net = Net::followers(2);
    net.fill(0, 100);
    net.run(10 * SECOND);
    net.down.insert(1);
    net.say(0, 1, "nobody hears this");
    net.run(SECOND);
    net.down.clear();
    // Node 1 learns that it may have missed something and says what it has; node 0 answers. Each within a second, which is
    // long before either would announce again by itself.
    net.input(1, Input::Missed);
    net.run(2 * SECOND);
    net.assert_same(&room(), 101);
}

#[test]
fn the_newest_time_of_a_topic_is_that_of_no_late_arrival() {
    let mut net = Net::followers(1);
    net.append(0, room(), 1, Draft::new("post", "of today"));
    let today = net.now;
    net.append(0, room(), 1, Draft::new("post", "of the day before").at(today - 86_400 * SECOND));
    net.run(SECOND);
    let newest = net.nodes[0].replica.topics.by_id(&room().id()).map(|topic| topic.record.newest);
    assert_eq!(newest, Some(today));
}

#[test]
fn an_announcement_keeps_to_its_length_however_much_was_written() {
    let mut net = Net::followers(1);
    let appends = (0..100)
        .map(|n| Append { topic: room(), key: key(1), draft: Draft::new("post", format!("{n} ").repeat(50)) })
        .collect();
    let mut published = net.ask(0, Input::Append(appends)).publish;
    while published.is_empty() {
        net.now = net.nodes[0].replica.next_wake().unwrap();
        published = net.ask(0, Input::Wake).publish;
    }
    assert!(published[0].1.len() < 2048, "{} bytes", published[0].1.len());
}

/// Hands an announcement in as a stranger would, and gives the verdict on it.
fn heard(net: &mut Net, channel: &TopicName, topic: &TopicName, entries: Vec<Result<Entry, Refusal>>) -> Verdict {
    let folder = crate::content::node_cid(b"whatever");
    let newest = net.now;
    let announcement = Ok(Announcement { topic: topic.id(), folder, count: 1, newest, inline: Vec::new() });
    let (channel, from, message) = (Channel::new(channel.id()), Peer::new("stranger"), MessageId(Bytes::new()));
    let verdicts = net.ask(0, Input::Heard { channel, from, message, announcement, entries }).verdicts;
    verdicts[0].1
}

#[test]
fn an_announcement_that_is_not_what_it_should_be_goes_no_further() {
    let mut net = Net::followers(1);
    let garden = TopicName::parse("room:garden").unwrap();
    net.input(0, Input::Follow(garden.clone()));
    let mut other = Net::followers(1);
    let planted = other.append(0, garden.clone(), 1, Draft::new("post", "of another topic"));
    assert_eq!(heard(&mut net, &room(), &garden, Vec::new()), Verdict::Reject, "of another channel");
    assert_eq!(heard(&mut net, &room(), &room(), vec![Ok(planted.clone())]), Verdict::Reject, "of another topic");
    let bad = Err(Refusal::Signature(planted.id()));
    assert_eq!(heard(&mut net, &garden, &garden, vec![Ok(planted.clone()), bad]), Verdict::Reject, "a bad entry");
    assert_eq!(net.entries(0, &garden), 0);
    assert_eq!(net.nodes[0].demerits.len(), 3);
    assert_eq!(heard(&mut net, &garden, &garden, vec![Ok(planted)]), Verdict::Accept);
}

/// Throws the replica away and opens it again on its store.
fn reopen(net: &mut Net, at: usize) {
    net.nodes[at].replica = Replica::open(net.nodes[at].store.clone(), options(0)).unwrap();
    net.input(at, Input::Start);
}

#[test]
fn a_chain_goes_on_from_its_end_after_a_restart() {
    let mut net = Net::followers(1);
    for seq in 0..6 {
        assert_eq!(net.say(0, 1, "next").header().seq, seq);
        if seq % 3 == 2 {
            reopen(&mut net, 0);
        }
    }
}

#[test]
fn notes_of_the_dead_are_not_overwritten_after_a_restart() {
    use crate::records::{self, notes};
    use crate::store::{Direction, Table};
    let mut net = Net::followers(1);
    for _ in 0..3 {
        for _ in 0..5 {
            net.say(0, 1, "each of these ends the life of a folder node");
            net.run(SECOND);
        }
        let (from, to) = (notes::DEAD, notes::DEAD_END);
        let kept =
            records::collect(&*net.nodes[0].store, Table::Notes, from, to, Direction::Forward, usize::MAX).unwrap();
        assert_eq!(kept.len() as u64, net.nodes[0].replica.dead);
        reopen(&mut net, 0);
    }
}

#[test]
fn one_pull_brings_a_body_that_is_missing_for_a_reason_fetched_last() {
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 3_000);
    // The newest of all, and what takes it back the oldest: the pull meets them thousands of entries apart.
    let post = net.say(0, 1, "I take this back");
    let long_ago = Time::from_millis(1_600_000_000_000);
    net.append(0, room(), 1, Draft::new("redact", "").redacting(post.id()).at(long_ago));
    net.run(SECOND);
    net.down.clear();
    net.input(0, Input::Subscribed { channel: Channel::new(room().id()) });
    net.run(SECOND);
    net.assert_same(&room(), 3_002);
}

#[test]
fn a_root_that_its_announcer_cannot_give_is_asked_of_who_announced_it_meanwhile() {
    covers!("a root is not to be had from its announcer and asked of another");
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 100);
    net.down.clear();
    let root = net.root(0, &room()).unwrap();
    net.pending.insert(root);
    // 7 passed it on before it could be asked; 0 has it, and says so while 7 is waited for.
    net.announce(1, 7, root);
    net.announce(1, 0, root);
    assert_eq!(net.entries(1, &room()), 0, "the transport still waits");
    net.give_up_waiting(1);
    net.assert_same(&room(), 100);
}

#[test]
fn a_root_that_does_not_come_holds_up_no_other_root_of_its_topic() {
    covers!("a pull whose root does not come gives way to another");
    let mut net = Net::followers(2);
    net.down.insert(1);
    net.fill(0, 100);
    net.down.clear();
    let (mine, lost) = (net.root(0, &room()).unwrap(), crate::content::node_cid(b"of a peer that is gone"));
    net.pending.insert(lost);
    net.announce(1, 7, lost);
    net.announce(1, 0, mine);
    assert_eq!(net.entries(1, &room()), 0, "the first one has its chance");
    net.run(Options::default().patience / 2);
    net.assert_same(&room(), 100);
    // The late answer finds nobody who waits for it.
    net.give_up_waiting(1);
    net.assert_same(&room(), 100);
}
