//! The suite over libp2p: real sockets on loopback, in real time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_ledger::transport::{Blocks, Peer, Transport};
use tidings_tests::live::{Live, Mesh, wait};
use tidings_tests::{Network, Node, Skill, scenarios};
use tidings_transport_ipfs::{Config, Identity, IpfsTransport, KadMode};

/// Nodes on loopback that meet nobody but whom they are told to.
#[derive(Default)]
struct Loopback(BTreeMap<Node, Arc<IpfsTransport>>);

impl Mesh for Loopback {
    fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<dyn Transport> {
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")];
        let config = Config { listen, kad: KadMode::Off, nat: false, ..Config::default() };
        let transport = wait(IpfsTransport::start(config, identity(node), blocks)).expect("it starts");
        self.0.insert(node, transport.clone());
        transport
    }

    fn stop(&mut self, node: Node) {
        if let Some(transport) = self.0.remove(&node) {
            wait(transport.shutdown());
        }
    }

    fn name(&self, node: Node) -> Peer {
        Peer::new(identity(node).peer_id())
    }

    fn connect(&mut self, a: Node, b: Node) {
        wait(self.0[&a].dial(&self.0[&b].addresses()[0])).expect("a neighbour answers");
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        for transport in std::mem::take(&mut self.0).into_values() {
            wait(transport.shutdown());
        }
    }
}

fn identity(node: Node) -> Identity {
    Identity::from_secret([node as u8 + 1; 32]).expect("32 bytes")
}

fn run(name: &str) {
    let scenario = scenarios::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("no scenario {name}"));
    let mut network = Live::new(Loopback::default());
    assert!(scenario.fits(&network as &dyn Network));
    (scenario.run)(&mut network);
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_scenario_that_needs_no_virtual_time_is_run() {
            let listed = [$(stringify!($name)),*];
            for scenario in scenarios::all() {
                let fits = !scenario.needs.contains(&Skill::VirtualTime);
                assert_eq!(listed.contains(&scenario.name), fits, "{}", scenario.name);
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
    a_follower_of_one_topic_heals_through_a_mirror
    two_mirrors_catch_up_after_a_partition
    an_entry_too_large_for_an_announcement_arrives
    attachments_are_listed_alike_everywhere
    a_redaction_takes_effect_everywhere
    a_redaction_before_its_target_has_the_same_outcome
    a_cold_join_takes_in_what_was_redacted
    many_redactions_older_than_their_targets_do_not_keep_a_joiner_out
    one_key_on_two_nodes_is_reported_as_a_fork_on_both
    an_entry_without_body_is_refused_until_its_redaction_comes
    junk_on_a_channel_changes_nothing
    a_root_that_nobody_serves_is_held_against_its_announcer
    withheld_files_are_not_asked_for_without_end
    a_tree_of_lies_costs_a_bounded_fetch
    a_leaf_that_lists_one_file_twice_does_not_stop_the_topic
    an_entry_of_another_topic_does_not_come_in
    a_mirror_that_joins_late_gets_a_thousand_topics
}
