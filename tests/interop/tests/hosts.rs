//! Members of a network on hosts of their own, with private addresses: what loopback does not show, because a current Kubo keeps loopback
//! addresses out of its DHT. All that a node is told is one bootstrap peer, a Kubo, and which network it is part of.

use tidings_interop::{Hosts, KuboDaemon, Peer, Program, Served, eventually};

const NETWORK: &str = "4b1d9c3e6f70a2584b1d9c3e6f70a2584b1d9c3e6f70a2584b1d9c3e6f70a258";

/// A node on a host, with the data folder that commands are given.
struct Member {
    program: Program,
    served: Served,
}

impl Member {
    fn start(hosts: &Hosts, at: usize, bootstrap: &KuboDaemon) -> Self {
        let program = Program::new()
            .within(hosts.within(at))
            .with("TIDINGS_P2P_DHT", "auto")
            .with("TIDINGS_P2P_BOOTSTRAP", bootstrap.address())
            .with("TIDINGS_NODE_NETWORK", NETWORK);
        let served = program.serve_at(&hosts.address(at), &[]);
        Member { program, served }
    }

    fn id(&self) -> &str {
        self.served.address.rsplit('/').next().expect("an address ends with the peer id")
    }

    fn knows(&self, other: &str) -> bool {
        let (good, peers) = self.program.run(&["peers", "--json"]);
        good && peers.contains(other)
    }

    fn must(&self, args: &[&str]) -> String {
        let (good, text) = self.program.run(args);
        assert!(good, "tidings {args:?}: {text}");
        text
    }
}

fn kubo_on(hosts: &Hosts, at: usize) -> KuboDaemon {
    let within = hosts.within(at);
    KuboDaemon::start_in(&hosts.address(at), &within.iter().map(String::as_str).collect::<Vec<_>>())
}

fn meet(members: &[&Member]) {
    for member in members {
        for other in members.iter().filter(|other| other.id() != member.id()) {
            eventually("members of a network are connected", || member.knows(other.id()));
        }
    }
}

#[test]
fn members_on_hosts_of_their_own_meet_with_a_kubo_and_the_network_id_alone() {
    let hosts = Hosts::new(4);
    let kubo = kubo_on(&hosts, 0);
    let members: Vec<Member> = (1..4).map(|at| Member::start(&hosts, at, &kubo)).collect();
    for member in &members {
        member.must(&["follow", "lobby"]);
    }
    meet(&members.iter().collect::<Vec<_>>());
    members[0].must(&["post", "lobby", "Heard on every host."]);
    for member in &members {
        eventually("news arrives", || member.program.run(&["read", "lobby"]).1.contains("Heard on every host."));
    }
}

#[test]
fn a_member_that_leaves_its_host_is_forgotten_by_the_others() {
    let hosts = Hosts::new(5);
    let kubo = kubo_on(&hosts, 0);
    let [a, b, leaves] = [1, 2, 3].map(|at| Member::start(&hosts, at, &kubo));
    meet(&[&a, &b, &leaves]);
    let gone = leaves.id().to_owned();
    drop(leaves);
    eventually("those who stay let go", || !a.knows(&gone) && !b.knows(&gone));
    // The DHT has its record still.
    let comes = Member::start(&hosts, 4, &kubo);
    meet(&[&a, &b, &comes]);
    assert!(!comes.knows(&gone));
}
