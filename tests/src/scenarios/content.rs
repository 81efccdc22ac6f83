//! Entries that are not plain posts: large ones, attachments, redactions, forks, the future.

use std::time::Duration;

use tidings_ledger::content::raw_cid;
use tidings_ledger::entry::Link;
use tidings_ledger::{Draft, TopicName};

use super::{Scenario, Stage, info, key, room};
use crate::network::{Kind, Network, Node, Skill};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "an_entry_too_large_for_an_announcement_arrives", needs: &[], run: oversize },
    Scenario { name: "attachments_are_listed_alike_everywhere", needs: &[], run: attachments },
    Scenario { name: "a_redaction_takes_effect_everywhere", needs: &[], run: redaction },
    Scenario { name: "a_redaction_before_its_target_has_the_same_outcome", needs: &[], run: redaction_first },
    Scenario { name: "a_cold_join_takes_in_what_was_redacted", needs: &[], run: redaction_cold },
    Scenario {
        name: "many_redactions_older_than_their_targets_do_not_keep_a_joiner_out",
        needs: &[],
        run: redactions_of_old,
    },
    Scenario { name: "one_key_on_two_nodes_is_reported_as_a_fork_on_both", needs: &[Skill::Partition], run: fork },
    Scenario {
        name: "an_entry_from_the_future_comes_in_when_its_time_has_come",
        needs: &[Skill::Clock, Skill::VirtualTime],
        run: future,
    },
    Scenario {
        name: "a_peer_with_a_fast_clock_does_not_hold_up_what_is_of_today",
        needs: &[Skill::Clock, Skill::VirtualTime, Skill::Partition, Skill::Counters],
        run: fast_clock,
    },
    Scenario { name: "an_entry_without_body_is_refused_until_its_redaction_comes", needs: &[], run: bodiless },
];

fn file(topic: u8, name: &str) -> Link {
    let cid = raw_cid(&[topic, name.len() as u8]);
    Link { name: name.to_owned(), cid, size: 2, media_type: "image/png".to_owned() }
}

fn oversize(net: &mut dyn Network) {
    let (topic, mut stage) = (room("oversize"), Stage::new(net));
    let nodes = stage.followers(3, &topic);
    for len in [900, 2_000, 20_000, 70_000, 900_000] {
        stage.post(nodes[0], &topic, 1, &"x".repeat(len));
        stage.post(nodes[1], &topic, 2, "In between.");
    }
    stage.converge(&nodes, &topic);
}

