//! Many topics.

use std::time::Duration;

use super::{Scenario, Stage, room};
use crate::network::{Kind, Network, Skill};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "a_mirror_that_joins_late_gets_a_thousand_topics", needs: &[], run: thousand_topics },
    Scenario { name: "mirrors_that_agree_stay_silent", needs: &[Skill::Counters, Skill::VirtualTime], run: silence },
];

fn thousand_topics(net: &mut dyn Network) {
    let mut stage = Stage::new(net);
    let first = stage.net.add(Kind::Mirror);
    for at in 0..1000 {
        stage.posts(first, &room(&format!("topic-{at}")), (at % 7) as u8, 1 + at % 3);
    }
    let (second, third) = (stage.net.add(Kind::Mirror), stage.net.add(Kind::Mirror));
    stage.net.connect(first, second);
    stage.net.connect(second, third);
    // By itself, that is, without waiting for roots to be announced again.
    let (ledger, catalog) = (stage.net.ledger(third), stage.oracle.catalog());
    let bound = stage.net.patience() / 10;
    let reached = stage.net.run_until(bound, &mut || ledger.catalog().expect("the store reads").cid == catalog);
    assert!(reached, "{:?} after {bound:?}", ledger.catalog());
    stage.converge_all(&[first, second, third]);
}

fn silence(net: &mut dyn Network) {
    let mut stage = Stage::new(net);
    let mirrors = [stage.net.add(Kind::Mirror), stage.net.add(Kind::Mirror), stage.net.add(Kind::Mirror)];
    stage.net.connect(mirrors[0], mirrors[1]);
    stage.net.connect(mirrors[1], mirrors[2]);
    for at in 0..50 {
        stage.post(mirrors[at % 3], &room(&format!("topic-{at}")), 1, "Here.");
    }
    stage.converge_all(&mirrors);
    stage.net.run_for(Duration::from_secs(300));
    let before: Vec<u64> = mirrors.iter().map(|node| stage.net.wanted(*node)).collect();
    stage.net.run_for(Duration::from_secs(600));
    let after: Vec<u64> = mirrors.iter().map(|node| stage.net.wanted(*node)).collect();
    assert_eq!(before, after, "mirrors that hold the same still fetch");
}
