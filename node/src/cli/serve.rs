//! `tidings serve`: the node itself.

use std::io::IsTerminal;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::json;
use tidings_ledger::AuthorKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use super::called;
use super::place::Place;
use crate::client::own_key;
use crate::config::{Config, Transport};
use crate::engine::{Beacon, Engine};
use crate::exit::{Exit, Failure};
use crate::http::{Server, Setting, Shared, bind, router};
use crate::output::Out;
use crate::{keys, logs};

/// Start a node: hold ledgers, meet peers, answer HTTP
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings serve\n  tidings serve --mirror --peer /ip4/203.0.113.7/tcp/4281/p2p/12D3Koo…\n  \
    tidings serve --http 127.0.0.1:0 --listen /ip4/127.0.0.1/tcp/0      any free ports\n  \
    tidings serve --transport kubo --kubo-supervise 'ipfs daemon'       over an IPFS daemon\n\n\
    Stops in order on Ctrl-C and SIGTERM. A node that was killed loses nothing it acknowledged."
)]
pub(super) struct Args {
    /// Where the API and the page listen (instead of http.listen)
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Where peers find this node, as a multiaddress; may be repeated (instead of p2p.listen)
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// A peer to stay connected with; may be repeated (besides p2p.peers)
    #[arg(long, value_name = "MULTIADDR")]
    peer: Vec<String>,
    /// What carries announcements and blocks (instead of node.transport)
    #[arg(long, value_enum, value_name = "NAME")]
    transport: Option<Transport>,
    /// The RPC of the Kubo daemon, or the IPFS proxy of a cluster (instead of kubo.api)
    #[arg(long, value_name = "URL")]
    kubo_api: Option<String>,
    /// Command that starts the Kubo daemon, which is then watched and stopped with the node (instead of kubo.supervise)
    #[arg(long, value_name = "COMMAND")]
    kubo_supervise: Option<String>,
    /// Start a supervised daemon again when it takes more memory (instead of kubo.max_memory_mib)
    #[arg(long, value_name = "MIB")]
    kubo_max_memory: Option<u64>,
    /// Hold every topic of the network, not only those followed
    #[arg(long)]
    mirror: bool,
    /// Print the page's link with the token even where no person looks
    #[arg(long)]
    show_token: bool,
    /// Stop when standard input ends: whoever started this node cannot leave it behind
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

pub(super) async fn run(args: Args, place: &Place, out: &mut Out) -> Result<(), Failure> {
    let mut config = place.settings()?.config;
    apply(&args, &mut config);
    logs::start(&config.log)?;
    if config.node.transport == Transport::Kubo && !args.listen.is_empty() {
        tracing::warn!(
            "--listen has no effect: other nodes reach the Kubo daemon, which listens as its own settings say"
        );
    }
    let data = place.made()?;
    let token = keys::token(&data)?;
    let engine = Engine::online(&data, &config, author(&data)?).await?;
    let listener = match bind(&config.http.listen).await {
        Ok(listener) => listener,
        Err(failure) => {
            engine.close().await;
            return Err(failure);
        }
    };
    let (stop, stopping) = watch::channel(false);
    let instance = instance()?;
    let setting = Setting {
        engine: engine.clone(),
        config: &config,
        token: token.clone(),
        instance: instance.clone(),
        stopping: stopping.clone(),
    };
    let router = router(Shared::new(setting));
    let server = Server { listener, router, connections: places(config.http.max_connections), stopping };
    let address = server.address().map_err(|error| Failure::new(Exit::Failed, error))?;
    let beacon = Beacon { url: url(address), pid: std::process::id(), instance };
    beacon.write(&data)?;
    let with_token = args.show_token || std::io::stdout().is_terminal();
    greet(out, &engine, &beacon, with_token.then_some(token.as_str()))?;
    tracing::info!(url = %beacon.url, data = %data.display(), "running");
    let serving = tokio::spawn(server.run());
    wait_for_signal(args.until_stdin_ends).await?;
    tracing::info!("stopping");
    stop.send_replace(true);
    // The server ends by itself within seconds.
    let _ = serving.await;
    engine.close().await;
    beacon.remove(&data);
    tracing::info!("stopped");
    Ok(())
}

fn apply(args: &Args, config: &mut Config) {
    if let Some(http) = &args.http {
        config.http.listen.clone_from(http);
    }
    if !args.listen.is_empty() {
        config.p2p.listen.clone_from(&args.listen);
    }
    config.p2p.peers.extend(args.peer.iter().cloned());
    config.node.mirror |= args.mirror;
    let kubo = &mut config.kubo;
    let is_kubo = args.kubo_api.is_some() || args.kubo_supervise.is_some() || args.kubo_max_memory.is_some();
    if let Some(transport) = args.transport.or(is_kubo.then_some(Transport::Kubo)) {
        config.node.transport = transport;
    }
    kubo.api = args.kubo_api.clone().unwrap_or_else(|| std::mem::take(&mut kubo.api));
    kubo.supervise = args.kubo_supervise.clone().unwrap_or_else(|| std::mem::take(&mut kubo.supervise));
    kubo.max_memory_mib = args.kubo_max_memory.unwrap_or(kubo.max_memory_mib);
}

/// The author's key, made at the first start. A node whose key is locked runs all the same: it holds, serves and takes
/// in entries that were signed elsewhere.
fn author(data: &Path) -> Result<Option<AuthorKey>, Failure> {
    match own_key(data) {
        Ok(key) => Ok(Some(key)),
        Err(failure) if failure.message.contains("no terminal") => {
            tracing::warn!("the author key is locked, so nothing can be posted with the token: {}", failure.message);
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

fn greet(out: &mut Out, engine: &Engine, beacon: &Beacon, token: Option<&str>) -> Result<(), Failure> {
    let listen = engine.network().map(|network| network.addresses()).unwrap_or_default();
    if out.is_json() {
        let author = engine.author().map(|key| key.author().to_string());
        let value =
            json!({ "url": beacon.url, "pid": beacon.pid, "author": author, "listen": listen, "data": engine.data() });
        out.json(&value)?;
        return out.flush();
    }
    let link = token.map_or_else(|| beacon.url.clone(), |token| format!("{}/#token={token}", beacon.url));
    out.line("Tidings is running.")?;
    out.line(format!("  Page     {link}"))?;
    if token.is_none() {
        out.line(format!("  Token    in {}", engine.data().join("token").display()))?;
    }
    if let Some(key) = engine.author() {
        out.line(format!("  You      {}", key.author()))?;
    }
    if let Some(daemon) = engine.network().and_then(|network| network.daemon()) {
        out.line(format!("  Daemon   {daemon}"))?;
    }
    for (at, address) in listen.iter().enumerate() {
        out.line(format!("  {}{address}", if at == 0 { "Peers    " } else { "         " }))?;
    }
    out.line(format!("  Data     {}", engine.data().display()))?;
    out.line("Type next, in another terminal:")?;
    let program = called::program(engine.data());
    out.line(format!("  {program} post lobby 'Hello, all!'"))?;
    out.line(format!("  {program} read lobby"))?;
    out.line("Ctrl-C stops the node.")?;
    out.flush()
}

/// The address as others on this machine reach it.
fn url(address: std::net::SocketAddr) -> String {
    let host = match address {
        std::net::SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        std::net::SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        std::net::SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        std::net::SocketAddr::V4(v4) => v4.ip().to_string(),
    };
    format!("http://{host}:{}", address.port())
}

fn instance() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, format!("the system gives no random numbers: {error}")))?;
    Ok(HEXLOWER.encode(&bytes))
}

fn places(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

/// Waits for the first signal to stop. A second one ends the process at once; nothing acknowledged is lost by that.
async fn wait_for_signal(until_stdin_ends: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("cannot listen to signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_ended(), if until_stdin_ends => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

async fn stdin_ended() {
    let (ended, heard) = tokio::sync::oneshot::channel();
    // A thread of its own: it reads until the end, which may never come, and must hold up nobody.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = heard.await;
}
