//! `tidings status` and `peers`: how the node is doing, and with whom.

use axum::http::Method;
use serde_json::{Value, json};

use super::place::Place;
use crate::client::{Need, open};
use crate::exit::Failure;
use crate::output::{Out, Style, bytes, count, sanitise_line};

/// Show what is held here and how the node is doing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings status\n  tidings status --json | jq -r .ledger.catalog      the CID of everything held"
)]
pub(super) struct Status {}

/// List connected peers, or connect with one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings peers\n  tidings peers --dial /ip4/203.0.113.7/tcp/4281/p2p/12D3Koo…")]
pub(super) struct Peers {
    /// Connect with this peer
    #[arg(long, value_name = "MULTIADDR")]
    dial: Option<String>,
}

pub(super) async fn status(_: Status, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.data()?, &place.settings()?.config, Need::Read).await?;
    let status: Result<Value, Failure> = client.get("/api/v1/status?flush=true").await;
    let is_node = client.is_node();
    client.close().await;
    let status = status?;
    if out.is_json() {
        return out.json(&status);
    }
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let text = |value: &Value| sanitise_line(value.as_str().unwrap_or("–"));
    let ledger = &status["ledger"];
    let line = |out: &mut Out, name: &str, value: String| out.line(format!("{name:<10}{value}"));
    let state = if is_node {
        let (pid, up) = (number(&status["pid"]), number(&status["uptime_seconds"]));
        out.style(Style::Good, format!("running (process {pid}, since {up} s)"))
    } else {
        out.style(Style::Dim, "not running; this is the folder itself")
    };
    line(out, "Node", state)?;
    line(out, "Catalog", text(&ledger["catalog"]))?;
    line(out, "Topics", count(number(&ledger["topics"])))?;
    line(out, "Entries", count(number(&ledger["entries"])))?;
    line(out, "Store", bytes(number(&ledger["store_bytes"])))?;
    if let Some(error) = ledger["last_error"].as_str() {
        line(out, "Trouble", out.style(Style::Bad, sanitise_line(error)))?;
    }
    if is_node {
        line(out, "Memory", bytes(number(&status["memory_bytes"])))?;
        line(
            out,
            "Pulls",
            format!("{} under way, {} waiting", number(&ledger["pulling"]), number(&ledger["waiting"])),
        )?;
        line(out, "Peers", count(number(&status["network"]["peers"])))?;
        let daemon = &status["network"]["daemon"];
        if let Some(api) = daemon["api"].as_str() {
            let state = match daemon["up"].as_bool() {
                Some(true) => out.style(Style::Good, text(&daemon["agent"])),
                _ => out.style(Style::Bad, format!("does not answer: {}", text(&daemon["error"]))),
            };
            line(out, "Daemon", format!("{} ({state})", sanitise_line(api)))?;
            let pins = &status["network"]["pins"];
            let [pinned, waiting] = [&pins["pinned"], &pins["waiting"]].map(number);
            line(out, "Pins", format!("{} topics pinned, {} to do", count(pinned), count(waiting)))?;
        }
        for address in status["network"]["listen"].as_array().into_iter().flatten() {
            line(out, "Address", text(address))?;
        }
    }
    line(out, "Data", text(&status["data"]))
}

pub(super) async fn peers(args: Peers, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let client = open(&place.data()?, &place.settings()?.config, Need::Node).await?;
    if let Some(address) = args.dial {
        let peer: Value = client.send_json(Method::POST, "/api/v1/peers", &json!({ "address": address })).await?;
        return if out.is_json() {
            out.json(&peer)
        } else {
            out.line(format!("Connected with {}", sanitise_line(peer["peer_id"].as_str().unwrap_or_default())))
        };
    }
    let peers: Vec<Value> = client.get("/api/v1/peers").await?;
    if out.is_json() {
        return peers.iter().try_for_each(|peer| out.json(peer));
    }
    if peers.is_empty() {
        return out.line("No peers yet. Connect with one: tidings peers --dial MULTIADDR");
    }
    for peer in &peers {
        let text = |key: &str| sanitise_line(peer[key].as_str().unwrap_or("–"));
        let rtt = peer["rtt_ms"].as_f64().map_or_else(|| "–".to_owned(), |rtt| format!("{rtt:.1} ms"));
        let id = out.style(Style::Bold, text("peer_id"));
        out.line(format!("{id}  {:>9}  {:<8}  {}  {}", rtt, text("direction"), text("address"), text("agent")))?;
    }
    Ok(())
}
