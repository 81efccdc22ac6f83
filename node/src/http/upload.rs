//! The bytes of an upload, for code that reads and may block.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::app::App;

/// A reader of the body. Each holds a thread, so a sender who says nothing for as long as a whole request may take is
/// given up.
pub(super) fn reader(app: &App, body: Body) -> impl Read + Send + use<> {
    let pieces = lively(body, Duration::from_secs(app.http.timeout_seconds));
    SyncIoBridge::new(Box::pin(StreamReader::new(pieces)))
}

/// The body's pieces, with an error instead of a long silence.
fn lively(body: Body, patience: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    futures::stream::unfold(Some(body.into_data_stream()), move |pieces| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout(patience, pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Ok(None) => None,
            Err(_) => {
                let message = format!("nothing came for {} s; the upload was given up", patience.as_secs());
                Some((Err(io::Error::new(io::ErrorKind::TimedOut, message)), None))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sender_who_falls_silent_is_given_up() {
        let (sender, receiver) = futures::channel::mpsc::unbounded::<io::Result<Bytes>>();
        sender.unbounded_send(Ok(Bytes::from_static(b"begun"))).expect("it is read");
        let pieces: Vec<_> = lively(Body::from_stream(receiver), Duration::from_millis(20)).collect().await;
        assert!(
            matches!(&pieces[..], [Ok(first), Err(end)] if first[..] == *b"begun" && end.kind() == io::ErrorKind::TimedOut)
        );
        drop(sender);
    }
}
