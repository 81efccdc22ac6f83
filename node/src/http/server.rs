//! Connections: a bounded number, none of them for ever, an orderly end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::exit::{Exit, Failure};

/// How long a request's head may take to arrive.
const HEAD: Duration = Duration::from_secs(15);

/// How long answers under way may take once the node stops.
const LAST: Duration = Duration::from_secs(5);

/// Listens; the address may name port 0.
pub(crate) async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            Exit::PortTaken,
            format!("cannot listen on {address}: the port is in use by another program, perhaps another node"),
        )
        .hint("stop the other one, or choose a port: tidings serve --http 127.0.0.1:0 takes any free one"),
        _ => Failure::new(Exit::Usage, format!("cannot listen on {address}: {error}"))
            .hint("http.listen in config.toml, or --http, says where"),
    })
}

/// The accepting end.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    pub(crate) connections: usize,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until told to stop; then lets answers under way finish.
    pub(crate) async fn run(self) {
        let Server { listener, router, connections, mut stopping } = self;
        let places = Arc::new(Semaphore::new(connections));
        let graceful = GracefulShutdown::new();
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
        let mut stop = pin!(async move {
            // An error means that whoever could stop it is gone, which ends it as well.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        });
        loop {
            let place = tokio::select! {
                () = &mut stop => break,
                // Beyond the limit, connections wait in the system's own queue.
                place = places.clone().acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // No file handles left, mostly: others have to end first.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // Small answers are not to wait for the acknowledgement of earlier ones.
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(router.clone());
            let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(listener);
        if tokio::time::timeout(LAST, graceful.shutdown()).await.is_err() {
            tracing::warn!("some answers were cut off");
        }
    }
}
