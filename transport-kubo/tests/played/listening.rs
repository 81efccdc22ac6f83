//! What a subscription may bring.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use futures::StreamExt;
use serde_json::json;
use tidings_ledger::TopicName;
use tidings_ledger::transport::{Broadcast, Channel, Event, Events, Verdict};

use crate::daemon::{ME, Nothing, OTHER, Played, eventually};

fn channel() -> Channel {
    Channel::new(TopicName::parse("room:listening").expect("a name").id())
}

fn line(from: &str, data: &[u8]) -> String {
    let encode = |bytes: &[u8]| format!("u{}", BASE64URL_NOPAD.encode(bytes));
    let topics = [encode(channel().to_string().as_bytes())];
    json!({ "from": from, "data": encode(data), "seqno": encode(&[1]), "topicIDs": topics }).to_string()
}

/// The next event; its absence is a failure, not a wait without end.
async fn next(events: &mut Events) -> Event {
    let event = tokio::time::timeout(std::time::Duration::from_secs(30), events.next()).await;
    event.expect("an event in time").expect("the stream goes on")
}

/// The next message, past everything else.
async fn message(events: &mut Events) -> (String, Vec<u8>, tidings_ledger::transport::MessageId) {
    loop {
        match next(events).await {
            Event::Message { from, data, id, .. } => return (from.as_str().to_owned(), data.to_vec(), id),
            _ => continue,
        }
    }
}

#[tokio::test]
async fn junk_in_a_subscription_is_dropped_and_counted_and_what_follows_is_heard() {
    let played = Played::new().await;
    let long = vec![7; 70_000];
    let lines = ["{}", "rubbish", r#"{"from":5}"#, &line("??", b"x"), &line(OTHER, &long), &line(OTHER, b"news")];
    played.stage.lock().lines = lines.map(str::to_owned).to_vec();
    let transport = played.transport(Arc::new(Nothing)).await;
    let mut events = transport.events();
    transport.join(channel());
    let (from, data, _) = message(&mut events).await;
    assert_eq!((from.as_str(), data.as_slice()), (OTHER, &b"news"[..]));
    assert_eq!(transport.status().counters.messages_malformed, 4);
}

#[tokio::test]
async fn own_announcements_are_not_news() {
    let played = Played::new().await;
    let transport = played.transport(Arc::new(Nothing)).await;
    transport.publish(channel(), "mine".into()).expect("taken");
    eventually("it is out", || transport.status().counters.messages_published == 1).await;
    // Another node over the same daemon has the same name.
    played.stage.lock().lines = vec![line(ME, b"mine"), line(ME, b"of another node")];
    let mut events = transport.events();
    transport.join(channel());
    assert_eq!(message(&mut events).await.1, b"of another node");
}

#[tokio::test]
async fn whoever_sends_rubbish_is_not_heard_any_more() {
    let played = Played::new().await;
    played.stage.lock().lines = (0..20u8).map(|n| line(OTHER, &[n])).collect();
    let transport = played.transport(Arc::new(Nothing)).await;
    let mut events = transport.events();
    transport.join(channel());
    for _ in 0..20 {
        let (_, _, id) = message(&mut events).await;
        transport.judge(id, Verdict::Reject);
    }
    assert_eq!(transport.status().counters.peers_refused, 1);
    transport.leave(channel());
    transport.join(channel());
    eventually("it is not listened to", || transport.status().counters.messages_refused >= 20).await;
}

#[tokio::test]
async fn a_listener_is_told_of_and_again_when_the_daemon_comes_back_with_a_gap_in_between() {
    let played = Played::new().await;
    let transport = played.transport(Arc::new(Nothing)).await;
    let mut events = transport.events();
    transport.join(channel());
    let subscribed = |event: &Event| matches!(event, Event::Subscribed { peer, .. } if peer.as_str() == OTHER);
    while !subscribed(&next(&mut events).await) {}
    played.stage.lock().stall.insert("id");
    eventually("it is lost", || !transport.status().daemon.up).await;
    played.stage.lock().stall.clear();
    let (mut told, mut missed) = (false, false);
    while !(told && missed) {
        let event = next(&mut events).await;
        told |= subscribed(&event);
        missed |= matches!(event, Event::Missed { .. });
    }
}
