//! The node as a process: starting, refusing to start, stopping, being killed, meeting others.

mod common;

use common::{Place, eventually};

#[test]
fn a_port_in_use_is_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let place = Place::new();
    let ended = place.run(&["serve", "--http", &address, "--listen", "/ip4/127.0.0.1/tcp/0"]);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.err.contains(&address) && ended.err.contains("in use"), "{ended:?}");
    let p2p = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().expect("bound").port());
    let ended = place.run(&["serve", "--http", "127.0.0.1:0", "--listen", &p2p]);
    assert_eq!(ended.code, 7, "{ended:?}");
    let ended = place.run(&["serve", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/nonsense"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn a_second_node_on_the_same_folder_is_refused() {
    let place = Place::new();
    let _node = place.serve(&[]);
    let ended = place.run(&["serve", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"]);
    assert!(ended.code == 6 && ended.err.contains("in use"), "{ended:?}");
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let place = Place::new();
    let ledger = place.data().join("ledger");
    std::fs::create_dir_all(&ledger).expect("ours");
    std::fs::write(ledger.join("thesis.doc"), "years of work").expect("ours");
    for arguments in [&["serve", "--http", "127.0.0.1:0"][..], &["post", "lobby", "x"], &["status"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 6, "{arguments:?}: {ended:?}");
    }
    assert_eq!(std::fs::read_to_string(ledger.join("thesis.doc")).expect("still there"), "years of work");
}

#[test]
fn a_data_path_that_is_a_file_is_said_so() {
    let place = Place::new();
    std::fs::write(place.data(), "a file").expect("ours");
    let ended = place.run(&["post", "lobby", "x"]);
    assert!(ended.code == 6 && !ended.err.contains("panicked"), "{ended:?}");
}

#[test]
fn commands_find_the_running_node_and_manage_without() {
    let place = Place::new();
    let node = place.serve(&[]);
    place.ok(&["post", "lobby", "through the node"]);
    assert_eq!(place.json(&["status"])["pid"], node.pid());
    assert!(place.ok(&["read", "lobby"]).contains("through the node"));
    assert_eq!(node.terminate(), 0);
    assert!(!place.data().join("node.json").exists(), "the beacon is put out");
    place.ok(&["post", "lobby", "without a node"]);
    assert!(place.ok(&["read", "lobby"]).contains("without a node"));
}

#[test]
fn a_killed_node_loses_nothing_it_acknowledged() {
    let place = Place::new();
    let node = place.serve(&[]);
    for number in 0..20 {
        place.ok(&["post", "lobby", &format!("comment {number}.")]);
    }
    node.kill();
    assert!(place.data().join("node.json").exists(), "a killed node leaves its beacon behind");
    let text = place.ok(&["read", "lobby"]);
    for number in 0..20 {
        assert!(text.contains(&format!("comment {number}.")), "comment {number} is lost");
    }
    let _node = place.serve(&[]);
    assert_eq!(place.json(&["status"])["ledger"]["entries"], 20);
}

#[test]
fn a_comment_reaches_a_follower_and_a_late_one_catches_up() {
    let (first, second) = (Place::new(), Place::new());
    let a = first.serve(&[]);
    first.ok(&["post", "lobby", "before anybody listened"]);
    let b = second.serve(&["--peer", &a.address()]);
    second.ok(&["follow", "lobby"]);
    eventually("the old comment", || second.run(&["read", "lobby"]).out.contains("before anybody listened"));
    second.ok(&["post", "lobby", "an answer"]);
    eventually("the answer", || first.run(&["read", "lobby"]).out.contains("an answer"));
    eventually("one catalog", || {
        first.json(&["status"])["ledger"]["catalog"] == second.json(&["status"])["ledger"]["catalog"]
    });
    assert!(second.ok(&["peers"]).contains("12D3Koo"));
    assert_eq!((a.terminate(), b.terminate()), (0, 0));
}

#[test]
fn an_unreachable_peer_is_said_so() {
    let place = Place::new();
    let _node = place.serve(&[]);
    let ended = place.run(&[
        "peers",
        "--dial",
        "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWHnAd9Wkt3BS6oRYyvLsxdh6gYf8x6DDjZjH35fHAHSzG",
    ]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert_eq!(place.run(&["peers", "--dial", "nonsense"]).code, 4);
}

#[test]
fn the_demo_ends_with_three_nodes_that_agree() {
    let place = Place::new();
    let rows: String = (0..300)
        .map(|n| {
            format!(
                "{{\"url\":\"https://example.org/{}\",\"author\":\"p{}\",\"time\":{},\"text\":\"text {n}\"}}\n",
                n % 17,
                n % 5,
                1_700_000_000_000u64 + n
            )
        })
        .collect();
    let file = place.path("rows.jsonl");
    std::fs::write(&file, rows).expect("ours");
    let report = place.json(&["demo", "--comments", file.to_str().expect("UTF-8"), "--live", "5"]);
    assert_eq!(report["agree"], true, "{report}");
    assert_eq!(report["comments"], 300, "{report}");
    assert_eq!(report["live_count"], 10, "two watchers for each of five: {report}");
}

/// A disk of a few megabytes, of the test's own: a file system in memory, in a namespace that ends with the process.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_so_and_nothing_acknowledged_is_lost() {
    /// Rows in one import, and their length. Without a time, importing them again writes them again.
    const ROWS: u64 = 10;
    const TEXT: usize = 100_000;
    let script = r#"
        set -e
        mount -t tmpfs -o size=12m none "$TIDINGS_DATA"
        done=0
        while [ $done -lt 40 ] && "$TIDINGS" import "$ROWS" --json >/dev/null 2>"$REASON"; do done=$((done+1)); done
        mount -o remount,size=64m "$TIDINGS_DATA"
        "$TIDINGS" import "$ROWS" --json >/dev/null
        echo "acknowledged $((done+1))"
        "$TIDINGS" status --json
    "#;
    let place = Place::new();
    std::fs::create_dir(place.data()).expect("ours");
    let (rows, reason) = (place.path("rows.jsonl"), place.path("reason"));
    // Nothing that compresses: the low bits of a linear congruential generator's high half.
    let mut state = 1u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 33) as u8 % 64)
    };
    let mut row = || serde_json::json!({ "url": "lobby", "text": (0..TEXT).map(|_| letter()).collect::<String>() });
    let text: Vec<String> = (0..ROWS).map(|_| row().to_string()).collect();
    std::fs::write(&rows, text.join("\n")).expect("ours");
    let Some(ended) = place.in_namespace(script, &[("ROWS", &rows), ("REASON", &reason)]) else {
        eprintln!("skipped: this system lets no test mount a file system of its own (unshare)");
        return;
    };
    assert_eq!(ended.code, 0, "{ended:?}");
    let (acknowledged, status) = ended.out.split_once('\n').expect("two lines");
    let acknowledged: u64 = acknowledged.strip_prefix("acknowledged ").and_then(|n| n.parse().ok()).expect("a count");
    let reason = std::fs::read_to_string(&reason).expect("ours");
    assert!(acknowledged > 2 && acknowledged < 40, "{ended:?}");
    assert!(reason.contains("full") && !reason.contains("panicked"), "{reason}");
    let status: serde_json::Value = serde_json::from_str(status.trim()).expect("JSON");
    let entries = status["ledger"]["entries"].as_u64().expect("a count");
    assert!(entries >= acknowledged * ROWS, "{entries} of {acknowledged} times {ROWS} entries are left");
}
