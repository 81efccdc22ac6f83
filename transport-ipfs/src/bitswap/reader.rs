//! Reads one inbound stream: frame by frame, each bounded in size and in the time it may take.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::AsyncReadExt;
use libp2p::swarm::Stream;

use super::exchange::Exchange;
use super::link::Link;
use super::message::{MAX_MESSAGE, Message};
use super::varint::{self, Varint};
use super::version::Version;
use crate::standing::Offence;

/// A frame that is not complete after this long ends its stream (4 MiB in a minute is 70 kB/s).
const FRAME_TIME: Duration = Duration::from_secs(60);
/// What one read asks for: a little over what yamux hands out at once.
const CHUNK: usize = 32 * 1024;

/// Why a stream is not read any further.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a frame of {0} bytes, more than {MAX_MESSAGE}")]
    TooLarge(u64),
    #[error("a frame without a length")]
    NoLength,
    #[error("the peer has too many incomplete frames")]
    TooMuch,
    #[error("a frame took too long")]
    TooSlow,
    #[error(transparent)]
    Malformed(#[from] super::message::DecodeError),
}

/// Reads the stream to its end, handing messages to the exchange.
pub(crate) async fn run(exchange: Arc<Exchange>, link: Arc<Link>, stream: Stream, version: Version) {
    let mut frames = Frames { stream, buffer: BytesMut::new(), scratch: vec![0; CHUNK], booked: 0 };
    let end = loop {
        let frame = match frames.next(&exchange, &link).await {
            Ok(Some(frame)) => frame,
            Ok(None) => break None,
            Err(end) => break Some(end),
        };
        match Message::decode(&frame) {
            Ok(message) => exchange.receive(&link, message),
            Err(error) => break Some(error.into()),
        }
    };
    link.partial.fetch_sub(frames.booked, Ordering::Relaxed);
    link.streams.fetch_sub(1, Ordering::Relaxed);
    if let Some(end) = end {
        tracing::debug!(peer = %link.peer, ?version, %end, "bitswap stream ends");
        if matches!(end, End::TooLarge(_) | End::NoLength | End::Malformed(_)) {
            exchange.counters.bad_messages.add(1);
            exchange.offence(link.peer, Offence::BadMessage);
        }
    }
}

struct Frames {
    stream: Stream,
    buffer: BytesMut,
    scratch: Vec<u8>,
    /// Bytes of the buffer that are counted in the link's `partial`.
    booked: usize,
}

impl Frames {
    /// The next frame's body; `None` at the stream's end.
    async fn next(&mut self, exchange: &Exchange, link: &Link) -> Result<Option<Bytes>, End> {
        if let Some(frame) = self.take()? {
            return Ok(Some(frame));
        }
        if self.buffer.is_empty() {
            // Between frames a stream may be silent for as long as it likes.
            if !self.fill(exchange, link).await? {
                return Ok(None);
            }
        }
        tokio::time::timeout(FRAME_TIME, async {
            loop {
                if let Some(frame) = self.take()? {
                    return Ok(Some(frame));
                }
                if !self.fill(exchange, link).await? {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
        })
        .await
        .unwrap_or(Err(End::TooSlow))
    }

    /// Cuts a frame off the buffer, if a whole one is there.
    fn take(&mut self) -> Result<Option<Bytes>, End> {
        let (len, prefix) = match varint::read(&self.buffer) {
            Varint::Value(len, prefix) => (len, prefix),
            Varint::Short => return Ok(None),
            Varint::Bad => return Err(End::NoLength),
        };
        if len > MAX_MESSAGE as u64 {
            return Err(End::TooLarge(len));
        }
        let end = prefix + len as usize;
        if self.buffer.len() < end {
            return Ok(None);
        }
        let frame = self.buffer.split_to(end).freeze();
        Ok(Some(frame.slice(prefix..)))
    }

    /// Reads some bytes. The buffer grows with what arrives, not with what a length claims.
    async fn fill(&mut self, exchange: &Exchange, link: &Link) -> Result<bool, End> {
        let count = self.stream.read(&mut self.scratch).await?;
        if count == 0 {
            return Ok(false);
        }
        self.buffer.extend_from_slice(&self.scratch[..count]);
        link.received.fetch_add(count as u64, Ordering::Relaxed);
        let (before, now) = (self.booked, self.buffer.len());
        self.booked = now;
        let partial = if now >= before {
            link.partial.fetch_add(now - before, Ordering::Relaxed) + (now - before)
        } else {
            link.partial.fetch_sub(before - now, Ordering::Relaxed) - (before - now)
        };
        if partial > exchange.limits.partial_per_peer {
            return Err(End::TooMuch);
        }
        exchange.download.pass(count).await;
        Ok(true)
    }
}
