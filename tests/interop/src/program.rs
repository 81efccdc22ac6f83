//! The `tidings` program, as it was built beside the tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use serde_json::Value;
use tempfile::TempDir;

use crate::wait::LONG;

/// A data folder and what is run on it.
pub struct Program {
    folder: TempDir,
    /// What it runs under: `ip netns exec NAME`, or nothing.
    within: Vec<String>,
    /// Settings, as environment variables.
    settings: Vec<(&'static str, String)>,
}

/// A running node; killed when dropped.
pub struct Served {
    child: Child,
    /// Its page, without a slash at the end.
    pub url: String,
    /// Where peers can dial it.
    pub address: String,
}

impl Program {
    /// An empty data folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Program { folder, within: Vec::new(), settings: vec![("TIDINGS_P2P_DHT", "off".to_owned())] }
    }

    /// Runs under this command, such as `ip netns exec NAME`.
    pub fn within(mut self, command: Vec<String>) -> Self {
        self.within = command;
        self
    }

    /// With this setting.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Runs a command to its end: whether it succeeded, and what it printed.
    pub fn run(&self, args: &[&str]) -> (bool, String) {
        let ended = self.command(args).stdin(Stdio::null()).output().expect("it starts");
        let text = [ended.stdout, ended.stderr].concat();
        (ended.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Checks a tree of files with no network: `tidings verify`.
    pub fn verify(path: &Path) -> Value {
        let (good, text) = Program::new().run(&["verify", "--json", path.to_str().expect("a plain path")]);
        assert!(good, "tidings verify: {text}");
        serde_json::from_str(text.trim()).expect("JSON")
    }

    /// Starts a node on free ports.
    pub fn serve(&self, args: &[&str]) -> Served {
        self.serve_at("127.0.0.1", args)
    }

    /// Starts a node that listens for peers at this address.
    pub fn serve_at(&self, host: &str, args: &[&str]) -> Served {
        let listen = format!("/ip4/{host}/tcp/0");
        let fixed = ["serve", "--json", "--http", "127.0.0.1:0", "--listen", &listen];
        let mut child = self
            .command(&[&fixed[..], &["--until-stdin-ends"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, told) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = lines.read_line(&mut line);
            let _ = sender.send(line);
            // The pipe stays open for as long as the node runs.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let line = told.recv_timeout(LONG).expect("the node says that it runs");
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no start: {line:?}"));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Served { child, url: text(&told["url"]), address: text(&told["listen"][0]) }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = match self.within.split_first() {
            None => Command::new(built()),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(built());
                command
            }
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
            command.env_remove(name);
        }
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        command.env("TIDINGS_DATA", self.folder.path()).envs(settings).args(args);
        command
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}

impl Served {
    /// Asks its HTTP side for something; the status and the body.
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("it listens");
        stream.set_read_timeout(Some(LONG)).expect("a time-out");
        // Version 1.0: the body ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let status = String::from_utf8_lossy(&answer[..head]).split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), answer.split_off(head + 4))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside the folder of the test programs.
fn built() -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    let folder = me.ancestors().find(|folder| folder.join("tidings").is_file());
    folder.expect("the program is not built; run: cargo build -p tidings-node").join("tidings")
}
