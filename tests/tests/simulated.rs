//! The suite over a simulated world, each scenario twice: it must pass, and both runs must be the same to the byte.

use tidings_tests::{Network, Simulated, scenarios};
use tidings_transport_mem::Link;

fn run(name: &str, seed: u64, link: Link) -> u64 {
    let scenario = scenarios::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("no scenario {name}"));
    let mut network = Simulated::new(seed, link);
    assert!(scenario.fits(&network as &dyn Network));
    (scenario.run)(&mut network);
    network.world.trace()
}

/// What these say holds where nothing gets lost; after a loss, fetching is what heals it.
const WHERE_NOTHING_GETS_LOST: [&str; 1] = ["one_post_reaches_the_others_without_any_fetch"];

fn twice(name: &str) {
    for (seed, link) in [(1, Link::WAN), (2, Link::LAN)] {
        assert_eq!(run(name, seed, link), run(name, seed, link), "two runs of one seed differ");
    }
    // Another seed, and announcements that get lost and doubled on top.
    if !WHERE_NOTHING_GETS_LOST.contains(&name) {
        run(name, 3, Link::WAN.losing(0.1).doubling(0.1).replaying(0.1).reordering(0.1));
    }
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            twice(stringify!($name));
        })*

        #[test]
        fn every_scenario_is_run() {
            let listed = [$(stringify!($name)),*];
            for scenario in scenarios::all() {
                assert!(listed.contains(&scenario.name), "{} is not run", scenario.name);
            }
        }
    };
}

scenarios! {
    what_one_writes_the_others_read
    all_write_at_once_and_agree
    a_late_joiner_gets_everything
    news_passes_through_a_chain_of_nodes
    a_restarted_node_goes_on_where_it_was
    one_post_reaches_the_others_without_any_fetch
    a_lost_announcement_heals_with_no_new_write
    a_lost_announcement_of_a_topic_that_its_writer_does_not_follow_heals
    both_sides_of_a_partition_write_and_agree_after_it
    who_followed_an_empty_topic_for_long_still_passes_it_on
    a_follower_of_one_topic_heals_through_a_mirror
    two_mirrors_catch_up_after_a_partition
    an_entry_too_large_for_an_announcement_arrives
    attachments_are_listed_alike_everywhere
    a_redaction_takes_effect_everywhere
    a_redaction_before_its_target_has_the_same_outcome
    a_cold_join_takes_in_what_was_redacted
    many_redactions_older_than_their_targets_do_not_keep_a_joiner_out
    one_key_on_two_nodes_is_reported_as_a_fork_on_both
    an_entry_from_the_future_comes_in_when_its_time_has_come
    a_peer_with_a_fast_clock_does_not_hold_up_what_is_of_today
    an_entry_without_body_is_refused_until_its_redaction_comes
    junk_on_a_channel_changes_nothing
    a_root_that_nobody_serves_is_held_against_its_announcer
    withheld_files_are_not_asked_for_without_end
    a_tree_of_lies_costs_a_bounded_fetch
    a_leaf_that_lists_one_file_twice_does_not_stop_the_topic
    an_entry_of_another_topic_does_not_come_in
    a_mirror_that_joins_late_gets_a_thousand_topics
    mirrors_that_agree_stay_silent
}
