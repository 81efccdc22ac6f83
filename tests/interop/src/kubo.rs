//! A current Kubo daemon, driven the way its users drive it: by its command line.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::install::{log, tool};
use crate::peer::{Message, Peer};
use crate::wait::{LONG, eventually};

/// A daemon in a folder of its own; killed when dropped.
pub struct KuboDaemon {
    repo: TempDir,
    daemon: Child,
    /// `ipfs pubsub sub`, one for each channel.
    listening: Mutex<Vec<Child>>,
    heard: Sender<Message>,
    messages: Mutex<Receiver<Message>>,
    /// What the commands run under: `ip netns exec NAME`, or nothing.
    within: Vec<String>,
    software: String,
    id: String,
    address: String,
}

impl KuboDaemon {
    /// A new one on loopback.
    pub fn start() -> Self {
        Self::start_in("127.0.0.1", &[])
    }

    /// A new one that listens on this address; every command of it runs under `within`, such as `ip netns exec NAME`.
    pub fn start_in(host: &str, within: &[&str]) -> Self {
        let repo = tempfile::tempdir().expect("a temporary folder");
        let within: Vec<String> = within.iter().map(|&word| word.to_owned()).collect();
        // The profile: nothing leaves this machine; loopback addresses count in the DHT of the local network.
        run(command(repo.path(), &within).args(["init", "--empty-repo", "--profile=test"]), b"").expect("a repository");
        configure(&repo.path().join("config"), host);
        let mut daemon = command(repo.path(), &within)
            .args(["daemon"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log("kubo"))
            .spawn()
            .expect("the daemon starts");
        let (told, ready) = channel();
        let lines = BufReader::new(daemon.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            // It goes on reading, for the pipe must stay open.
            for line in lines.lines().map_while(Result::ok) {
                if line.contains("Daemon is ready") {
                    let _ = told.send(());
                }
            }
        });
        ready.recv_timeout(LONG).expect("the daemon says that it is ready");
        let (heard, messages) = channel();
        let mut this = KuboDaemon {
            repo,
            daemon,
            listening: Mutex::default(),
            heard,
            messages: Mutex::new(messages),
            within,
            software: String::new(),
            id: String::new(),
            address: String::new(),
        };
        let told: Value = serde_json::from_str(&this.must(&["id"])).expect("JSON");
        this.software = told["AgentVersion"].as_str().expect("a text").trim_end_matches('/').to_owned();
        this.id = told["ID"].as_str().expect("a text").to_owned();
        this.address = told["Addresses"][0].as_str().expect("a text").to_owned();
        this
    }

