//! What must happen when nothing goes wrong.

use std::time::Duration;

use super::{Scenario, Stage, info, key, room};
use crate::network::{Kind, Network, Skill};
use tidings_ledger::Draft;

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "what_one_writes_the_others_read", needs: &[], run: one_writes },
    Scenario { name: "all_write_at_once_and_agree", needs: &[], run: all_write },
    Scenario { name: "a_late_joiner_gets_everything", needs: &[], run: late_joiner },
    Scenario { name: "news_passes_through_a_chain_of_nodes", needs: &[], run: chain },
    Scenario { name: "a_restarted_node_goes_on_where_it_was", needs: &[], run: restart },
    Scenario {
        name: "one_post_reaches_the_others_without_any_fetch",
        needs: &[Skill::Counters],
        run: no_fetch_when_inline,
    },
];

fn one_writes(net: &mut dyn Network) {
    let (topic, mut stage) = (room("one"), Stage::new(net));
    let nodes = stage.followers(3, &topic);
    stage.posts(nodes[0], &topic, 1, 3);
    stage.converge(&nodes, &topic);
    stage.posts(nodes[0], &topic, 1, 200);
    stage.converge(&nodes, &topic);
}

fn all_write(net: &mut dyn Network) {
    let (topic, mut stage) = (room("all"), Stage::new(net));
    let nodes = stage.followers(4, &topic);
    for round in 0..40 {
        for (at, node) in nodes.iter().enumerate() {
            stage.post(*node, &topic, at as u8, &format!("Round {round}."));
        }
        if round % 8 == 0 {
            stage.net.run_for(Duration::from_millis(15));
        }
    }
    stage.converge(&nodes, &topic);
}

fn late_joiner(net: &mut dyn Network) {
    let (topic, mut stage) = (room("late"), Stage::new(net));
    let mut nodes = stage.followers(2, &topic);
    stage.posts(nodes[0], &topic, 1, 700);
    stage.converge(&nodes, &topic);
    let late = stage.net.add(Kind::Follower);
    stage.follow(late, &topic);
    stage.net.connect(nodes[1], late);
    nodes.push(late);
    stage.converge(&nodes, &topic);
}

fn chain(net: &mut dyn Network) {
    let (topic, mut stage) = (room("chain"), Stage::new(net));
    let nodes: Vec<_> = (0..5).map(|_| stage.net.add(Kind::Follower)).collect();
    for pair in nodes.windows(2) {
        stage.net.connect(pair[0], pair[1]);
    }
    for node in &nodes {
        stage.follow(*node, &topic);
    }
    stage.net.run_for(Duration::from_secs(1));
    stage.posts(nodes[0], &topic, 1, 50);
    stage.post(nodes[4], &topic, 2, "From the other end.");
    stage.converge(&nodes, &topic);
}

fn restart(net: &mut dyn Network) {
    let (topic, mut stage) = (room("restart"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.posts(nodes[0], &topic, 1, 100);
    // Restarted at once: what was acknowledged a moment ago must be there, though no folder lists it yet.
    stage.net.restart(nodes[0]);
    stage.net.run_for(Duration::from_secs(1));
    stage.oracle.check(&stage.ledgers(&nodes[..1]), &topic);
    stage.posts(nodes[0], &topic, 1, 5);
    stage.converge(&nodes, &topic);
    let audit = stage.net.ledger(nodes[1]).topic(&topic).audit().expect("the store reads");
    assert!(audit.forks.is_empty() && audit.gaps.is_empty(), "the chain broke at the restart: {audit:?}");
}

fn no_fetch_when_inline(net: &mut dyn Network) {
    let (topic, mut stage) = (room("inline"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.posts(nodes[0], &topic, 1, 1);
    stage.converge(&nodes, &topic);
    let before = stage.net.wanted(nodes[1]);
    for _ in 0..20 {
        stage.append(nodes[0], &topic, &key(1), Draft::new("post", "Short."));
        stage.converge(&nodes, &topic);
    }
    stage.net.run_for(Duration::from_secs(200));
    assert_eq!(stage.net.wanted(nodes[1]), before, "fetched though everything was inline");
    assert_eq!(info(&stage.net.ledger(nodes[1]), &topic).entries, 21);
}
