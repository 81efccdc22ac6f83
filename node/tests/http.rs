//! The API as a program meets it, of a running node.

mod common;

use common::{Place, Served};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tidings_ledger::handle::SystemClock;
use tidings_ledger::store::MemoryStore;
use tidings_ledger::{AuthorKey, Draft, Ledger, Options, TopicName};

fn ask(node: &Served, method: Method, path: &str) -> RequestBuilder {
    let client = Client::builder().no_proxy().timeout(std::time::Duration::from_secs(60)).build().expect("a client");
    client.request(method, format!("{}{path}", node.url))
}

async fn get(node: &Served, path: &str) -> Response {
    ask(node, Method::GET, path).send().await.expect("an answer")
}

async fn write(node: &Served, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = ask(node, method, path).bearer_auth(&node.token).json(&body).send().await.expect("an answer");
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn post(node: &Served, text: &str) -> Value {
    let (status, entry) = write(node, Method::POST, "/api/v1/topics/lobby/entries", json!({ "text": text })).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    entry
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("errors are JSON");
    assert!(body["error"]["message"].is_string(), "{body}");
    (status, body["error"]["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn writing_needs_the_token() {
    let place = Place::new();
    let node = place.serve(&[]);
    let body = json!({ "text": "x" });
    let path = "/api/v1/topics/lobby/entries";
    let answer = ask(&node, Method::POST, path).json(&body).send().await.expect("an answer");
    assert_eq!(code(answer).await, (401, "unauthorised".into()));
    for token in ["wrong", &node.token[1..], ""] {
        let answer = ask(&node, Method::POST, path).bearer_auth(token).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    for (method, path) in [
        (Method::PUT, "/api/v1/topics/lobby/follow"),
        (Method::DELETE, "/api/v1/topics/lobby/follow"),
        (Method::POST, "/api/v1/attachments?name=x"),
        (Method::POST, "/api/v1/import"),
        (Method::POST, "/api/v1/import/car"),
        (Method::POST, "/api/v1/peers"),
    ] {
        let answer = ask(&node, method, path).send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{path}");
    }
    post(&node, "with the token").await;
}

#[tokio::test]
async fn a_rebound_name_and_a_foreign_page_are_turned_away() {
    let place = Place::new();
    let node = place.serve(&[]);
    let answer =
        ask(&node, Method::GET, "/api/v1/topics").header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(code(answer).await, (421, "wrong_host".into()));
    let answer = ask(&node, Method::POST, "/api/v1/entries")
        .header("origin", "https://evil.example")
        .header("content-type", "application/cbor")
        .body("x")
        .send()
        .await
        .expect("an answer");
    assert_eq!(code(answer).await, (403, "foreign_origin".into()));
    let answer = ask(&node, Method::GET, "/api/v1/topics").header("origin", "https://evil.example").send().await;
    assert!(!answer.expect("an answer").headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_listed_origin_may_call() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("ours");
    std::fs::write(place.data().join("config.toml"), "[http]\ncors = [\"https://friend.example\"]\n").expect("ours");
    let node = place.serve(&[]);
    let answer = ask(&node, Method::GET, "/api/v1/topics")
        .header("origin", "https://friend.example")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://friend.example");
}

#[tokio::test]
async fn an_unchanged_topic_is_answered_with_304() {
    let place = Place::new();
    let node = place.serve(&[]);
    post(&node, "one").await;
    get(&node, "/api/v1/status?flush=true").await;
    for path in ["/api/v1/topics/lobby/entries", "/api/v1/topics/lobby/thread"] {
        let answer = get(&node, path).await;
        let tag = answer.headers()["etag"].clone();
        let cid = get(&node, "/api/v1/topics/lobby").await.json::<Value>().await.expect("JSON")["cid"].clone();
        assert_eq!(tag, format!("\"{}\"", cid.as_str().expect("a CID")).as_str());
        let again = ask(&node, Method::GET, path).header("if-none-match", &tag).send().await.expect("an answer");
        assert_eq!(again.status(), 304);
    }
    let old = get(&node, "/api/v1/topics/lobby/entries").await.headers()["etag"].clone();
    post(&node, "two").await;
    get(&node, "/api/v1/status?flush=true").await;
    let changed = ask(&node, Method::GET, "/api/v1/topics/lobby/entries").header("if-none-match", old).send().await;
    assert_eq!(changed.expect("an answer").status(), 200);
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let place = Place::new();
    let node = place.serve(&[]);
    for number in 0..25 {
        post(&node, &format!("comment {number}")).await;
    }
    for order in ["newest", "oldest"] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/topics/lobby/entries?order={order}&limit=7{after}");
            let page: Value = get(&node, &path).await.json().await.expect("JSON");
            seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["text"].clone()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 25, "{order}");
        seen.sort_by_key(|text| text.to_string());
        seen.dedup();
        assert_eq!(seen.len(), 25, "{order}");
    }
    for bad in ["after=nonsense", "order=sideways", "limit=many", "unknown=1"] {
        let answer = get(&node, &format!("/api/v1/topics/lobby/entries?{bad}")).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn bad_requests_are_explained_in_json() {
    let place = Place::new();
    let node = place.serve(&[]);
    assert_eq!(code(get(&node, "/nowhere").await).await, (404, "not_found".into()));
    assert_eq!(code(get(&node, "/api/v1/topics/ftp%3A%2F%2Fx").await).await, (400, "bad_topic".into()));
    assert_eq!(code(get(&node, &format!("/api/v1/topics/{}", "ab".repeat(32))).await).await, (404, "not_found".into()));
    assert_eq!(code(get(&node, "/api/v1/entries/nonsense").await).await.0, 400);
    assert_eq!(code(get(&node, "/ipfs/nonsense").await).await.0, 400);
    let answer = ask(&node, Method::DELETE, "/api/v1/topics").send().await.expect("an answer");
    assert_eq!(code(answer).await, (405, "method".into()));
    let path = "/api/v1/topics/lobby/entries";
    let big = json!({ "text": "x".repeat(3 << 20) });
    assert_eq!(write(&node, Method::POST, path, big).await.0, 413);
    let long = json!({ "text": "x".repeat(1_100_000) });
    assert_eq!(write(&node, Method::POST, path, long).await.0, 422);
    for bad in [json!({ "txt": "x" }), json!({ "text": 5 }), json!({ "text": "x", "refs": ["nonsense"] }), json!("x")] {
        let (status, body) = write(&node, Method::POST, path, bad.clone()).await;
        assert_eq!(status, 400, "{bad}: {body}");
    }
    for empty in [json!({}), json!([]), json!({ "kind": "edit", "text": " \n" })] {
        assert_eq!(write(&node, Method::POST, path, empty.clone()).await.0, 422, "{empty}");
    }
    let answer =
        ask(&node, Method::POST, path).bearer_auth(&node.token).body("text=x").send().await.expect("an answer");
    assert_eq!(answer.status(), 415);
}

#[tokio::test]
async fn only_the_author_edits_and_redacts() {
    let place = Place::new();
    let node = place.serve(&[]);
    let rows = "{\"url\":\"lobby\",\"author\":\"ann\",\"text\":\"hers\"}\n";
    let import = ask(&node, Method::POST, "/api/v1/import?test_keys=true").bearer_auth(&node.token).body(rows);
    let answer = import.send().await.expect("an answer").text().await.expect("lines");
    assert!(answer.lines().last().expect("a line").contains("\"complete\":true"), "{answer}");
    let page: Value = get(&node, "/api/v1/topics/lobby/entries").await.json().await.expect("JSON");
    let hers = page["items"][0]["id"].clone();
    let path = "/api/v1/topics/lobby/entries";
    for body in
        [json!({ "kind": "edit", "refs": [hers], "text": "mine" }), json!({ "kind": "redact", "redacts": [hers] })]
    {
        let (status, answer) = write(&node, Method::POST, path, body).await;
        assert_eq!((status.as_u16(), answer["error"]["code"].as_str()), (403, Some("not_yours")), "{answer}");
    }
}

#[tokio::test]
async fn an_entry_signed_elsewhere_needs_no_token_but_a_good_signature() {
    let place = Place::new();
    let node = place.serve(&[]);
    let store = std::sync::Arc::new(MemoryStore::new());
    let ledger = Ledger::offline(store, std::sync::Arc::new(SystemClock), Options::default()).expect("a ledger");
    let topic = ledger.topic(&TopicName::parse("lobby").expect("a room"));
    let entry =
        topic.append(&AuthorKey::from_seed(&[9; 32]), Draft::new("post", "signed elsewhere")).await.expect("appended");
    let submit = |file: Vec<u8>| {
        ask(&node, Method::POST, "/api/v1/entries").header("content-type", "application/cbor").body(file).send()
    };
    assert_eq!(code(submit(entry.to_file()).await.expect("an answer")).await, (409, "not_followed".into()));
    write(&node, Method::PUT, "/api/v1/topics/lobby/follow", json!(null)).await;
    let mut forged = entry.to_file();
    let at = forged.windows(6).position(|bytes| bytes == b"signed").expect("the text");
    forged[at] = b'S';
    for bad in [forged, entry.to_file()[..50].to_vec(), Vec::new(), vec![0xff; 2000]] {
        assert_eq!(code(submit(bad).await.expect("an answer")).await, (422, "refused".into()));
    }
    let answer: Value = submit(entry.to_file()).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer, json!({ "new": true }));
    let answer: Value = submit(entry.to_file()).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer, json!({ "new": false }));
    let back = ask(&node, Method::GET, &format!("/api/v1/entries/{}", entry.id())).header("accept", "application/cbor");
    assert_eq!(back.send().await.expect("an answer").bytes().await.expect("bytes"), entry.to_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn live_events_tell_of_new_entries_and_places_are_limited() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("ours");
    std::fs::write(place.data().join("config.toml"), "[http]\nmax_streams = 1\n").expect("ours");
    let node = place.serve(&[]);
    let mut events = get(&node, "/api/v1/events?topic=lobby").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(code(get(&node, "/api/v1/events").await).await, (503, "too_many_streams".into()));
    let entry = post(&node, "news").await;
    let mut text = String::new();
    while !text.contains("event: entry") || !text.ends_with("\n\n") {
        text.push_str(
            std::str::from_utf8(&events.chunk().await.expect("a piece").expect("not the end")).expect("UTF-8"),
        );
    }
    assert!(text.contains("event: ready") && text.contains(entry["id"].as_str().expect("an id")), "{text}");
    drop(events);
    common::eventually("a place is free again", || {
        place.run_with(&["watch", "lobby", "--count", "0"], &[], "").code == 0
    });
    assert_eq!(node.terminate(), 0, "an open stream does not hold up the end");
}

#[tokio::test]
async fn content_is_served_by_its_cid() {
    let place = Place::new();
    let node = place.serve(&[]);
    let content: Vec<u8> = (0..2_500_000u32).map(|n| (n % 251) as u8).collect();
    let path = "/api/v1/attachments?name=data.bin";
    let link =
        ask(&node, Method::POST, path).bearer_auth(&node.token).body(content.clone()).send().await.expect("an answer");
    assert_eq!(link.status(), 201);
    let link: Value = link.json().await.expect("JSON");
    assert_eq!(link["size"], 2_500_000);
    let (status, entry) =
        write(&node, Method::POST, "/api/v1/topics/lobby/entries", json!({ "text": "see file", "links": [link] }))
            .await;
    assert_eq!(status, 201, "{entry}");
    let file = format!("/ipfs/{}?filename=data.bin", link["cid"].as_str().expect("a CID"));
    let answer = get(&node, &file).await;
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-type", "application/octet-stream"),
        ("content-length", "2500000"),
    ] {
        assert_eq!(answer.headers()[header], value);
    }
    assert!(answer.headers()["content-security-policy"].to_str().expect("text").contains("sandbox"));
    assert_eq!(answer.bytes().await.expect("bytes"), content);
    let part = ask(&node, Method::GET, &file).header("range", "bytes=1048570-1048585").send().await.expect("an answer");
    assert_eq!(
        (part.status().as_u16(), part.headers()["content-range"].to_str().expect("text")),
        (206, "bytes 1048570-1048585/2500000")
    );
    assert_eq!(part.bytes().await.expect("bytes"), content[1_048_570..1_048_586]);
    let beyond = ask(&node, Method::GET, &file).header("range", "bytes=2500000-").send().await.expect("an answer");
    assert_eq!(beyond.status(), 416);
}

#[tokio::test]
async fn a_folder_is_listed_and_leaves_as_a_car_that_comes_back() {
    let place = Place::new();
    let node = place.serve(&[]);
    let entry = post(&node, "in the folder").await;
    get(&node, "/api/v1/status?flush=true").await;
    let topic: Value = get(&node, "/api/v1/topics/lobby").await.json().await.expect("JSON");
    let folder = format!("/ipfs/{}", topic["cid"].as_str().expect("a CID"));
    let listing =
        ask(&node, Method::GET, &folder).header("accept", "application/json").send().await.expect("an answer");
    let listing: Value = listing.json().await.expect("JSON");
    let name = listing["entries"][0]["name"].as_str().expect("a name").to_owned();
    assert_eq!(listing["entries"][0]["cid"], entry["file"]);
    assert!(get(&node, &folder).await.text().await.expect("text").contains(&name));
    let raw = get(&node, &format!("{folder}/{name}?format=raw")).await.bytes().await.expect("bytes");
    let file = get(&node, &format!("{folder}/{name}")).await.bytes().await.expect("bytes");
    assert_eq!(raw, file);
    assert_eq!(get(&node, &format!("{folder}/nothing")).await.status(), 404);
    for path in [format!("{folder}?format=car"), "/api/v1/topics/lobby/export".to_owned(), "/api/v1/export".to_owned()]
    {
        let car = get(&node, &path).await.bytes().await.expect("bytes");
        let other = Place::new();
        std::fs::write(other.path("x.car"), &car).expect("ours");
        other.ok(&["import", other.path("x.car").to_str().expect("UTF-8")]);
        assert!(other.ok(&["read", "lobby"]).contains("in the folder"), "{path}");
    }
}

#[tokio::test]
async fn the_description_names_every_route_and_monitors_get_figures() {
    let place = Place::new();
    let node = place.serve(&[]);
    post(&node, "counted").await;
    let api: Value = get(&node, "/api/v1/openapi.json").await.json().await.expect("JSON");
    let paths = api["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        let concrete =
            path.replace("{topic}", "lobby").replace("{id}", "x").replace("{cid}", "x").replace("{path}", "x");
        for method in methods.as_object().expect("methods").keys().filter(|key| *key != "parameters") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            if concrete.ends_with("/events") {
                continue;
            }
            let answer = ask(&node, method.clone(), &concrete).send().await.expect("an answer");
            assert_ne!(answer.status(), 405, "{method} {path} is described and not there");
            let text = answer.text().await.unwrap_or_default();
            assert!(!text.contains("there is nothing at"), "{method} {path} is described and not there");
        }
    }
    assert!(paths.len() >= 20, "{paths:?}");
    let metrics = get(&node, "/metrics").await.text().await.expect("text");
    for name in [
        "tidings_entries 1",
        "tidings_ledger_entries_total 1",
        "tidings_network_bytes_in_total",
        "tidings_http_requests_total{route=\"/api/v1/topics/{topic}/entries\",class=\"2xx\"}",
    ] {
        assert!(metrics.contains(name), "{name} is not in:\n{metrics}");
    }
    assert_eq!(get(&node, "/healthz").await.status(), 200);
    assert_eq!(get(&node, "/readyz").await.status(), 200);
}

#[tokio::test]
async fn the_page_runs_nothing_but_its_own() {
    let place = Place::new();
    let node = place.serve(&[]);
    for (path, media_type) in
        [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")]
    {
        let answer = get(&node, path).await;
        assert!(answer.headers()["content-type"].to_str().expect("text").starts_with(media_type), "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text().await.expect("text");
        for bad in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "onclick=\"",
            "<script>",
            "style=\"",
        ] {
            assert!(!text.contains(bad), "{path} has {bad}");
        }
    }
}

#[test]
fn a_sender_who_dawdles_is_cut_off_and_others_are_served() {
    use std::io::{Read, Write};
    let place = Place::new();
    std::fs::create_dir_all(place.data()).expect("ours");
    std::fs::write(place.data().join("config.toml"), "[http]\ntimeout_seconds = 1\n").expect("ours");
    let node = place.serve(&[]);
    let address = node.url.strip_prefix("http://").expect("plain HTTP").to_owned();
    let head = format!(
        "POST /api/v1/topics/lobby/entries HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        node.token
    );
    let begin = |bytes: &str| {
        let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).expect("not zero");
        stream.write_all(bytes.as_bytes()).expect("it reads");
        stream
    };
    let body = begin(&(head.clone() + "{\"text\":"));
    let halves = [begin(&head[..20]), begin("G"), begin("")];
    place.ok(&["post", "lobby", "in between"]);
    for (at, mut stream) in [body].into_iter().chain(halves).enumerate() {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the node ends it before this gives up");
        let is_told = answer.starts_with(b"HTTP/1.1 408");
        assert!(is_told || at > 0, "{}", String::from_utf8_lossy(&answer));
    }
}
