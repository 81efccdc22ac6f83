//! A daemon that the node starts, watches and stops.

use std::process::Command;
use std::time::Duration;

use tidings_transport_kubo::{Config, KuboTransport, StartError, SuperviseConfig};

use crate::daemon::{Daemon, program};
use crate::node::{Node, config, eventually, room};

/// Settings that start the daemon of this folder.
fn supervised(daemon: &Daemon) -> Config {
    let (folder, ipfs) = (daemon.path().display(), program("ipfs"));
    let command = format!("env 'IPFS_PATH={folder}' IPFS_TELEMETRY=off '{}' daemon", ipfs.display());
    let mut config = config(&daemon.api());
    let mut supervise = SuperviseConfig::new(command);
    supervise.stop = Duration::from_secs(20);
    supervise.hung = Duration::from_secs(4);
    config.supervise = Some(supervise);
    config
}

fn pid(node: &Node) -> Option<u32> {
    node.status().daemon.process.and_then(|process| process.pid)
}

fn is_alive(pid: u32) -> bool {
    Command::new("kill")
        .args(["-0", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .expect("kill")
        .success()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().expect("kill").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_dies_or_hangs_is_started_again_and_ends_with_the_node() {
    let daemon = Daemon::new();
    let node = Node::with(supervised(&daemon)).await;
    eventually("the daemon answers", || node.status().daemon.up).await;
    let first = pid(&node).expect("a process");
    let topic = room("supervised");
    node.posts(&topic, 1, 10).await;
    let root = node.root(&topic).expect("a folder");
    eventually("the pin", || daemon.pins() == [root.clone()]).await;

    signal(first, "-KILL");
    eventually("another one runs", || pid(&node).is_some_and(|pid| pid != first) && node.status().daemon.up).await;
    let second = pid(&node).expect("a process");
    let process = node.status().daemon.process.expect("it is supervised");
    assert!(process.restarts == 1 && process.ended.is_some_and(|why| why.contains("ended")), "it says why");

    signal(second, "-STOP");
    eventually("another one runs", || pid(&node).is_some_and(|pid| pid != second) && node.status().daemon.up).await;
    assert!(!is_alive(second));
    let third = pid(&node).expect("a process");
    let process = node.status().daemon.process.expect("it is supervised");
    assert!(process.ended.is_some_and(|why| why.contains("did not answer")), "it says why");
    node.post(&topic, 1, "Still here.").await;
    let root = node.root(&topic).expect("a folder");
    eventually("the pin", || daemon.pins() == [root.clone()]).await;

    node.ledger.close();
    node.kubo.shutdown().await;
    assert!(!is_alive(third), "it was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_outgrows_its_memory_is_started_again() {
    let daemon = Daemon::new();
    let mut config = supervised(&daemon);
    if let Some(supervise) = &mut config.supervise {
        // Less than it ever needs.
        supervise.max_memory = 10 * 1024 * 1024;
    }
    let node = Node::with(config).await;
    let outgrown = || {
        let process = node.status().daemon.process;
        process.and_then(|process| process.ended).is_some_and(|why| why.contains("memory"))
    };
    eventually("it is found too large", outgrown).await;
    eventually("it is started again", || node.status().counters.daemon_restarts >= 1).await;
    node.kubo.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_runs_already_is_used_and_started_only_when_it_is_gone() {
    let mut daemon = Daemon::started();
    let node = Node::with(supervised(&daemon)).await;
    eventually("it answers", || node.status().daemon.up).await;
    assert_eq!(pid(&node), None, "it is not ours");
    daemon.kill();
    eventually("one of ours runs", || pid(&node).is_some() && node.status().daemon.up).await;
    node.kubo.shutdown().await;
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    struct Nothing;
    impl tidings_ledger::transport::Blocks for Nothing {
        fn get(&self, _: &cid::Cid) -> Result<Option<bytes::Bytes>, tidings_ledger::store::StoreError> {
            Ok(None)
        }
    }
    let port = crate::daemon::port();
    let supervise = Some(SuperviseConfig::new("/no/such/ipfs daemon"));
    let config = Config { api: format!("http://127.0.0.1:{port}"), supervise, ..Config::default() };
    let error = KuboTransport::start(config, std::sync::Arc::new(Nothing)).await.err().expect("it cannot start");
    assert!(matches!(&error, StartError::Supervise { command, .. } if command.contains("/no/such/ipfs")), "{error}");
}
