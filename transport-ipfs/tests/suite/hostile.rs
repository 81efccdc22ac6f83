//! A peer that is up to no good: raw Bitswap streams over noise and yamux, negotiated by hand, so that it can say
//! whatever it likes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use cid::Cid;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse, Transport};
use libp2p::core::{Endpoint, upgrade};
use libp2p::identity::Keypair;
use libp2p::{noise, tcp, yamux};
use tidings_ledger::transport::Peer;
use tokio::sync::{mpsc, oneshot};

const BITSWAP: &str = "/ipfs/bitswap/1.2.0";

/// The peer. Dropping it drops the connection.
pub(crate) struct Hostile {
    pub(crate) peer: Peer,
    /// Bitswap streams that the other side opened.
    pub(crate) incoming: mpsc::UnboundedReceiver<SubstreamBox>,
    wishes: mpsc::UnboundedSender<oneshot::Sender<SubstreamBox>>,
}

impl Hostile {
    /// Connects to a node.
    pub(crate) async fn connect(address: &str) -> Hostile {
        Hostile::connect_as(Keypair::generate_ed25519(), address).await
    }

    /// Connects to a node under this key.
    pub(crate) async fn connect_as(key: Keypair, address: &str) -> Hostile {
        let mut transport = tcp::tokio::Transport::default()
            .upgrade(upgrade::Version::V1)
            .authenticate(noise::Config::new(&key).expect("a key"))
            .multiplex(yamux::Config::default())
            .boxed();
        let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let dial = transport.dial(address.parse().expect("an address"), options).expect("dials");
        let (_, muxer) = dial.await.map(|(peer, muxer)| (peer, StreamMuxerBox::new(muxer))).expect("connects");
        let (sender, incoming) = mpsc::unbounded_channel();
        let (wishes, wishes_out) = mpsc::unbounded_channel();
        tokio::spawn(drive(muxer, sender, wishes_out));
        Hostile { peer: Peer::new(key.public().to_peer_id().to_base58()), incoming, wishes }
    }

    /// Opens a Bitswap stream; `None` when the connection is gone.
    pub(crate) async fn open(&self) -> Option<SubstreamBox> {
        let (reply, opened) = oneshot::channel();
        self.wishes.send(reply).ok()?;
        let mut stream = opened.await.ok()?;
        for line in ["/multistream/1.0.0", BITSWAP] {
            write_line(&mut stream, line).await.ok()?;
        }
        stream.flush().await.ok()?;
        for line in ["/multistream/1.0.0", BITSWAP] {
            assert_eq!(read_line(&mut stream).await.ok()?, line);
        }
        Some(stream)
    }

    /// Opens a stream, sends these bytes on it and keeps it open.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Option<SubstreamBox> {
        let mut stream = self.open().await?;
        stream.write_all(bytes).await.ok()?;
        stream.flush().await.ok()?;
        Some(stream)
    }

    /// The next stream that the node opened.
    pub(crate) async fn accept(&mut self) -> SubstreamBox {
        self.incoming.recv().await.expect("the node opens a stream")
    }
}

/// A message with the blocks given, as raw CIDv1.
pub(crate) fn blocks_message(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for block in blocks {
        let mut inner = Vec::new();
        field(0x0a, &[1, 0x55, 0x12, 0x20], &mut inner);
        field(0x12, block, &mut inner);
        field(0x1a, &inner, &mut body);
    }
    framed(&body)
}

/// A message with want-blocks for the CIDs given.
pub(crate) fn wants_message(cids: &[Cid]) -> Vec<u8> {
    let mut list = Vec::new();
    for cid in cids {
        let mut entry = Vec::new();
        field(0x0a, &cid.to_bytes(), &mut entry);
        entry.extend([0x10, 0x01, 0x28, 0x01]);
        field(0x0a, &entry, &mut list);
    }
    let mut body = Vec::new();
    field(0x0a, &list, &mut body);
    framed(&body)
}

/// A message that says HAVE for one CID.
pub(crate) fn have_message(cid: &Cid) -> Vec<u8> {
    let (mut presence, mut body) = (Vec::new(), Vec::new());
    field(0x0a, &cid.to_bytes(), &mut presence);
    field(0x22, &presence, &mut body);
    framed(&body)
}

/// The length, then the bytes.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    number(body.len() as u64, &mut out);
    out.extend(body);
    out
}

/// Appends a varint.
pub(crate) fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(tag: u8, data: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    number(data.len() as u64, out);
    out.extend(data);
}

/// Keeps the connection moving: refuses every protocol but Bitswap.
async fn drive(
    mut muxer: StreamMuxerBox,
    incoming: mpsc::UnboundedSender<SubstreamBox>,
    mut wishes: mpsc::UnboundedReceiver<oneshot::Sender<SubstreamBox>>,
) {
    let mut waiting: Option<oneshot::Sender<SubstreamBox>> = None;
    poll_fn(|cx| {
        loop {
            if waiting.is_none() {
                match wishes.poll_recv(cx) {
                    Poll::Ready(Some(reply)) => waiting = Some(reply),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            if waiting.is_some() {
                match Pin::new(&mut muxer).poll_outbound(cx) {
                    Poll::Ready(Ok(stream)) => {
                        if let Some(reply) = waiting.take() {
                            let _ = reply.send(stream);
                        }
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            match Pin::new(&mut muxer).poll_inbound(cx) {
                Poll::Ready(Ok(stream)) => {
                    tokio::spawn(answer(stream, incoming.clone()));
                    continue;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            match Pin::new(&mut muxer).poll(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

async fn answer(mut stream: SubstreamBox, incoming: mpsc::UnboundedSender<SubstreamBox>) -> io::Result<()> {
    read_line(&mut stream).await?;
    write_line(&mut stream, "/multistream/1.0.0").await?;
    stream.flush().await?;
    loop {
        let proposal = read_line(&mut stream).await?;
        let agreed = proposal == BITSWAP;
        write_line(&mut stream, if agreed { BITSWAP } else { "na" }).await?;
        stream.flush().await?;
        if agreed {
            let _ = incoming.send(stream);
            return Ok(());
        }
    }
}

async fn read_line(stream: &mut SubstreamBox) -> io::Result<String> {
    let mut len = [0];
    stream.read_exact(&mut len).await?;
    let mut line = vec![0; usize::from(len[0])];
    stream.read_exact(&mut line).await?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

async fn write_line(stream: &mut SubstreamBox, line: &str) -> io::Result<()> {
    let mut out = vec![line.len() as u8 + 1];
    out.extend(line.as_bytes());
    out.push(b'\n');
    stream.write_all(&out).await
}
