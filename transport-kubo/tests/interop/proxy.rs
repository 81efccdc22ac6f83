//! A TCP proxy in front of a daemon that slows its answers down, or cuts them off in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The proxy; its tasks end with the runtime.
pub(crate) struct Proxy {
    port: u16,
    conduct: Arc<Conduct>,
}

#[derive(Default)]
struct Conduct {
    /// Waits so long before each small piece of an answer.
    drip_ms: AtomicU64,
    /// Cuts each connection after so many more bytes of answers; 0 for never.
    cut_after: AtomicUsize,
    cuts: AtomicUsize,
}

impl Proxy {
    /// In front of what listens at this port of this machine.
    pub(crate) async fn before(target: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let conduct = Arc::new(Conduct::default());
        let shared = conduct.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, shared.clone()));
            }
        });
        Proxy { port, conduct }
    }

    pub(crate) fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, answers trickle: a few bytes each so many milliseconds.
    pub(crate) fn drip(&self, milliseconds: u64) {
        self.conduct.drip_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// From now on, each connection is cut after so many bytes of answers.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.conduct.cut_after.store(bytes, Ordering::Relaxed);
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.conduct.cuts.load(Ordering::Relaxed)
    }
}

async fn pass(client: TcpStream, target: u16, conduct: Arc<Conduct>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    tokio::select! {
        _ = answer(from_server, to_client, conduct) => {}
        // A client that closes its side has gone.
        _ = asking => {}
    }
}

async fn answer(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    conduct: Arc<Conduct>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        for piece in buffer[..count].chunks(if conduct.drip_ms.load(Ordering::Relaxed) > 0 { 200 } else { count }) {
            tokio::time::sleep(Duration::from_millis(conduct.drip_ms.load(Ordering::Relaxed))).await;
            let limit = conduct.cut_after.load(Ordering::Relaxed);
            if limit > 0 && passed + piece.len() > limit {
                to.write_all(&piece[..limit.saturating_sub(passed)]).await?;
                conduct.cuts.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            to.write_all(piece).await?;
            passed += piece.len();
        }
    }
}
