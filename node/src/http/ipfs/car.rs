//! A graph as a CAR: the root, then everything below it, each block once.

use std::collections::HashSet;
use std::io;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cid::Cid;
use futures::SinkExt;
use futures::channel::mpsc;
use tidings_ledger::car::CarWriter;
use tidings_ledger::unixfs::child_cids;

use super::block;
use crate::http::app::App;

/// Blocks that one answer holds at most: the set of those sent is kept in memory, 40 bytes each.
const MOST: usize = 4_000_000;

/// Bytes that are sent together.
const TOGETHER: usize = 256 << 10;

/// Streams the graph. A block that is not to be had breaks the stream off, so that nobody takes the part for the whole.
pub(super) fn answer(app: &App, root: Cid) -> Response {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let app = app.clone();
    tokio::spawn(async move {
        let mut failed = sender.clone();
        if let Err(error) = send(app, root, sender).await {
            tracing::debug!(%root, %error, "a CAR was broken off");
            // The reader may have gone, which is the usual error.
            let _ = failed.send(Err(error)).await;
        }
    });
    let mut response = Body::from_stream(receiver).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.ipld.car; version=1"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{root}.car\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

async fn send(app: App, root: Cid, mut sender: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut car = CarWriter::new(Vec::new(), &[root])?;
    let mut seen: HashSet<Cid> = HashSet::from([root]);
    let mut due = vec![root];
    while let Some(cid) = due.pop() {
        let bytes = block(app.clone(), cid).await.map_err(io::Error::other)?;
        car.write(&cid, &bytes)?;
        let children = child_cids(&cid, &bytes).map_err(io::Error::other)?;
        for child in children.into_iter().rev() {
            if seen.len() >= MOST {
                return Err(io::Error::other("the graph has more blocks than one CAR may hold"));
            }
            if seen.insert(child) {
                due.push(child);
            }
        }
        if car.written() as usize >= TOGETHER || due.is_empty() {
            let full = car.finish()?;
            sender.send(Ok(Bytes::from(full))).await.map_err(io::Error::other)?;
            car = CarWriter::resume(Vec::new());
        }
    }
    Ok(())
}
