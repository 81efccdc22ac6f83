//! The played daemon: enough of the RPC for one node, and knobs for what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tidings_ledger::car::CarReader;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::Blocks;
use tidings_transport_kubo::{Config, KuboTransport, Times};

/// The daemon's name.
pub(crate) const ME: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
/// Somebody else's.
pub(crate) const OTHER: &str = "12D3KooWFP3jTLPUSiaGoX8jT7MhDMwjda18BP62iLG6zQQ3v2jA";

/// What it holds, what it was asked, and how it behaves.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) blocks: BTreeMap<Cid, Bytes>,
    pub(crate) pins: BTreeSet<String>,
    /// Commands in their order, with their first arguments; not those that only look.
    pub(crate) calls: Vec<(String, Vec<String>)>,
    /// What the subscription says.
    pub(crate) lines: Vec<String>,
    /// Commands that are refused this many times more.
    pub(crate) refuse: BTreeMap<&'static str, usize>,
    /// Commands that are never answered.
    pub(crate) stall: BTreeSet<&'static str>,
    /// What is answered to `id` instead of the truth.
    pub(crate) id: Option<&'static str>,
    /// Says of imports that one block less arrived, this many times more.
    pub(crate) lose_a_block: usize,
}

/// A played daemon, and the transport over it.
pub(crate) struct Played {
    pub(crate) stage: Arc<Mutex<Stage>>,
    pub(crate) api: String,
}

impl Played {
    pub(crate) async fn new() -> Played {
        let stage = Arc::new(Mutex::new(Stage::default()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let api = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = stage.clone();
        let play =
            move |Query(query): Query<Vec<(String, String)>>, request: Request| answer(shared.clone(), query, request);
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(play)).await });
        Played { stage, api }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config { api: self.api.clone(), ..Config::default() };
        config.times = Times {
            call: Duration::from_secs(5),
            probe: Duration::from_millis(500),
            probe_every: Duration::from_millis(100),
            look_every: Duration::from_millis(100),
            ..Times::default()
        };
        config.pins.every = Duration::from_millis(20);
        config.pins.keep_old = Duration::from_millis(100);
        config
    }

    pub(crate) async fn transport(&self, blocks: Arc<dyn Blocks>) -> Arc<KuboTransport> {
        KuboTransport::start(self.config(), blocks).await.expect("it starts")
    }

    /// The calls of these commands, in their order.
    pub(crate) fn calls(&self, commands: &[&str]) -> Vec<(String, Vec<String>)> {
        let stage = self.stage.lock();
        stage.calls.iter().filter(|(command, _)| commands.contains(&command.as_str())).cloned().collect()
    }
}

async fn answer(stage: Arc<Mutex<Stage>>, query: Vec<(String, String)>, request: Request) -> Response<Body> {
    let command = request.uri().path().trim_start_matches("/api/v0/").to_owned();
    let body = to_bytes(request.into_body(), 64 << 20).await.expect("a body");
    let arguments: Vec<String> = query.into_iter().filter(|(name, _)| name == "arg").map(|(_, value)| value).collect();
    if stage.lock().stall.contains(command.as_str()) {
        std::future::pending::<()>().await;
    }
    if command == "pubsub/sub" {
        let lines = stage.lock().lines.join("\n") + "\n";
        let stream = futures::stream::once(async { Ok::<_, std::io::Error>(lines) }).chain(futures::stream::pending());
        return Response::new(Body::from_stream(stream));
    }
    let mut stage = stage.lock();
    stage.calls.push((command.clone(), arguments.clone()));
    if let Some(left) = stage.refuse.get_mut(command.as_str()).filter(|left| **left > 0) {
        *left -= 1;
        return refusal("not today");
    }
    let told = match command.as_str() {
        "id" => match stage.id {
            Some(text) => return Response::new(Body::from(text)),
            None => json!({ "ID": ME, "AgentVersion": "played/1", "Addresses": null }),
        },
        "block/get" => match stage.blocks.get(&arguments[0].parse().expect("a CID")) {
            Some(bytes) => return Response::new(Body::from(bytes.clone())),
            None => return refusal("block was not found locally"),
        },
        "dag/import" => import(&mut stage, &body),
        "pin/add" | "pin/update" => {
            stage.pins.extend(arguments.last().cloned());
            json!({ "Pins": arguments })
        }
        "pin/rm" if !stage.pins.remove(&arguments[0]) => return refusal("not pinned or pinned indirectly"),
        "pin/ls" => {
            json!({ "Keys": stage.pins.iter().map(|pin| (pin.clone(), json!({}))).collect::<BTreeMap<_, _>>() })
        }
        "pin/rm" | "pubsub/pub" | "swarm/connect" => json!({}),
        "pubsub/peers" => json!({ "Strings": [OTHER] }),
        "swarm/peers" => json!({ "Peers": null }),
        _ => return status(404, "404 page not found"),
    };
    Response::new(Body::from(told.to_string()))
}

/// Takes the blocks out of the CAR that is the one file of the upload.
fn import(stage: &mut Stage, body: &[u8]) -> Value {
    let start = body.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let end = body.windows(4).rposition(|four| four == b"\r\n--").expect("a tail");
    let mut reader = CarReader::new(&body[start..end]).expect("a CAR");
    let mut count = 0;
    while let Some((cid, bytes)) = reader.next_block().expect("a block") {
        stage.blocks.insert(cid, bytes);
        count += 1;
    }
    let lost = usize::from(stage.lose_a_block > 0);
    stage.lose_a_block -= lost;
    json!({ "Stats": { "BlockCount": count - lost } })
}

fn refusal(message: &str) -> Response<Body> {
    status(500, &json!({ "Message": message, "Code": 0, "Type": "error" }).to_string())
}

fn status(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// A node that holds nothing.
pub(crate) struct Nothing;

impl Blocks for Nothing {
    fn get(&self, _: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

/// Waits until it holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
