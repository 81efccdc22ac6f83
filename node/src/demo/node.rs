//! A node in a process of its own, which cannot outlive its handle.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{Client, Need, open};
use crate::config::Config;
use crate::exit::{Exit, Failure};

/// How long a node may take to start: with a million entries, and after a crash.
const STARTING: Duration = Duration::from_secs(120);

/// How long a node may take to stop in order before it is killed.
const STOPPING: Duration = Duration::from_secs(20);

/// How a node is started.
#[derive(Debug, Default, Clone)]
pub(crate) struct Start {
    /// Peers to connect with.
    pub(crate) peers: Vec<String>,
    /// Addresses to listen on; free ports, if empty.
    pub(crate) listen: Vec<String>,
}

/// A running node.
pub(crate) struct Node {
    name: String,
    child: Child,
    client: Client,
    addresses: Vec<String>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) catalog: Option<String>,
    pub(crate) topics: u64,
    pub(crate) entries: u64,
    pub(crate) store_bytes: u64,
    pub(crate) memory: u64,
    /// Bytes received in blocks, and in all, as the transport counts.
    pub(crate) received: u64,
    /// Requests of finished pulls, and bytes of the tree nodes that they brought, since its start.
    pub(crate) rounds: u64,
    pub(crate) node_bytes: u64,
    pub(crate) busy: bool,
}

impl Node {
    /// Starts a node whose data is in `folder/name`; returns once it answers.
    pub(crate) async fn start(folder: &Path, name: &str, start: &Start) -> Result<Node, Failure> {
        let data = folder.join(name);
        let mut child = spawn(folder, &data, name, start)?;
        let told = tokio::time::timeout(STARTING, first_line(&mut child)).await;
        let Ok(Some(line)) = told else {
            return Err(Failure::new(Exit::Failed, format!("node {name} did not start: {}", log(folder, name))));
        };
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        let addresses = told["listen"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let addresses = addresses.collect();
        let client = open(&data, &Config::default(), Need::Node).await?;
        Ok(Node { name: name.to_owned(), child, client, addresses })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The way to its API.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Where peers find it.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Connects it with a node at one of these addresses.
    pub(crate) async fn dial(&self, addresses: &[String]) -> Result<(), Failure> {
        let address = addresses.first().ok_or_else(|| Failure::new(Exit::Failed, "the other node has no address"))?;
        let body = serde_json::json!({ "address": address });
        let _: Value = self.client.send_json(axum::http::Method::POST, "/api/v1/peers", &body).await?;
        Ok(())
    }

    /// What it holds, as of its last settling.
    pub(crate) async fn state(&self) -> Result<State, Failure> {
        self.ask("/api/v1/status").await
    }

    /// What it holds, with everything folded in.
    pub(crate) async fn flushed(&self) -> Result<State, Failure> {
        self.ask("/api/v1/status?flush=true").await
    }

    async fn ask(&self, path: &str) -> Result<State, Failure> {
        let status: Value = self.client.get(path).await?;
        let (ledger, network) = (&status["ledger"], &status["network"]["counters"]);
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Ok(State {
            catalog: ledger["catalog"].as_str().map(str::to_owned),
            topics: number(&ledger["topics"]),
            entries: number(&ledger["entries"]),
            store_bytes: number(&ledger["store_bytes"]),
            memory: number(&status["memory_bytes"]),
            received: number(&network["bytes_in"]),
            rounds: number(&ledger["counters"]["rounds"]),
            node_bytes: number(&ledger["counters"]["node_bytes"]),
            busy: number(&ledger["pulling"]) + number(&ledger["waiting"]) > 0,
        })
    }

    /// Ends it as a power cut would end its process: without a chance to do anything.
    pub(crate) async fn kill(mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill().await;
    }

    /// Ends it in order: its standard input ends.
    pub(crate) async fn stop(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(STOPPING, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

fn spawn(folder: &Path, data: &PathBuf, name: &str, start: &Start) -> Result<Child, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("cannot start node {name}: {error}"));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log_path(folder, name)).map_err(failed)?;
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    // Settings of the person's own node are not to reach these.
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
        command.env_remove(variable);
    }
    command.env("TIDINGS_P2P_DHT", "off").env("TIDINGS_P2P_RELAY_CLIENT", "false").env("TIDINGS_LOG_LEVEL", "warn");
    command.args(["serve", "--json", "--mirror", "--until-stdin-ends", "--http", "127.0.0.1:0", "--data"]).arg(data);
    if start.listen.is_empty() {
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0"]);
    }
    for address in &start.listen {
        let plain = address.split("/p2p/").next().unwrap_or(address);
        command.args(["--listen", plain]);
    }
    for peer in &start.peers {
        command.args(["--peer", peer]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().map_err(failed)
}

async fn first_line(child: &mut Child) -> Option<String> {
    BufReader::new(child.stdout.take()?).lines().next_line().await.ok().flatten()
}

fn log_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// The end of a node's log.
fn log(folder: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(log_path(folder, name)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    if lines.is_empty() { "it said nothing".to_owned() } else { lines.into_iter().rev().collect::<Vec<_>>().join("\n") }
}

/// Waits until all nodes hold the same: one catalog CID.
///
/// Everything written so far counts: it is folded in first. Else the nodes could agree on what was before it.
pub(crate) async fn settled(nodes: &[&Node], limit: Duration) -> Result<(), Failure> {
    /// Often enough to time a join to some hundredths of a second, seldom enough to cost nothing.
    const PAUSE: Duration = Duration::from_millis(25);
    let begun = Instant::now();
    for node in nodes {
        node.flushed().await?;
    }
    loop {
        let mut states = Vec::new();
        for node in nodes {
            states.push(node.state().await?);
        }
        let same =
            states.windows(2).all(|pair| pair[0].catalog == pair[1].catalog && pair[0].entries == pair[1].entries);
        if same && states.iter().all(|state| state.catalog.is_some()) {
            return Ok(());
        }
        if begun.elapsed() > limit {
            let shown: Vec<String> = nodes
                .iter()
                .zip(&states)
                .map(|(node, state)| {
                    let catalog = state.catalog.as_deref().unwrap_or("none");
                    format!("{}: {} entries, {} topics, catalog {catalog}", node.name, state.entries, state.topics)
                })
                .collect();
            return Err(Failure::new(
                Exit::Failed,
                format!("the nodes did not agree within {} s:\n  {}", limit.as_secs(), shown.join("\n  ")),
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