    /// Runs `ipfs` with these arguments; what it printed, or what it complained of.
    pub fn run(&self, args: &[&str]) -> Result<String, String> {
        self.feed(args, b"").map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Runs `ipfs` with these arguments and some input; the bytes that it printed.
    pub fn feed(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        run(command(self.repo.path(), &self.within).arg("--timeout=240s").args(args), input)
    }

    /// Runs `ipfs`, which has to succeed.
    pub fn must(&self, args: &[&str]) -> String {
        self.run(args).unwrap_or_else(|error| panic!("ipfs {args:?}: {error}"))
    }

    /// Where its RPC is, as a multiaddress.
    pub fn api(&self) -> String {
        std::fs::read_to_string(self.repo.path().join("api")).expect("a running daemon says so").trim().to_owned()
    }

    fn list(&self, args: &[&str]) -> Vec<String> {
        self.must(args).lines().map(str::to_owned).collect()
    }
}

impl Peer for KuboDaemon {
    fn software(&self) -> &str {
        &self.software
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn connect(&self, address: &str) {
        self.must(&["swarm", "connect", address]);
    }

    fn peers(&self) -> Vec<String> {
        let last = |line: String| line.rsplit('/').next().unwrap_or_default().to_owned();
        self.list(&["swarm", "peers"]).into_iter().map(last).collect()
    }

    fn add(&self, path: &Path) -> String {
        self.must(&["add", "-Q", "-r", path.to_str().expect("a plain path")])
    }

    fn get(&self, cid: &str, to: &Path) -> Result<(), String> {
        self.run(&["get", "-o", to.to_str().expect("a plain path"), cid]).map(drop)
    }

    fn pin(&self, cid: &str) -> Result<(), String> {
        self.run(&["pin", "add", cid]).map(drop)
    }

    fn subscribe(&self, topic: &str) {
        let mut listening = command(self.repo.path(), &self.within)
            .args(["pubsub", "sub", "--enc=json", topic])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ipfs starts");
        let lines = BufReader::new(listening.stdout.take().expect("piped"));
        let heard = self.heard.clone();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = heard.send(message(&line));
            }
        });
        self.listening.lock().expect("nobody panicked here").push(listening);
        eventually("Kubo listens", || self.list(&["pubsub", "ls"]).iter().any(|known| known == topic));
    }

    fn listeners(&self, topic: &str) -> Vec<String> {
        self.list(&["pubsub", "peers", topic])
    }

    fn publish(&self, topic: &str, data: &[u8]) {
        self.feed(&["pubsub", "pub", topic], data).unwrap_or_else(|error| panic!("ipfs pubsub pub: {error}"));
    }

    fn message(&self, patience: Duration) -> Option<Message> {
        self.messages.lock().expect("nobody panicked here").recv_timeout(patience).ok()
    }

    fn provide(&self, cid: &str) {
        self.must(&["routing", "provide", cid]);
    }

    fn providers(&self, cid: &str) -> Vec<String> {
        self.run(&["routing", "findprovs", cid]).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for KuboDaemon {
    fn drop(&mut self) {
        let mut listening = self.listening.lock().map(|mut list| std::mem::take(&mut *list)).unwrap_or_default();
        for child in listening.iter_mut().chain([&mut self.daemon]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn command(repo: &Path, within: &[String]) -> Command {
    let ipfs = tool("bin/ipfs");
    let mut command = match within {
        [] => Command::new(ipfs),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(ipfs);
            command
        }
    };
    command.env("IPFS_PATH", repo);
    command
}

/// Runs a command to its end.
fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().expect("piped");
    let mut complaints = child.stderr.take().expect("piped");
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = complaints.read_to_string(&mut text);
        text
    });
    let input = input.to_owned();
    // Whoever does not read its input may close it.
    std::thread::spawn(move || drop(stdin.write_all(&input)));
    let ended = child.wait_with_output().map_err(|error| error.to_string())?;
    let complaints = complaints.join().unwrap_or_default();
    if ended.status.success() { Ok(ended.stdout) } else { Err(complaints.trim().to_owned()) }
}

fn configure(path: &Path, host: &str) {
    let text = std::fs::read_to_string(path).expect("a configuration");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["Addresses"]["Swarm"] = json!([format!("/ip4/{host}/tcp/0")]);
    config["Pubsub"]["Enabled"] = json!(true);
    if host != "127.0.0.1" {
        config["Routing"]["LoopbackAddressesOnLanDHT"] = json!(false);
    }
    config["Swarm"]["RelayClient"]["Enabled"] = json!(false);
    config["Swarm"]["RelayService"]["Enabled"] = json!(false);
    config["Swarm"]["EnableHolePunching"] = json!(false);
    config["AutoNAT"]["ServiceMode"] = json!("disabled");
    std::fs::write(path, config.to_string()).expect("the configuration is written");
}

/// A line of `ipfs pubsub sub --enc=json`.
fn message(line: &str) -> Message {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bytes = |value: &Value| {
        let text = text(value);
        BASE64URL_NOPAD.decode(text.strip_prefix('u').expect("multibase").as_bytes()).expect("base64url")
    };
    let topic = String::from_utf8_lossy(&bytes(&value["topicIDs"][0])).into_owned();
    Message { topic, from: text(&value["from"]), data: bytes(&value["data"]) }
}
