//! Meeting others: transports, listening, the DHT, coming back, and who hears what.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{SwarmBuilder, identify, noise, relay, tcp, yamux};
use tidings_ledger::topic::TopicId;
use tidings_ledger::transport::{Broadcast, Channel, Event, Fetch, Verdict, Want};
use tidings_transport_ipfs::{Config, DialError, Identity, IpfsTransport, KadMode, StartError};

use crate::support::{TestNode, blocks, channel, plain, want, within};

fn listening(address: &str) -> Config {
    Config { listen: vec![address.parse().expect("an address")], ..plain() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transport_carries_news_and_blocks() {
    for address in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0/ws"] {
        let (mut a, mut b) = (TestNode::start(listening(address)).await, TestNode::start(listening(address)).await);
        a.transport.join(channel(1));
        b.transport.join(channel(1));
        let peer = b.dial(&a).await;
        b.wait_subscribed(channel(1)).await;
        a.wait_subscribed(channel(1)).await;
        b.transport.publish(channel(1), Bytes::from_static(b"hello")).expect("taken");
        assert_eq!(a.heard().await.2, &b"hello"[..], "{address}");
        let cids: Vec<_> = blocks(50, 60_000).into_iter().map(|block| a.blocks.put(block)).collect();
        let (got, _) = b.fetch(want(cids, vec![peer])).await;
        assert_eq!(got.len(), 50, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_defaults_listen_on_three_transports_of_loopback_only() {
    let node = TestNode::start(Config::default()).await;
    let status = node.transport.status();
    assert_eq!(status.listen.len(), 3);
    assert!(status.listen.iter().all(|address| address.starts_with("/ip4/127.0.0.1/")), "{:?}", status.listen);
    assert!(status.listen.iter().all(|address| address.ends_with(&format!("/p2p/{}", status.peer_id))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    for address in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0/ws"] {
        let first = TestNode::start(listening(address)).await;
        let full = first.transport.addresses()[0].clone();
        let taken = full.split("/p2p/").next().expect("the address before the peer id");
        let again = IpfsTransport::start(listening(taken), Identity::generate(), first.blocks.clone()).await;
        let Err(StartError::PortInUse { address }) = again else {
            panic!("{taken}: {:?}", again.err());
        };
        assert_eq!(address.to_string(), taken);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_out_of_range_and_addresses_of_no_use_are_refused() {
    let blocks = TestNode::start(plain()).await.blocks.clone();
    let mut config = plain();
    config.bitswap.max_block = 5_000_000;
    let error = IpfsTransport::start(config, Identity::generate(), blocks.clone()).await.err();
    assert!(matches!(error, Some(StartError::Config(_))), "{error:?}");
    let error = IpfsTransport::start(listening("/ip4/127.0.0.1"), Identity::generate(), blocks).await.err();
    assert!(matches!(error, Some(StartError::Listen { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_that_fails_says_so() {
    let node = TestNode::start(plain()).await;
    assert!(matches!(node.transport.dial("nonsense").await, Err(DialError::Address(_))));
    let error = within(node.transport.dial("/ip4/127.0.0.1/tcp/1")).await;
    assert!(matches!(error, Err(DialError::Failed { .. })), "{error:?}");
    let unknown = TestNode::start(plain()).await;
    let other = unknown.transport.addresses()[0].split("/p2p/").next().expect("an address").to_owned();
    let wrong = format!("{other}/p2p/{}", Identity::generate().peer_id());
    let error = within(node.transport.dial(&wrong)).await;
    assert!(matches!(error, Err(DialError::Failed { .. })), "somebody else answered there: {error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_network_find_each_other_and_their_roots_through_the_dht() {
    let config = || Config { kad: KadMode::Auto, ..plain() };
    let meeting_point = TestNode::start(config()).await;
    let through = |node: &TestNode| Config {
        bootstrap: node.transport.addresses().iter().map(|a| a.parse().expect("an address")).collect(),
        ..config()
    };
    let mut b = TestNode::start(through(&meeting_point)).await;
    let mut c = TestNode::start(through(&meeting_point)).await;
    c.wait_connected(&b.transport.peer()).await;
    b.wait_connected(&c.transport.peer()).await;
    let root = b.blocks.put(&b"a root"[..]);
    b.transport.provide(vec![root]);
    let (got, _) = c.fetch(Want { cids: vec![root], ask_first: vec![], patience: Duration::from_secs(20) }).await;
    assert_eq!(got.get(&root), Some(&Bytes::from_static(b"a root")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_is_found_by_its_provider_record_alone() {
    let config = || {
        let mut config = Config { kad: KadMode::Auto, ..plain() };
        config.provide.network = false;
        config
    };
    let meeting_point = TestNode::start(config()).await;
    let mut other = config();
    other.bootstrap = meeting_point.transport.addresses().iter().map(|a| a.parse().expect("an address")).collect();
    let b = TestNode::start(other.clone()).await;
    let root = b.blocks.put(&b"a root"[..]);
    b.transport.provide(vec![root]);
    let c = TestNode::start(other).await;
    let (got, _) = c.fetch(Want { cids: vec![root], ask_first: vec![], patience: Duration::from_secs(25) }).await;
    assert_eq!(got.get(&root), Some(&Bytes::from_static(b"a root")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_peer_that_restarts_is_connected_again() {
    let identity = Identity::generate();
    let a = TestNode::start_as(identity.clone(), plain()).await;
    let address: libp2p::Multiaddr = a.transport.addresses()[0].parse().expect("an address");
    let mut b = TestNode::start(Config { peers: vec![address.clone()], ..plain() }).await;
    let peer = a.transport.peer();
    b.wait_connected(&peer).await;
    within(a.transport.shutdown()).await;
    drop(a);
    b.wait(|event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    let bare = address.to_string().split("/p2p/").next().expect("an address").to_owned();
    let _again = TestNode::start_as(identity, listening(&bare)).await;
    b.wait_connected(&peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_accepted_is_passed_on() {
    let (mut a, mut b, mut c) =
        (TestNode::start(plain()).await, TestNode::start(plain()).await, TestNode::start(plain()).await);
    for node in [&a, &b, &c] {
        node.transport.join(channel(1));
    }
    b.dial(&a).await;
    // Each learns of the other's subscription by itself; what is published before goes to nobody.
    a.wait_subscribed(channel(1)).await;
    b.wait_subscribed(channel(1)).await;
    c.dial(&b).await;
    c.wait_subscribed(channel(1)).await;
    b.wait_subscribed(channel(1)).await;
    for (data, verdict) in [("bad", Verdict::Reject), ("old", Verdict::Ignore), ("good", Verdict::Accept)] {
        a.transport.publish(channel(1), Bytes::from(data)).expect("taken");
        let (_, id, heard) = b.heard().await;
        assert_eq!(heard, data.as_bytes());
        b.transport.judge(id, verdict);
    }
    assert_eq!(c.heard().await.2, &b"good"[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_are_reported_for_channels_not_joined_and_for_newcomers() {
    let (mut a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    b.transport.join(channel(1));
    b.dial(&a).await;
    a.wait_subscribed(channel(1)).await;
    b.transport.join(channel(2));
    a.wait_subscribed(channel(2)).await;
    b.transport.leave(channel(1));
    a.wait(|event| matches!(event, Event::Unsubscribed { channel: c, .. } if c == channel(1)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_channels_are_heard_of_by_a_newcomer() {
    let (mut a, b) = (TestNode::start(plain()).await, TestNode::start(plain()).await);
    for n in 0..6000u32 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        b.transport.join(Channel::new(TopicId::from_bytes(id)));
    }
    b.dial(&a).await;
    let mut heard = 0;
    while heard < 6000 {
        a.wait(|event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
        heard += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_channels_than_peers_could_be_told_of_are_refused_and_counted() {
    let mut config = plain();
    config.gossip.max_channels = 2;
    let (a, mut b) = (TestNode::start(config).await, TestNode::start(plain()).await);
    for n in [1, 2, 2, 3] {
        a.transport.join(channel(n));
    }
    a.transport.leave(channel(1));
    a.transport.join(channel(4));
    a.dial(&b).await;
    b.wait_subscribed(channel(4)).await;
    assert_eq!(a.transport.status().counters.joins_refused, 1, "joining twice is joining once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_events_that_sleeps_is_told_what_it_missed() {
    let mut config = plain();
    config.limits.events = 8;
    let (mut a, mut b) = (TestNode::start(config).await, TestNode::start(plain()).await);
    a.transport.join(channel(1));
    b.dial(&a).await;
    // That b knows of a's subscription shows by b's own event.
    b.wait_subscribed(channel(1)).await;
    for n in 0..100u32 {
        b.transport.publish(channel(1), Bytes::from(n.to_be_bytes().to_vec())).expect("taken");
    }
    within(async {
        while a.transport.status().counters.messages_received < 100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (mut heard, mut missed) = (0, 0);
    while heard + missed < 100 {
        match within(a.events.next()).await {
            Some(Event::Message { .. }) => heard += 1,
            Some(Event::Missed { dropped: Some(count) }) => missed += count,
            _ => {}
        }
    }
    assert!(heard >= 1 && missed >= 1, "{heard} {missed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_reader_of_events_gets_none() {
    let a = TestNode::start(plain()).await;
    assert_eq!(within(a.transport.events().next()).await, None);
}

/// A relay, and the address under which a node reserves a place on it.
async fn relay() -> (tokio::task::JoinHandle<()>, String) {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_behaviour(|key| RelayStack {
            relay: relay::Behaviour::new(key.public().to_peer_id(), relay::Config::default()),
            identify: identify::Behaviour::new(identify::Config::new("ipfs/0.1.0".to_owned(), key.public())),
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address")).expect("listens");
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = within(swarm.select_next_some()).await {
            break address;
        }
    };
    swarm.add_external_address(address.clone());
    let circuit = format!("{address}/p2p/{}/p2p-circuit", swarm.local_peer_id());
    let task = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    (task, circuit)
}

#[derive(NetworkBehaviour)]
struct RelayStack {
    relay: relay::Behaviour,
    identify: identify::Behaviour,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_cannot_be_reached_is_met_through_a_relay() {
    let (task, circuit) = relay().await;
    let hidden = TestNode::start(Config { listen: vec![circuit.parse().expect("an address")], ..plain() }).await;
    let through = format!("{circuit}/p2p/{}", hidden.transport.peer());
    let cid = hidden.blocks.put(&b"behind a wall"[..]);
    let visitor = TestNode::start(plain()).await;
    let peer = within(async {
        loop {
            // The reservation takes a moment.
            match visitor.transport.dial(&through).await {
                Ok(peer) => break peer,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    })
    .await;
    let (got, _) = visitor.fetch(want(vec![cid], vec![peer])).await;
    assert_eq!(got.get(&cid), Some(&Bytes::from_static(b"behind a wall")));
    task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_after_a_restart_are_not_taken_for_old_ones() {
    let identity = Identity::generate();
    let mut b = TestNode::start(plain()).await;
    b.transport.join(channel(1));
    for round in [&b"first life"[..], b"second life"] {
        let mut a = TestNode::start_as(identity.clone(), plain()).await;
        a.dial(&b).await;
        a.wait_subscribed(channel(1)).await;
        a.transport.publish(channel(1), Bytes::from_static(round)).expect("taken");
        assert_eq!(b.heard().await.2, round);
        within(a.transport.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn multicast_dns_can_be_switched_on() {
    // Whether multicast passes here is the machine's business; that the node starts and works is ours.
    let a = TestNode::start(Config { mdns: true, ..plain() }).await;
    let b = TestNode::start(plain()).await;
    assert_eq!(b.dial(&a).await, a.transport.peer());
}
