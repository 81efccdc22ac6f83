//! The real binary, in folders of its own, for a bounded time.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// More than anything here takes on a busy machine; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A data folder and what is run on it.
pub struct Place {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A path beside the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
            command.env_remove(name);
        }
        command.env("TIDINGS_DATA", self.data()).env("TIDINGS_P2P_DHT", "off").args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[], "")
    }

    /// Runs a command with more environment and some input.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        // Whoever does not read its input may close it.
        std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let read = |mut from: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = from.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let (out, err) = (read(Box::new(out)), read(Box::new(err)));
        let code = wait(&mut child);
        Ended { code, out: out.join().expect("read"), err: err.join().expect("read") }
    }

    /// Runs a shell script as the root of namespaces of its own, so that it may mount; `None` where nobody may.
    pub fn in_namespace(&self, script: &str, environment: &[(&str, &Path)]) -> Option<Ended> {
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--mount"]);
            command
        };
        let mount = unshare().args(["mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null()).status();
        if !mount.is_ok_and(|status| status.success()) {
            return None;
        }
        let ended = unshare()
            .args(["timeout", "100", "sh", "-c", script])
            .env("TIDINGS", env!("CARGO_BIN_EXE_tidings"))
            .env("TIDINGS_DATA", self.data())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("unshare is there");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Ended { code: ended.status.code().unwrap_or(-1), out: text(&ended.stdout), err: text(&ended.stderr) })
    }

    /// Runs a command that has to succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "tidings {arguments:?}: {ended:?}");
        ended.out
    }

    /// Runs a command that has to succeed, and reads the JSON that it prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        serde_json::from_str(self.ok(&arguments).trim()).expect("one JSON value")
    }

    /// Starts a node on free ports.
    pub fn serve(&self, arguments: &[&str]) -> Served {
        let mut all =
            vec!["serve", "--json", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--until-stdin-ends"];
        all.extend_from_slice(arguments);
        let log = std::fs::File::create(self.path("serve.log")).expect("a log");
        let mut child =
            self.command(&all).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = lines.read_line(&mut line);
            let _ = sender.send(line);
            // The pipe stays open for as long as the node runs.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let line = told.recv_timeout(PATIENCE).expect("the node says that it runs");
        let log = || std::fs::read_to_string(self.path("serve.log")).unwrap_or_default();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no start: {line:?} {}", log()));
        let token = std::fs::read_to_string(self.data().join("token")).expect("a token").trim().to_owned();
        Served { child, url: told["url"].as_str().expect("an address").to_owned(), token, told }
    }
}

/// A running node; killed when dropped.
pub struct Served {
    child: Child,
    pub url: String,
    pub token: String,
    pub told: Value,
}

impl Served {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a chance to do anything.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        let _ = self.child.wait();
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn terminate(mut self) -> i32 {
        let done = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill is there");
        assert!(done.success());
        wait(&mut self.child)
    }

    pub fn address(&self) -> String {
        self.told["listen"][0].as_str().expect("an address").to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> i32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return status.code().unwrap_or(-1);
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("a command did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asks until it holds, or panics.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come about within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Names below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
