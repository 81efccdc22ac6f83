//! One message as the daemon's subscription tells it.

use bytes::Bytes;
use serde::Deserialize;
use tidings_ledger::transport::{Channel, Event, MessageId, Peer};

use crate::config::is_peer_id;
use crate::rpc::decode;

/// A line of `pubsub/sub`. The first line of js-ipfs has none of it.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    seqno: Option<String>,
    #[serde(rename = "topicIDs", default)]
    topics: Option<Vec<String>>,
}

/// Parts of a line that is a message.
pub(super) struct Message {
    pub(super) from: Peer,
    pub(super) data: Bytes,
    id: MessageId,
}

impl Line {
    /// Whether it is one of those that only say that the subscription began.
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_none() && self.data.is_none()
    }

    /// Reads a message of this channel, of at most so many bytes.
    pub(super) fn read(self, channel: Channel, most: usize) -> Option<Message> {
        let from = self.from.filter(|from| is_peer_id(from))?;
        let data = self.data.filter(|data| data.len() / 4 * 3 <= most + 3).as_deref().and_then(decode)?;
        let wanted = channel.to_string().into_bytes();
        let topics = self.topics.unwrap_or_default();
        let is_ours = topics.is_empty() || topics.iter().any(|topic| decode(topic).as_ref() == Some(&wanted));
        let seqno = self.seqno.as_deref().and_then(decode).unwrap_or_default();
        let mut id = from.clone().into_bytes();
        id.push(0);
        id.extend_from_slice(seqno.get(..16.min(seqno.len()))?);
        let fits = is_ours && data.len() <= most;
        fits.then(|| Message { from: Peer::new(from), data: data.into(), id: MessageId(id.into()) })
    }
}

impl Message {
    pub(super) fn into_event(self, channel: Channel) -> Event {
        Event::Message { channel, from: self.from, id: self.id, data: self.data }
    }
}

/// Who published the message of this name.
pub(crate) fn sender(id: &MessageId) -> Option<Peer> {
    let end = id.0.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&id.0[..end]).ok().filter(|name| is_peer_id(name)).map(Peer::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::encode;
    use tidings_ledger::topic::TopicId;

    const PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    fn channel() -> Channel {
        Channel::new(TopicId::from_bytes([7; 32]))
    }

    fn line(data: &[u8], topic: &str) -> Line {
        let text = format!(
            r#"{{"from":"{PEER}","data":"{}","seqno":"{}","topicIDs":["{}"]}}"#,
            encode(data),
            encode(&[1, 2, 3]),
            encode(topic.as_bytes())
        );
        serde_json::from_str(&text).expect("a line")
    }

    #[test]
    fn the_verdict_on_a_message_finds_its_sender() {
        let message = line(b"news", &channel().to_string()).read(channel(), 100).expect("a message");
        assert_eq!((message.from.as_str(), &*message.data), (PEER, &b"news"[..]));
        let Event::Message { id, .. } = message.into_event(channel()) else { panic!("not a message") };
        assert_eq!(sender(&id).expect("a sender").as_str(), PEER);
        assert_eq!(sender(&MessageId(Bytes::from_static(b"made up"))), None);
    }

    #[test]
    fn what_is_too_long_or_of_another_channel_or_no_message_is_dropped() {
        assert!(line(&[0; 101], &channel().to_string()).read(channel(), 100).is_none());
        assert!(line(b"news", "/tidings/1/other").read(channel(), 100).is_none());
        for text in ["{}", r#"{"from":"x","data":"u"}"#, r#"{"from":null,"data":"uAA"}"#] {
            let line: Line = serde_json::from_str(text).expect("JSON");
            assert!(line.read(channel(), 100).is_none(), "{text}");
        }
    }

    #[test]
    fn the_first_line_of_another_daemon_is_not_counted_as_damage() {
        assert!(serde_json::from_str::<Line>("{}").expect("JSON").is_empty());
    }
}
