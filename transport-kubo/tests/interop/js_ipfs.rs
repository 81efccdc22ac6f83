//! js-ipfs's daemon: another server of the same RPC, which differs in many small things.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::daemon::{PATIENCE, interop_dir, port};

/// A running js-ipfs; stopped when dropped.
pub(crate) struct JsIpfs {
    folder: TempDir,
    api_port: u16,
    swarm_port: u16,
    child: Option<Child>,
}

impl JsIpfs {
    /// Makes its folder and starts it.
    pub(crate) fn started() -> JsIpfs {
        let folder = tempfile::Builder::new().prefix("tidings-js-ipfs-").tempdir().expect("a folder");
        let mut js = JsIpfs { folder, api_port: port(), swarm_port: port(), child: None };
        let made = js.command(&["init", "--profile=test"]).output().expect("node runs");
        assert!(made.status.success(), "{made:?}");
        let path = js.folder.path().join("config");
        let text = std::fs::read(&path).expect("a config");
        let mut config: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        config["Addresses"] = json!({
            "Swarm": [format!("/ip4/127.0.0.1/tcp/{}", js.swarm_port)], "Announce": [], "NoAnnounce": [],
            "Delegates": [], "API": format!("/ip4/127.0.0.1/tcp/{}", js.api_port), "Gateway": "/ip4/127.0.0.1/tcp/0",
        });
        config["Bootstrap"] = json!([]);
        config["Discovery"] = json!({ "MDNS": { "Enabled": false }, "webRTCStar": { "Enabled": false } });
        config["Pubsub"] = json!({ "Router": "gossipsub", "Enabled": true });
        config["Swarm"]["DisableNatPortMap"] = json!(true);
        std::fs::write(&path, config.to_string()).expect("written");
        js.start();
        js
    }

    /// Starts it and waits until its RPC answers.
    pub(crate) fn start(&mut self) {
        // A killed one leaves its lock.
        let _ = std::fs::remove_dir_all(self.folder.path().join("repo.lock"));
        let log = std::fs::File::create(self.folder.path().join("daemon.log")).expect("a log");
        let errors = log.try_clone().expect("a log");
        let mut command = self.command(&["daemon", "--enable-preload=false"]);
        self.child = Some(command.stdout(log).stderr(errors).spawn().expect("node runs"));
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.api_port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "no RPC: {}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill is there").success());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let script: PathBuf = interop_dir().join("js-ipfs/node_modules/ipfs/src/cli.js");
        assert!(script.exists(), "{} is missing: run scripts/interop-peers first", script.display());
        let mut command = Command::new("node");
        command.arg(script).args(arguments).env("IPFS_PATH", self.folder.path()).stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default()
    }
}

impl Drop for JsIpfs {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- js-ipfs at {}\n{}", self.api(), self.log());
        }
        self.kill();
    }
}
