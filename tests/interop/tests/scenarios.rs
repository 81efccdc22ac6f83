//! The scenario suite over the Kubo transport: each node works through a Kubo daemon of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use tidings_interop::{KuboDaemon, Peer as _};
use tidings_ledger::Ledger;
use tidings_ledger::car::CarWriter;
use tidings_ledger::replica::NETWORK;
use tidings_ledger::transport::{Blocks, Peer, Transport};
use tidings_tests::live::{Live, Mesh, wait};
use tidings_tests::{Network, Node, scenarios};
use tidings_transport_kubo::{Config, KuboTransport, Times};

/// Daemons, and what works through them.
#[derive(Default)]
struct Daemons {
    daemons: BTreeMap<Node, KuboDaemon>,
    transports: BTreeMap<Node, Arc<KuboTransport>>,
}

impl Mesh for Daemons {
    fn start(&mut self, node: Node, blocks: Arc<dyn Blocks>) -> Arc<dyn Transport> {
        let daemon = self.daemons.entry(node).or_insert_with(KuboDaemon::start);
        let mut config = Config { api: daemon.api(), ..Config::default() };
        // Nobody wants to wait for the usual pauses between two looks.
        config.times = Times {
            probe_every: Duration::from_millis(500),
            look_every: Duration::from_millis(250),
            ..Times::default()
        };
        config.pins.every = Duration::from_millis(100);
        let transport = wait(KuboTransport::start(config, blocks)).expect("it starts");
        assert!(wait(transport.ready(Duration::from_secs(30))), "the daemon does not answer");
        self.transports.insert(node, transport.clone());
        transport
    }

    fn stop(&mut self, node: Node) {
        if let Some(transport) = self.transports.remove(&node) {
            wait(transport.shutdown());
        }
    }

    fn name(&self, node: Node) -> Peer {
        Peer::new(self.daemons[&node].id())
    }

    fn connect(&mut self, a: Node, b: Node) {
        self.daemons[&a].connect(self.daemons[&b].address());
    }

    fn opened(&mut self, node: Node, ledger: &Ledger) {
        self.transports[&node].keep(ledger, NETWORK);
    }

    fn given(&mut self, node: Node, blocks: &[(Cid, Bytes)]) {
        let mut car = CarWriter::new(Vec::new(), &[]).expect("memory takes it");
        for (cid, block) in blocks {
            car.write(cid, block).expect("memory takes it");
        }
        let car = car.finish().expect("memory takes it");
        self.daemons[&node].feed(&["dag", "import", "--pin-roots=false"], &car).expect("the daemon takes them");
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for transport in std::mem::take(&mut self.transports).into_values() {
            wait(transport.shutdown());
        }
    }
}

fn run(name: &str) {
    let scenario = scenarios::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("no scenario {name}"));
    let mut network = Live::new(Daemons::default());
    assert!(scenario.fits(&network as &dyn Network));
    (scenario.run)(&mut network);
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}

scenarios! {
    what_one_writes_the_others_read
    all_write_at_once_and_agree
    a_late_joiner_gets_everything
    news_passes_through_a_chain_of_nodes
    a_restarted_node_goes_on_where_it_was
    a_lost_announcement_heals_with_no_new_write
    both_sides_of_a_partition_write_and_agree_after_it
    an_entry_too_large_for_an_announcement_arrives
    attachments_are_listed_alike_everywhere
    a_redaction_takes_effect_everywhere
    a_cold_join_takes_in_what_was_redacted
    one_key_on_two_nodes_is_reported_as_a_fork_on_both
    junk_on_a_channel_changes_nothing
    a_root_that_nobody_serves_is_held_against_its_announcer
    withheld_files_are_not_asked_for_without_end
    a_tree_of_lies_costs_a_bounded_fetch
    an_entry_of_another_topic_does_not_come_in
    a_mirror_that_joins_late_gets_a_thousand_topics
}
