//! yamux with a receive window of at most 1 MiB a stream.
//!
//! The `yamux` crate ends a connection on a frame of more than 1 MiB, but lets a stream's receive window grow beyond
//! that, up to 1 GiB; js-libp2p sends frames as large as the window. So a fast transfer from Helia ended the connection
//! again and again. libp2p's own adapter does not let the window be set; this one does. It also bounds what a peer can
//! make us buffer. The price: one stream carries at most 1 MiB a round trip (10 MB/s at 100 ms).

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::io;
use std::iter::{Once, once};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use yamux::{Connection, ConnectionError, DEFAULT_CREDIT, Mode};

/// Streams on one connection; peers of other kinds open a tenth of that at a time.
const MAX_STREAMS: usize = 128;
/// The crate's limit of a frame.
const MAX_FRAME: usize = 1024 * 1024;
/// Streams that the peer opened and nobody took yet; more are reset.
const MAX_WAITING: usize = 64;

/// Negotiates `/yamux/1.0.0`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upgrade;

impl UpgradeInfo for Upgrade {
    type Info = &'static str;
    type InfoIter = Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Upgrade {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_inbound(self, socket: C, _: &'static str) -> Self::Future {
        ready(Ok(Muxer::new(socket, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Upgrade {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_outbound(self, socket: C, _: &'static str) -> Self::Future {
        ready(Ok(Muxer::new(socket, Mode::Client)))
    }
}

/// A connection with many streams on it.
#[derive(Debug)]
pub(crate) struct Muxer<C> {
    connection: Connection<C>,
    /// yamux moves only while it is asked for the next inbound stream; those that come out while nobody wants one wait
    /// here.
    waiting: VecDeque<yamux::Stream>,
    wanted: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> Muxer<C> {
    fn new(socket: C, mode: Mode) -> Self {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        // What all streams get, and what one may get beyond it.
        let credit = DEFAULT_CREDIT as usize;
        config.set_max_connection_receive_window(Some(MAX_STREAMS * credit + MAX_FRAME - credit));
        Muxer { connection: Connection::new(socket, config, mode), waiting: VecDeque::new(), wanted: None }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<yamux::Stream>> {
        match ready!(self.connection.poll_next_inbound(cx)) {
            Some(stream) => Poll::Ready(stream.map_err(to_io)),
            None => Poll::Ready(Err(to_io(ConnectionError::Closed))),
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<yamux::Stream>> {
        if let Some(stream) = self.waiting.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let next = self.poll_next(cx);
        if next.is_pending() {
            self.wanted = Some(cx.waker().clone());
        }
        next
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<yamux::Stream>> {
        self.connection.poll_new_outbound(cx).map_err(to_io)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_close(cx).map_err(to_io)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        let stream = ready!(self.poll_next(cx))?;
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(stream);
            if let Some(waker) = self.wanted.take() {
                waker.wake();
            }
        } else {
            tracing::debug!("a peer opens streams faster than they are taken; one is reset");
        }
        // There may be more; let others run in between.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn to_io(error: ConnectionError) -> io::Error {
    match error {
        ConnectionError::Io(error) => error,
        other => io::Error::other(other),
    }
}
