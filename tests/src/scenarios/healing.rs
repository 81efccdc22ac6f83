//! What must come right again after something went wrong.

use std::time::Duration;

use super::{Scenario, Stage, info, room};
use crate::network::{Kind, Network, Skill};

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "a_lost_announcement_heals_with_no_new_write", needs: &[Skill::Partition], run: lost },
    Scenario {
        name: "a_lost_announcement_of_a_topic_that_its_writer_does_not_follow_heals",
        needs: &[Skill::Partition],
        run: lost_of_unfollowed,
    },
    Scenario { name: "both_sides_of_a_partition_write_and_agree_after_it", needs: &[Skill::Partition], run: partition },
    Scenario {
        name: "who_followed_an_empty_topic_for_long_still_passes_it_on",
        needs: &[Skill::VirtualTime],
        run: empty_for_long,
    },
    Scenario { name: "a_follower_of_one_topic_heals_through_a_mirror", needs: &[], run: through_a_mirror },
    Scenario { name: "two_mirrors_catch_up_after_a_partition", needs: &[Skill::Partition], run: mirrors_apart },
];

fn lost(net: &mut dyn Network) {
    let (topic, mut stage) = (room("lost"), Stage::new(net));
    let nodes = stage.followers(2, &topic);
    stage.posts(nodes[0], &topic, 1, 300);
    stage.converge(&nodes, &topic);
    stage.net.partition(&nodes[..1], &nodes[1..]);
    stage.post(nodes[0], &topic, 1, "Nobody hears this.");
    stage.net.run_for(Duration::from_secs(2));
    assert_eq!(info(&stage.net.ledger(nodes[1]), &topic).entries, 300, "the partition leaks");
    stage.net.heal();
    stage.converge(&nodes, &topic);
}

fn lost_of_unfollowed(net: &mut dyn Network) {
    let (topic, mut stage) = (room("unfollowed"), Stage::new(net));
    let (writer, reader) = (stage.net.add(Kind::Follower), stage.net.add(Kind::Follower));
    stage.net.connect(writer, reader);
    stage.follow(reader, &topic);
    stage.net.run_for(Duration::from_secs(1));
    stage.net.partition(&[writer], &[reader]);
    stage.post(writer, &topic, 1, "Nobody hears this.");
    stage.net.run_for(Duration::from_secs(2));
    stage.net.heal();
    stage.converge(&[writer, reader], &topic);
}

fn partition(net: &mut dyn Network) {
    let (topic, mut stage) = (room("partition"), Stage::new(net));
    let nodes = stage.followers(5, &topic);
    stage.posts(nodes[0], &topic, 1, 100);
    stage.converge(&nodes, &topic);
    let (here, there) = nodes.split_at(2);
    stage.net.partition(here, there);
    for round in 0..30 {
        stage.post(here[round % 2], &topic, 2, &format!("Here {round}."));
        stage.post(there[round % 3], &topic, 3 + (round % 3) as u8, &format!("There {round}."));
        stage.net.run_for(Duration::from_millis(700));
    }
    stage.net.heal();
    stage.converge(&nodes, &topic);
}

fn empty_for_long(net: &mut dyn Network) {
    let (topic, mut stage) = (room("empty"), Stage::new(net));
    let (middle, reader) = (stage.net.add(Kind::Follower), stage.net.add(Kind::Follower));
    for node in [middle, reader] {
        stage.follow(node, &topic);
    }
    stage.net.connect(middle, reader);
    stage.net.run_for(Duration::from_secs(200));
    stage.net.partition(&[middle], &[reader]);
    let writer = stage.net.add(Kind::Follower);
    stage.follow(writer, &topic);
    // More than goes inline, so that it comes by a pull, which announces nothing.
    stage.posts(writer, &topic, 1, 80);
    stage.net.connect(writer, middle);
    stage.converge(&[writer, middle], &topic);
    stage.net.disconnect(writer, middle);
    // Whatever the middle says at once is lost, too; only announcing again can help.
    stage.net.run_for(Duration::from_secs(30));
    stage.net.heal();
    stage.converge(&[middle, reader], &topic);
}

fn through_a_mirror(net: &mut dyn Network) {
    let (topic, mut stage) = (room("mirrored"), Stage::new(net));
    let (writer, mirror) = (stage.net.add(Kind::Follower), stage.net.add(Kind::Mirror));
    let reader = stage.net.add(Kind::Follower);
    stage.follow(reader, &topic);
    // The reader listens before the mirror has ever heard of the topic.
    stage.net.connect(mirror, reader);
    stage.net.run_for(Duration::from_secs(1));
    stage.net.connect(writer, mirror);
    stage.net.run_for(Duration::from_secs(1));
    stage.posts(writer, &topic, 1, 40);
    stage.converge(&[writer, mirror, reader], &topic);
    // The writer goes; the mirror still serves.
    stage.net.disconnect(writer, mirror);
    let late = stage.net.add(Kind::Follower);
    stage.follow(late, &topic);
    stage.net.connect(mirror, late);
    stage.converge(&[mirror, reader, late], &topic);
}

fn mirrors_apart(net: &mut dyn Network) {
    let mut stage = Stage::new(net);
    let (a, b) = (stage.net.add(Kind::Mirror), stage.net.add(Kind::Mirror));
    stage.net.connect(a, b);
    for at in 0..30 {
        stage.posts(a, &room(&format!("before-{at}")), 1, 3);
    }
    stage.converge_all(&[a, b]);
    stage.net.partition(&[a], &[b]);
    for at in 0..30 {
        stage.posts(a, &room(&format!("before-{at}")), 1, 2);
        stage.posts(b, &room(&format!("before-{}", at / 2)), 2, 2);
        stage.posts(b, &room(&format!("during-{at}")), 2, 2);
    }
    stage.net.run_for(Duration::from_secs(5));
    stage.net.heal();
    stage.converge_all(&[a, b]);
}
