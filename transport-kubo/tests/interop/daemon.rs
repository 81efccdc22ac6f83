//! Kubo daemons for tests: own folder, loopback only, no bootstrap, no mDNS, no relay; stopped by id when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Where the software of others is kept; as scripts/interop-peers has it.
pub(crate) fn interop_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let folder = variable("TIDINGS_INTEROP_DIR").or_else(|| Some(cache()?.join("tidings/interop")));
    folder.expect("a home folder")
}

/// One of its programs.
pub(crate) fn program(name: &str) -> PathBuf {
    let program = interop_dir().join("bin").join(name);
    assert!(program.exists(), "{} is missing: run scripts/interop-peers first", program.display());
    program
}

/// A free port. Somebody may take it before it is used, which a test then says.
pub(crate) fn port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port()
}

/// A daemon's folder, and the daemon while it runs.
pub(crate) struct Daemon {
    pub(crate) folder: TempDir,
    pub(crate) api_port: u16,
    pub(crate) swarm_port: u16,
    /// What a new folder holds pinned of itself.
    own_pins: Vec<String>,
    child: Option<Child>,
}

impl Daemon {
    /// Makes the folder; the daemon is not started.
    pub(crate) fn new() -> Daemon {
        Daemon::at(port())
    }

    /// Makes a folder for a daemon whose RPC is at this port.
    pub(crate) fn at(api_port: u16) -> Daemon {
        let folder = tempfile::Builder::new().prefix("tidings-kubo-").tempdir().expect("a folder");
        let mut daemon = Daemon { folder, api_port, swarm_port: port(), own_pins: Vec::new(), child: None };
        let made = daemon.ipfs(&["init", "--profile=test"]);
        assert!(made.status.success(), "{made:?}");
        let path = daemon.folder.path().join("config");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("a config")).expect("JSON");
        let swarm = format!("/ip4/127.0.0.1/tcp/{}", daemon.swarm_port);
        config["Addresses"]["Swarm"] = json!([swarm]);
        config["Addresses"]["API"] = json!(format!("/ip4/127.0.0.1/tcp/{}", daemon.api_port));
        config["Addresses"]["Gateway"] = json!("");
        config["Bootstrap"] = json!([]);
        config["Pubsub"] = json!({ "Enabled": true });
        config["Discovery"]["MDNS"]["Enabled"] = json!(false);
        config["Swarm"]["RelayClient"] = json!({ "Enabled": false });
        config["Swarm"]["RelayService"] = json!({ "Enabled": false });
        config["AutoTLS"] = json!({ "Enabled": false });
        config["Routing"]["Type"] = json!("dhtserver");
        std::fs::write(&path, config.to_string()).expect("written");
        daemon.own_pins = daemon.pins();
        daemon
    }

    /// Makes the folder and starts the daemon.
    pub(crate) fn started() -> Daemon {
        let mut daemon = Daemon::new();
        daemon.start();
        daemon
    }

    /// Starts the daemon and waits until its RPC answers.
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("daemon.log")).expect("a log");
        let errors = log.try_clone().expect("a log");
        let child = self.command(&["daemon"]).stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(child.expect("the daemon starts"));
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.api_port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "no RPC: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default()
    }

    pub(crate) fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the `ipfs` program in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("ipfs"));
        command.env("IPFS_PATH", self.path()).env("IPFS_TELEMETRY", "off").args(arguments);
        command
    }

    /// Runs one to its end.
    pub(crate) fn ipfs(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().expect("the program runs")
    }

    /// What it prints, if it succeeds.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let output = self.ipfs(arguments);
        assert!(output.status.success(), "ipfs {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Recursive pins that somebody made.
    pub(crate) fn pins(&self) -> Vec<String> {
        let pins = self.ask(&["pin", "ls", "--type=recursive", "--quiet"]);
        pins.lines().map(str::to_owned).filter(|pin| !self.own_pins.contains(pin)).collect()
    }

    /// Its address for others.
    pub(crate) fn address(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", self.swarm_port, self.ask(&["config", "Identity.PeerID"]))
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill is there").success());
    }

    /// Ends it without a chance to do anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- daemon at {}\n{}", self.api(), self.log());
        }
        self.kill();
    }
}