fn attachments(net: &mut dyn Network) {
    let (topic, mut stage) = (room("attached"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    for round in 0..30u8 {
        let mut draft = Draft::new("post", "See the files.");
        for at in 0..round % 17 {
            draft = draft.with(file(round, &format!("picture-{at}.png")));
        }
        stage.append(nodes[usize::from(round % 2)], &topic, &key(round % 2), draft);
    }
    stage.converge(&nodes, &topic);
}

fn redaction(net: &mut dyn Network) {
    let (topic, mut stage) = (room("redacted"), Stage::new(net));
    let nodes = stage.followers(3, &topic);
    stage.posts(nodes[0], &topic, 1, 70);
    let target = stage.append(nodes[0], &topic, &key(1), Draft::new("post", "Oh no.").with(file(1, "secret.png")));
    let stays = stage.post(nodes[1], &topic, 2, "I stay.");
    stage.converge(&nodes, &topic);
    stage.append(nodes[0], &topic, &key(1), Draft::new("redact", "").redacting(target.id()));
    // Somebody else's wish counts for nothing, though it is an entry like any other.
    stage.append(nodes[0], &topic, &key(1), Draft::new("redact", "").about(stays.id()));
    stage.converge(&nodes, &topic);
    for node in nodes {
        let ledger = stage.net.ledger(node);
        let entry = ledger.entry(&target.id()).expect("the store reads").expect("it is still listed");
        assert!(entry.is_redacted());
        assert!(!ledger.entry(&stays.id()).expect("the store reads").expect("it is listed").is_redacted());
    }
}

fn submit(stage: &mut Stage<'_>, node: Node, topic: &TopicName, files: &[&tidings_ledger::Entry]) -> Vec<bool> {
    let files = files.iter().map(|entry| entry.to_file().into()).collect();
    let results = stage.net.ledger(node).topic(topic).submit(files).expect("the store takes it");
    results.iter().map(|result| matches!(result, Ok(true))).collect()
}

fn redaction_first(net: &mut dyn Network) {
    let (topic, mut stage) = (room("redacted-first"), Stage::new(net));
    let author = stage.net.add(Kind::Follower);
    let target = stage.append(author, &topic, &key(1), Draft::new("post", "Oh no.").with(file(2, "b.png")));
    let redaction = stage.append(author, &topic, &key(1), Draft::new("redact", "").redacting(target.id()));
    let orders = [vec![&target, &redaction], vec![&redaction, &target], vec![&redaction], vec![&target]];
    let mut nodes = vec![author];
    for order in &orders {
        let node = stage.net.add(Kind::Follower);
        assert!(submit(&mut stage, node, &topic, order).iter().all(|new| *new));
        nodes.push(node);
    }
    for at in [3, 4] {
        submit(&mut stage, nodes[at], &topic, &[&target, &redaction]);
    }
    stage.converge(&nodes, &topic);
}

fn redaction_cold(net: &mut dyn Network) {
    let (topic, mut stage) = (room("redacted-cold"), Stage::new(net));
    let mut nodes = stage.followers(1, &topic);
    let targets: Vec<_> = (0..90).map(|at| stage.post(nodes[0], &topic, 1, &format!("Post {at}."))).collect();
    for target in targets.iter().step_by(3) {
        stage.append(nodes[0], &topic, &key(1), Draft::new("redact", "").redacting(target.id()));
    }
    let late = stage.net.add(Kind::Follower);
    stage.follow(late, &topic);
    stage.net.connect(nodes[0], late);
    nodes.push(late);
    stage.converge(&nodes, &topic);
}

fn redactions_of_old(net: &mut dyn Network) {
    let (topic, mut stage) = (room("redacted-old"), Stage::new(net));
    let node = stage.net.add(Kind::Follower);
    stage.follow(node, &topic);
    let start = stage.post(node, &topic, 9, "The beginning.").time();
    stage.net.run_for(Duration::from_secs(100));
    // An author may state any time: all targets first, when the newest come first.
    let targets: Vec<_> = (0..1500).map(|at| stage.post(node, &topic, 1, &format!("Post {at}."))).collect();
    for some in targets.chunks(50) {
        let mut draft = Draft::new("redact", "").at(start);
        draft.redacts = some.iter().map(|target| target.id()).collect();
        stage.append(node, &topic, &key(1), draft);
    }
    let late = stage.net.add(Kind::Follower);
    stage.follow(late, &topic);
    stage.net.connect(node, late);
    stage.converge(&[node, late], &topic);
}

fn fork(net: &mut dyn Network) {
    let (topic, mut stage) = (room("fork"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.post(nodes[0], &topic, 1, "Before.");
    stage.converge(&nodes, &topic);
    stage.net.partition(&nodes[..1], &nodes[1..]);
    let left = stage.post(nodes[0], &topic, 1, "On the telephone.");
    let right = stage.post(nodes[1], &topic, 1, "On the laptop.");
    stage.net.run_for(Duration::from_secs(1));
    stage.net.heal();
    stage.converge(&nodes, &topic);
    let mut both = vec![left.id(), right.id()];
    both.sort_unstable();
    for node in nodes {
        let audit = stage.net.ledger(node).topic(&topic).audit().expect("the store reads");
        assert_eq!(audit.forks.len(), 1, "{audit:?}");
        assert_eq!((audit.forks[0].seq, &audit.forks[0].entries), (1, &both));
    }
}

fn future(net: &mut dyn Network) {
    let (topic, mut stage) = (room("future"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.post(nodes[0], &topic, 1, "Now.");
    stage.converge(&nodes, &topic);
    stage.net.set_skew(nodes[0], 3_600_000);
    stage.post(nodes[0], &topic, 1, "From a clock that is an hour fast.");
    stage.net.run_for(Duration::from_secs(120));
    assert_eq!(info(&stage.net.ledger(nodes[1]), &topic).entries, 1, "the future came in at once");
    stage.net.run_for(Duration::from_secs(3_000));
    stage.converge(&nodes, &topic);
}

fn fast_clock(net: &mut dyn Network) {
    let (topic, mut stage) = (room("fast"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.net.partition(&nodes[..1], &nodes[1..]);
    stage.posts(nodes[0], &topic, 1, 100);
    stage.net.set_skew(nodes[0], 3_600_000);
    stage.posts(nodes[0], &topic, 2, 100);
    stage.net.run_for(Duration::from_secs(1));
    stage.net.heal();
    let (patience, reader) = (stage.net.patience(), stage.net.ledger(nodes[1]));
    let got = stage.net.run_until(patience, &mut || info(&reader, &topic).entries == 100);
    assert!(got, "{} of the 100 entries of today came in", info(&reader, &topic).entries);
    assert_eq!(stage.net.demerits(nodes[1]), [], "a fast clock is held against its owner");
    stage.net.run_for(Duration::from_secs(3_600));
    stage.converge(&nodes, &topic);
}

fn bodiless(net: &mut dyn Network) {
    let (topic, mut stage) = (room("bodiless"), Stage::new(net));
    let (author, other) = (stage.net.add(Kind::Follower), stage.net.add(Kind::Follower));
    let target = stage.append(author, &topic, &key(1), Draft::new("post", "Oh no."));
    let redaction = stage.append(author, &topic, &key(1), Draft::new("redact", "").redacting(target.id()));
    let bare = target.redacted();
    assert_eq!(submit(&mut stage, other, &topic, &[&bare]), [false], "a body may not be left out at will");
    assert_eq!(info(&stage.net.ledger(other), &topic).entries, 0);
    assert_eq!(submit(&mut stage, other, &topic, &[&bare, &redaction]), [true, true]);
    stage.converge(&[author, other], &topic);
}
