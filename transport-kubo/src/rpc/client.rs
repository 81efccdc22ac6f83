//! One call to the daemon: sent, timed, bounded, and counted by the breaker.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::address::Address;
use super::breaker::Breaker;
use super::error::RpcError;
use super::lines::Lines;
use super::multipart;
use crate::counters::Counters;
use crate::error::StartError;

/// Time for a connection to come about; the daemon is near, as a rule on the same machine.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that are kept for later calls.
const IDLE: usize = 64;
/// The longest text of a refusal that is read.
const MAX_REFUSAL: usize = 64 * 1024;
/// The longest part of it that is shown.
const MAX_SHOWN: usize = 300;
/// The longest answer to a command that answers with one short JSON text.
const MAX_JSON: usize = 1024 * 1024;

/// The daemon's RPC.
pub(crate) struct Rpc {
    address: Address,
    http: reqwest::Client,
    pub(crate) breaker: Breaker,
    /// Told when the breaker opens, so that probing begins at once.
    pub(crate) trouble: Notify,
    counters: std::sync::Arc<Counters>,
}

/// What is asked.
pub(crate) struct Call {
    command: &'static str,
    arguments: Vec<(&'static str, String)>,
    file: Option<Bytes>,
    timeout: Duration,
    limit: usize,
    /// Whether an open breaker does not hold it up.
    is_probe: bool,
    /// Whether silence says something about the network, not about the daemon.
    waits_for_others: bool,
}

impl Call {
    /// A command with its first argument and a time limit: for the whole answer, or between two parts of a stream.
    pub(crate) fn new(command: &'static str, timeout: Duration) -> Self {
        Call {
            command,
            arguments: Vec::new(),
            file: None,
            timeout,
            limit: MAX_JSON,
            is_probe: false,
            waits_for_others: false,
        }
    }

    /// With a positional argument.
    pub(crate) fn arg(self, value: impl ToString) -> Self {
        self.option("arg", value)
    }

    /// With a named option.
    pub(crate) fn option(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }

    /// With a file as the body.
    pub(crate) fn file(mut self, bytes: Bytes) -> Self {
        self.file = Some(bytes);
        self
    }

    /// With another limit on the bytes of the answer, or on those of one line of it.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// A call that finds out whether the daemon is well again.
    pub(crate) fn probe(mut self) -> Self {
        self.is_probe = true;
        self
    }

    /// A call whose answer the daemon itself has to wait for: running out of time is no fault of the daemon.
    pub(crate) fn waits_for_others(mut self) -> Self {
        self.waits_for_others = true;
        self
    }
}

impl Rpc {
    /// A client. Nothing is sent yet.
    pub(crate) fn new(address: Address, counters: std::sync::Arc<Counters>) -> Result<Self, StartError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE)
            .redirect(Policy::none())
            // The daemon is not to be looked for behind a proxy that the environment names.
            .no_proxy()
            .build()
            .map_err(|error| StartError::Client(error.to_string()))?;
        Ok(Rpc { address, http, breaker: Breaker::default(), trouble: Notify::new(), counters })
    }

    /// Where the daemon is, as it may be shown.
    pub(crate) fn shown(&self) -> String {
        self.address.shown()
    }

    /// Calls a command that answers with one JSON text.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, RpcError> {
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes).map_err(|error| RpcError::Malformed(error.to_string()))
    }

    /// Calls a command that answers with bytes; all of them must come within the time.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes, RpcError> {
        let (command, after, limit, waits) = (call.command, call.timeout, call.limit, call.waits_for_others);
        let whole = async {
            let mut response = self.send(call).await?;
            read(&mut response, limit).await
        };
        let result = tokio::time::timeout(after, whole).await;
        self.counted(result.unwrap_or(Err(RpcError::Timeout { command, after })), waits)
    }

    /// Calls a command that answers with lines of JSON, as they come. The time limits each silence, unless
    /// [`Lines::patient`] takes that away.
    pub(crate) async fn lines(&self, call: Call) -> Result<Lines, RpcError> {
        let (command, after, limit, waits) = (call.command, call.timeout, call.limit, call.waits_for_others);
        let result = tokio::time::timeout(after, self.send(call)).await;
        let response = self.counted(result.unwrap_or(Err(RpcError::Timeout { command, after })), waits)?;
        Ok(Lines::new(response, command, after, limit))
    }

    async fn send(&self, call: Call) -> Result<Response, RpcError> {
        if !call.is_probe && !self.breaker.lets_through() {
            return Err(RpcError::Down);
        }
        self.counters.rpc_calls.add(1);
        let mut request = self.http.post(self.address.command(call.command, &call.arguments));
        if let Some(authorization) = &self.address.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(file) = call.file {
            let upload = multipart::upload(&file);
            request = request.header(CONTENT_TYPE, upload.content_type).body(upload.body);
        }
        let mut response = request.send().await.map_err(|error| RpcError::Unreachable(innermost(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // A refusal that is itself too long or broken is shown as far as it goes.
        let text = read(&mut response, MAX_REFUSAL).await.unwrap_or_default();
        Err(RpcError::Refused { status: status.as_u16(), message: refusal(status, &text) })
    }

    /// Tells the breaker how the call went.
    fn counted<T>(&self, result: Result<T, RpcError>, waits_for_others: bool) -> Result<T, RpcError> {
        match &result {
            Err(RpcError::Down) => {}
            Err(RpcError::Timeout { .. }) if waits_for_others => self.counters.rpc_errors.add(1),
            Err(error) => {
                self.counters.rpc_errors.add(1);
                if error.is_outage() && self.breaker.failed() {
                    self.trouble.notify_one();
                }
            }
            Ok(_) => self.breaker.answered(),
        }
        result
    }
}

/// Reads a body of limited length.
async fn read(response: &mut Response, limit: usize) -> Result<Bytes, RpcError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(RpcError::TooLarge { limit });
    }
    let mut bytes = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(|error| RpcError::Cut(innermost(&error)))? {
        if bytes.len() + part.len() > limit {
            return Err(RpcError::TooLarge { limit });
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

/// The daemon's words: `{"Message": …}` as a rule, a line of text from a proxy.
fn refusal(status: StatusCode, text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Told {
        #[serde(rename = "Message")]
        message: String,
    }
    let told = serde_json::from_slice(text).map(|told: Told| told.message);
    let text = told.unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned());
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    if shown.is_empty() { status.canonical_reason().unwrap_or("no reason given").to_owned() } else { shown }
}

/// What lies at the bottom of a chain of errors: "connection refused" rather than "error sending request".
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
