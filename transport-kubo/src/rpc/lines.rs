//! An answer that comes line by line, each line a JSON text of limited length.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::client::innermost;
use super::error::RpcError;

/// A stream of lines. Dropping it ends the call, and with it what the daemon does for it.
pub(crate) struct Lines {
    response: Response,
    command: &'static str,
    /// The longest silence; none for a subscription, whose silence means nothing.
    patience: Option<Duration>,
    limit: usize,
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line break.
    searched: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(response: Response, command: &'static str, patience: Duration, limit: usize) -> Self {
        let (buffer, searched) = (BytesMut::new(), 0);
        Lines { response, command, patience: Some(patience), limit, buffer, searched, ended: false }
    }

    /// The same, however long it is silent.
    pub(crate) fn patient(mut self) -> Self {
        self.patience = None;
        self
    }

    /// The next line, decoded; `None` at the end. Empty lines are passed over.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if !line.trim_ascii().is_empty() {
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(|error| RpcError::Malformed(format!("{}: {error}", self.command)));
            }
        }
    }

    async fn line(&mut self) -> Result<Option<BytesMut>, RpcError> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > self.limit {
                return Err(RpcError::TooLarge { limit: self.limit });
            }
            if self.ended {
                self.searched = 0;
                return Ok((!self.buffer.is_empty()).then(|| self.buffer.split()));
            }
            match self.part().await? {
                Some(part) => self.buffer.extend_from_slice(&part),
                None => self.ended = true,
            }
        }
    }

    async fn part(&mut self) -> Result<Option<bytes::Bytes>, RpcError> {
        let part = match self.patience {
            None => self.response.chunk().await,
            Some(after) => match tokio::time::timeout(after, self.response.chunk()).await {
                Ok(part) => part,
                Err(_) => return Err(RpcError::Timeout { command: self.command, after }),
            },
        };
        part.map_err(|error| RpcError::Cut(innermost(&error)))
    }
}
