//! A node at the IPFS proxy of a cluster: its folders are pinned by every peer of the cluster.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, PATIENCE, port, program};
use crate::node::{Node, config, eventually, room};

/// One peer of a cluster, with its Kubo daemon; both are stopped when dropped.
struct Peer {
    kubo: Daemon,
    folder: TempDir,
    proxy_port: u16,
    swarm_port: u16,
    child: Option<Child>,
}

impl Peer {
    fn new(secret: &str) -> Peer {
        let kubo = Daemon::started();
        let folder = tempfile::Builder::new().prefix("tidings-cluster-").tempdir().expect("a folder");
        let peer = Peer { kubo, folder, proxy_port: port(), swarm_port: port(), child: None };
        let made = peer.command(&["init", "--consensus", "crdt"]).output().expect("it runs");
        assert!(made.status.success(), "{made:?}");
        let path = peer.folder.path().join("service.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("a config")).expect("JSON");
        let at = |port: u16| json!(format!("/ip4/127.0.0.1/tcp/{port}"));
        config["cluster"]["secret"] = json!(secret);
        config["cluster"]["listen_multiaddress"] = json!([at(peer.swarm_port)]);
        config["cluster"]["mdns_interval"] = json!("0s");
        config["cluster"]["enable_relay_hop"] = json!(false);
        // Two peers need no mesh, and a test no patience.
        config["cluster"]["pubsub"]["heartbeat_interval"] = json!("500ms");
        config["cluster"]["pubsub"]["flood_publish"] = json!(true);
        config["cluster"]["pin_recover_interval"] = json!("5s");
        config["cluster"]["state_sync_interval"] = json!("5s");
        config["consensus"]["crdt"]["rebroadcast_interval"] = json!("2s");
        config["api"]["ipfsproxy"]["listen_multiaddress"] = at(peer.proxy_port);
        config["api"]["ipfsproxy"]["node_multiaddress"] = at(peer.kubo.api_port);
        config["api"]["restapi"]["http_listen_multiaddress"] = at(port());
        config["api"].as_object_mut().expect("a table").remove("pinsvcapi");
        config["ipfs_connector"]["ipfshttp"]["node_multiaddress"] = at(peer.kubo.api_port);
        config["ipfs_connector"]["ipfshttp"]["connect_swarms_delay"] = json!("1s");
        std::fs::write(&path, config.to_string()).expect("written");
        peer
    }

    /// Starts the peer, to join those at the addresses.
    fn start(&mut self, others: &[String]) {
        let log = std::fs::File::create(self.folder.path().join("service.log")).expect("a log");
        let errors = log.try_clone().expect("a log");
        let join = others.join(",");
        let mut command =
            if others.is_empty() { self.command(&["daemon"]) } else { self.command(&["daemon", "--bootstrap", &join]) };
        self.child = Some(command.stdout(log).stderr(errors).spawn().expect("it starts"));
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.proxy_port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "no proxy: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("ipfs-cluster-service"));
        command.arg("--config").arg(self.folder.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy_port)
    }

    fn address(&self) -> String {
        let identity = std::fs::read(self.folder.path().join("identity.json")).expect("an identity");
        let identity: Value = serde_json::from_slice(&identity).expect("JSON");
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", self.swarm_port, identity["id"].as_str().expect("a name"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("service.log")).unwrap_or_default()
    }

    /// Ends the peer and its daemon without a chance to do anything.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.kubo.kill();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- cluster peer at {}\n{}", self.proxy(), self.log());
        }
        self.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_whole_though_one_of_two_cluster_peers_is_killed() {
    let secret = "5a".repeat(32);
    let (mut first, mut second) = (Peer::new(&secret), Peer::new(&secret));
    first.start(&[]);
    second.start(&[first.address()]);
    let record = tempfile::tempdir().expect("a folder");
    let mut settings = config(&first.proxy());
    settings.pins.record = Some(record.path().join("pins"));
    settings.peers = vec![second.kubo.address()];
    let node = Node::with(settings.clone()).await;
    let topic = room("cluster");
    node.posts(&topic, 1, 300).await;
    let early = node.root(&topic).expect("a folder");
    eventually("every peer pins it", || both(&first, &second, &early)).await;
    node.posts(&topic, 1, 20).await;
    let root = node.root(&topic).expect("a folder");
    eventually("the pins follow the folder", || both(&first, &second, &root)).await;

    first.kill();
    eventually("the node says so", || !node.status().daemon.up).await;
    let listed = second.kubo.ask(&["refs", "-r", "--offline", "--unique", &root]);
    assert!(listed.lines().count() > 320, "the folder is whole on the other peer");

    // The node goes on at the other peer, and the first one catches up when it is back.
    settings.api = second.proxy();
    settings.peers = vec![first.kubo.address()];
    let node = node.restarted(settings).await;
    node.posts(&topic, 1, 20).await;
    let root = node.root(&topic).expect("a folder");
    eventually("the other peer pins what is new", || second.kubo.pins() == [root.clone()]).await;
    first.kubo.start();
    first.start(&[second.address()]);
    eventually("so does the first, when it is back", || both(&first, &second, &root)).await;
    first.kubo.ask(&["refs", "-r", "--offline", &root]);
}

/// Whether this root and nothing else is pinned on both.
fn both(first: &Peer, second: &Peer, root: &str) -> bool {
    [first, second].iter().all(|peer| peer.kubo.pins() == [root])
}
