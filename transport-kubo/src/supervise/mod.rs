//! Running the daemon: started, watched, started again when it dies, hangs or grows too large, and stopped at the end.

mod command;
mod memory;
mod process;

pub(crate) use command::words;
pub(crate) use process::Process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::SuperviseConfig;
use crate::error::StartError;
use crate::rpc::{Backoff, Call};
use crate::shared::Shared;
use crate::status::ProcessStatus;

/// Between two looks at a running daemon.
const LOOK: Duration = Duration::from_secs(1);
/// A run that lasted so long was a good one: the next failure is not the next in a row.
const GOOD: Duration = Duration::from_secs(120);
/// Waits between two starts.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is told of the supervised daemon; nothing if there is none.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<Option<ProcessStatus>>);

impl Watched {
    /// The state now.
    pub(crate) fn status(&self) -> Option<ProcessStatus> {
        self.0.lock().clone()
    }

    fn set(&self, change: impl FnOnce(&mut ProcessStatus)) {
        let none = ProcessStatus { pid: None, memory: None, restarts: 0, ended: None };
        change(self.0.lock().get_or_insert(none));
    }
}

/// Starts the daemon, unless one answers already. An error if the command cannot be run at all.
pub(crate) async fn begin(shared: &Shared, config: &SuperviseConfig) -> Result<Option<Process>, StartError> {
    shared.watched.set(|_| ());
    if is_there(shared).await {
        tracing::warn!(api = %shared.rpc.shown(), "a daemon runs there already; one is started when it is gone");
        return Ok(None);
    }
    let process = Process::start(&config.command)
        .map_err(|reason| StartError::Supervise { command: config.command.clone(), reason: reason.to_string() })?;
    shared.watched.set(|status| status.pid = process.pid());
    Ok(Some(process))
}

async fn is_there(shared: &Shared) -> bool {
    shared.rpc.bytes(Call::new("id", shared.config.times.probe).probe()).await.is_ok()
}

/// Runs until `stop` is told; then the daemon is stopped.
pub(crate) async fn run(
    shared: Arc<Shared>,
    config: SuperviseConfig,
    first: Option<Process>,
    mut stop: tokio::sync::oneshot::Receiver<()>,
) {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut process = first;
    loop {
        let begun = Instant::now();
        let why = match &mut process {
            Some(process) => tokio::select! {
                why = watch(&shared, &config, process) => why,
                _ = &mut stop => {
                    process.stop(config.stop).await;
                    shared.watched.set(|status| status.pid = None);
                    return;
                }
            },
            None => tokio::select! {
                why = stranger(&shared, &config) => why,
                _ = &mut stop => return,
            },
        };
        if let Some(process) = &mut process {
            process.stop(config.stop).await;
        }
        if begun.elapsed() >= GOOD {
            backoff.reset();
        }
        let wait = backoff.next();
        tracing::warn!(why, wait_seconds = wait.as_secs_f64(), "the Kubo daemon is started again");
        shared.watched.set(|status| (status.pid, status.memory, status.ended) = (None, None, Some(why)));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = &mut stop => return,
        }
        process = restart(&shared, &config).await;
    }
}

async fn restart(shared: &Shared, config: &SuperviseConfig) -> Option<Process> {
    if is_there(shared).await {
        return None;
    }
    match Process::start(&config.command) {
        Ok(process) => {
            shared.counters.daemon_restarts.add(1);
            shared.watched.set(|status| {
                status.pid = process.pid();
                status.restarts += 1;
            });
            Some(process)
        }
        Err(error) => {
            tracing::error!(command = config.command, %error, "the Kubo daemon cannot be started");
            None
        }
    }
}

/// Watches a process until there is a reason to start it again; gives the reason.
async fn watch(shared: &Shared, config: &SuperviseConfig, process: &mut Process) -> String {
    let begun = Instant::now();
    loop {
        tokio::select! {
            ended = process.ended() => return ended,
            () = tokio::time::sleep(LOOK) => {}
        }
        let memory = process.pid().and_then(memory::resident);
        shared.watched.set(|status| status.memory = memory);
        if let Some(memory) = memory.filter(|memory| config.max_memory > 0 && *memory > config.max_memory) {
            return format!("it took {memory} bytes of memory, more than {}", config.max_memory);
        }
        let state = shared.health.now();
        let silent = state.since.max(begun).elapsed();
        if !state.up && silent >= config.hung {
            return format!("it did not answer for {} s", silent.as_secs());
        }
    }
}

/// Waits for somebody else's daemon to go away; or, where none could be started, for a while.
async fn stranger(shared: &Shared, config: &SuperviseConfig) -> String {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let state = shared.health.now();
        if !state.up && state.since.max(begun).elapsed() >= FIRST_WAIT.min(config.hung) {
            return "no daemon answers".to_owned();
        }
    }
}
