//! The client against servers that behave as daemons do on bad days.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{Address, Call, Rpc, RpcError};
use crate::counters::Counters;

/// Short, where a test waits for it to run out.
const SHORT: Duration = Duration::from_millis(150);
/// Long, where it must not run out.
const LONG: Duration = Duration::from_secs(60);

type Stream = stream::BoxStream<'static, Result<Bytes, Infallible>>;

fn parts(parts: &[&'static str]) -> Stream {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect::<Vec<_>>()).boxed()
}

fn then_silence(before: &[&'static str]) -> Stream {
    parts(before).chain(stream::pending()).boxed()
}

fn answer(request: &Request) -> Response<Body> {
    let command = request.uri().path().trim_start_matches("/api/v0/").to_owned();
    let streamed = |stream: Stream| Response::new(Body::from_stream(stream));
    let refused = |status: u16, text: &'static str| {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        response
    };
    match command.as_str() {
        "well" => Response::new(Body::from(r#"{"a":1}"#)),
        "garbage" => Response::new(Body::from("<html>welcome</html>")),
        "large" => Response::new(Body::from(vec![b'x'; 5000])),
        "endless" => streamed(stream::repeat(Ok(Bytes::from_static(&[b'x'; 100]))).boxed()),
        "hung-in-answer" => streamed(then_silence(&[r#"{"a":"#])),
        "broken" => {
            let begun = stream::once(async { Ok(Bytes::from_static(b"{\"a\":1}\n{\"a\":")) });
            // What was begun has to be on its way before the connection is cut.
            let cut = stream::once(async {
                tokio::time::sleep(SHORT).await;
                Err(std::io::Error::other("cut"))
            });
            let end = begun.chain(cut);
            Response::new(Body::from_stream(end))
        }
        "refused" => refused(500, r#"{"Message":"merkledag: not found","Code":0,"Type":"error"}"#),
        "refused-at-length" => {
            let mut response = streamed(stream::repeat(Ok(Bytes::from_static(&[b'x'; 1000]))).boxed());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
        "no-such-command" => refused(404, "404 page not found"),
        "away" => refused(502, ""),
        "lines" => streamed(parts(&["{\"n\":1}\n{\"n\"", ":2}\n\n", "{\"n\":3}"])),
        "lines-and-silence" => streamed(then_silence(&["{\"n\":1}\n"])),
        "lines-with-garbage" => streamed(parts(&["{\"n\":1}\nrubbish\n{\"n\":3}\n"])),
        "elsewhere" => {
            let mut response = refused(307, "");
            response.headers_mut().insert(LOCATION, "/api/v0/well".parse().expect("a value"));
            response
        }
        "secret" if request.headers().get(AUTHORIZATION).is_some_and(|value| value == "Bearer token") => {
            Response::new(Body::from("{}"))
        }
        "secret" => refused(403, "forbidden"),
        other => panic!("{other} is not played here"),
    }
}

/// A server, a client of it, and how many requests came in.
async fn server() -> (Rpc, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let play = move |request: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            if request.uri().path().ends_with("/hung") {
                std::future::pending::<()>().await;
            }
            answer(&request)
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let api = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(play)).await });
    (client(&api, "bearer:token"), requests)
}

fn client(api: &str, secret: &str) -> Rpc {
    Rpc::new(Address::parse(api, secret).expect("an address"), Arc::new(Counters::default())).expect("a client")
}

async fn json(rpc: &Rpc, command: &'static str, time: Duration) -> Result<Value, RpcError> {
    rpc.json(Call::new(command, time).limit(4000)).await
}

#[tokio::test]
async fn a_daemon_that_hangs_before_or_in_its_answer_ends_the_call_in_time() {
    let (rpc, _) = server().await;
    for command in ["hung", "hung-in-answer"] {
        let error = json(&rpc, command, SHORT).await.expect_err("it hangs");
        assert_eq!(error, RpcError::Timeout { command, after: SHORT });
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_not_a_short_answer() {
    let (rpc, _) = server().await;
    assert!(matches!(json(&rpc, "broken", LONG).await, Err(RpcError::Cut(_))));
    let mut lines = rpc.lines(Call::new("broken", LONG)).await.expect("it begins well");
    assert_eq!(lines.next::<Value>().await.expect("a line"), Some(serde_json::json!({ "a": 1 })));
    assert!(matches!(lines.next::<Value>().await, Err(RpcError::Cut(_))));
}

#[tokio::test]
async fn an_answer_longer_than_any_honest_one_does_not_fill_the_memory() {
    let (rpc, _) = server().await;
    for command in ["large", "endless"] {
        assert_eq!(json(&rpc, command, LONG).await, Err(RpcError::TooLarge { limit: 4000 }), "{command}");
    }
    let mut lines = rpc.lines(Call::new("endless", LONG).limit(4000)).await.expect("it begins well");
    assert_eq!(lines.next::<Value>().await, Err(RpcError::TooLarge { limit: 4000 }));
    let refused = json(&rpc, "refused-at-length", LONG).await.expect_err("refused");
    assert!(refused.to_string().len() < 1000, "{refused}");
}

#[tokio::test]
async fn garbage_is_named_as_such_and_the_daemons_own_words_are_passed_on() {
    let (rpc, _) = server().await;
    assert_eq!(json(&rpc, "well", LONG).await, Ok(serde_json::json!({ "a": 1 })));
    assert!(matches!(json(&rpc, "garbage", LONG).await, Err(RpcError::Malformed(_))));
    let refused = json(&rpc, "refused", LONG).await.expect_err("refused");
    assert!(refused.says("merkledag: not found") && !refused.is_outage() && !refused.is_unsupported(), "{refused}");
    assert!(json(&rpc, "no-such-command", LONG).await.expect_err("refused").is_unsupported());
}

#[tokio::test]
async fn lines_are_told_apart_however_they_are_cut_into_packets() {
    let (rpc, _) = server().await;
    let mut lines = rpc.lines(Call::new("lines", LONG)).await.expect("it begins");
    let mut found = Vec::new();
    while let Some(line) = lines.next::<Value>().await.expect("a line") {
        found.push(line["n"].as_u64().expect("a number"));
    }
    assert_eq!(found, [1, 2, 3], "the last one without an end of line");
}

#[tokio::test]
async fn a_line_of_garbage_does_not_end_the_stream() {
    let (rpc, _) = server().await;
    let mut lines = rpc.lines(Call::new("lines-with-garbage", LONG)).await.expect("it begins");
    assert!(lines.next::<Value>().await.expect("a line").is_some());
    assert!(matches!(lines.next::<Value>().await, Err(RpcError::Malformed(_))));
    assert_eq!(lines.next::<Value>().await.expect("a line"), Some(serde_json::json!({ "n": 3 })));
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_unless_silence_is_its_nature() {
    let (rpc, _) = server().await;
    let mut lines = rpc.lines(Call::new("lines-and-silence", SHORT)).await.expect("it begins");
    assert!(lines.next::<Value>().await.expect("a line").is_some());
    let command = "lines-and-silence";
    assert_eq!(lines.next::<Value>().await, Err(RpcError::Timeout { command, after: SHORT }));
    let mut lines = rpc.lines(Call::new(command, SHORT)).await.expect("it begins").patient();
    assert!(lines.next::<Value>().await.expect("a line").is_some());
    assert!(tokio::time::timeout(3 * SHORT, lines.next::<Value>()).await.is_err(), "it waits on");
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_is_left_alone_until_it_is_probed() {
    let (rpc, requests) = server().await;
    for command in ["hung", "hung", "away"] {
        assert!(json(&rpc, command, SHORT).await.expect_err("an outage").is_outage(), "{command}");
    }
    let before = requests.load(Ordering::Relaxed);
    assert_eq!(json(&rpc, "well", LONG).await, Err(RpcError::Down));
    assert_eq!(requests.load(Ordering::Relaxed), before, "it was not asked");
    assert!(rpc.json::<Value>(Call::new("well", LONG).probe()).await.is_ok(), "a probe passes");
    rpc.breaker.set_open(false);
    assert!(json(&rpc, "well", LONG).await.is_ok());
}

#[tokio::test]
async fn a_block_that_nobody_has_does_not_count_against_the_daemon() {
    let (rpc, _) = server().await;
    for _ in 0..5 {
        let call = Call::new("hung", SHORT).waits_for_others();
        assert!(matches!(rpc.bytes(call).await, Err(RpcError::Timeout { .. })));
    }
    assert!(rpc.breaker.lets_through());
}

#[tokio::test]
async fn nobody_there_is_said_in_plain_words() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port();
    let rpc = client(&format!("http://127.0.0.1:{port}"), "");
    let error = json(&rpc, "well", LONG).await.expect_err("nobody is there");
    assert!(matches!(&error, RpcError::Unreachable(why) if why.contains("refused")), "{error}");
}

#[tokio::test]
async fn a_daemon_cannot_send_the_client_elsewhere_and_the_secret_goes_only_to_it() {
    let (rpc, requests) = server().await;
    let error = json(&rpc, "elsewhere", LONG).await.expect_err("not followed");
    assert!(matches!(error, RpcError::Refused { status: 307, .. }), "{error}");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    assert!(json(&rpc, "secret", LONG).await.is_ok());
}
