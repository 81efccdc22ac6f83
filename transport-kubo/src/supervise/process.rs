//! One run of the daemon: a process in a group of its own, whose last words are kept.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::words;

/// The longest part of a line that is logged and kept.
const MAX_LINE: usize = 500;

/// A running daemon. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    last_words: Arc<Mutex<String>>,
}

impl Process {
    /// Starts the command. Its output goes to the log, at level debug.
    pub(crate) fn start(command: &str) -> io::Result<Process> {
        let words = words(command).map_err(io::Error::other)?;
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for the node, which then stops the daemon itself, when it is done with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let last_words = Arc::new(Mutex::new(String::new()));
        if let Some(out) = child.stdout.take() {
            tokio::spawn(log(out, None));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(log(err, Some(last_words.clone())));
        }
        let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        tracing::info!(command, pid = child.id(), "the Kubo daemon is started");
        Ok(Process { child, group, last_words })
    }

    /// Its id, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends; says how.
    pub(crate) async fn ended(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => format!("it ended: {status}"),
            Err(error) => format!("it cannot be waited for: {error}"),
        };
        let words = self.last_words.lock().clone();
        if words.is_empty() { how } else { format!("{how}; its last words: {words}") }
    }

    /// Asks it to stop, waits, and kills what is left.
    pub(crate) async fn stop(&mut self, patience: Duration) {
        if self.pid().is_some() {
            self.signal(Signal::TERM);
            // A process that is stopped (SIGSTOP) hears SIGTERM only when it goes on.
            self.signal(Signal::CONT);
            if tokio::time::timeout(patience, self.child.wait()).await.is_err() {
                tracing::warn!("the Kubo daemon does not stop; it is killed");
            }
        }
        // Also what a wrapper left behind.
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // An error means that nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.pid().is_some() {
            self.signal(Signal::KILL);
        }
    }
}

/// Logs what it says line by line, and keeps the last one.
async fn log(mut from: impl AsyncRead + Unpin, last_words: Option<Arc<Mutex<String>>>) {
    let mut buffer = [0; 4096];
    let mut line = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        for byte in &buffer[..count] {
            match byte {
                b'\n' => {
                    let text = String::from_utf8_lossy(&line).trim().to_owned();
                    tracing::debug!(target: "kubo", "{text}");
                    if let Some(last_words) = last_words.as_ref().filter(|_| !text.is_empty()) {
                        *last_words.lock() = text;
                    }
                    line.clear();
                }
                byte if line.len() < MAX_LINE => line.push(*byte),
                _ => {}
            }
        }
    }
}
