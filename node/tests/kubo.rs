//! The node over a Kubo daemon that is not there: it says so, and does all that needs no network.
#![cfg(feature = "kubo")]

mod common;

use common::Place;
use serde_json::Value;

/// An address at which nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

async fn get(url: &str, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("{url}{path}")).await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.text().await.expect("a text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_daemon_a_node_reads_and_writes_and_says_what_is_missing() {
    let (place, api) = (Place::new(), nowhere());
    let node = place.serve(&["--transport", "kubo", "--kubo-api", &api]);
    let (status, text) = get(&node.url, "/readyz").await;
    let ready: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &ready["ready"]), (503, &Value::Bool(false)), "{text}");
    assert!(ready["network_error"].as_str().is_some_and(|error| error.contains(&api)), "{text}");
    assert_eq!(get(&node.url, "/healthz").await.0, 200);

    place.ok(&["post", "lobby", "Nobody hears this yet."]);
    assert!(place.ok(&["read", "lobby"]).contains("Nobody hears this yet."));
    let status = place.json(&["status"]);
    assert_eq!(status["network"]["daemon"]["up"], false);
    assert!(place.ok(&["status"]).contains("does not answer"));
    let (_, metrics) = get(&node.url, "/metrics").await;
    for line in ["tidings_kubo_up 0", "tidings_peers 0", "tidings_kubo_pins_waiting 1"] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in:\n{metrics}");
    }
    assert_eq!(node.terminate(), 0);
}

#[test]
fn a_setting_of_the_daemon_that_makes_no_sense_is_named() {
    let place = Place::new();
    let no_program = ["serve", "--kubo-api", &nowhere(), "--kubo-supervise", "/no/such/ipfs daemon"];
    for (arguments, words) in [
        (&["serve", "--kubo-api", "https://127.0.0.1:5001"][..], "kubo.api"),
        (&["serve", "--kubo-api", "/unix/run/ipfs"], "kubo.api"),
        (&no_program, "/no/such/ipfs"),
        (&["serve", "--transport", "carrier-pigeon"], "carrier-pigeon"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(words), "{arguments:?}: {ended:?}");
    }
    let ended = place.run_with(&["config", "check"], &[("TIDINGS_KUBO_API", "5001")], "");
    assert!(ended.code == 2 && ended.err.contains("kubo.api"), "{ended:?}");
    let ended = place.run_with(&["serve", "--transport", "kubo"], &[("TIDINGS_KUBO_SECRET_FILE", "/no/such/file")], "");
    assert!(ended.code != 0 && ended.err.contains("kubo.secret_file"), "{ended:?}");
}
