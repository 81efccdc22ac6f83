//! gossipsub as Tidings uses it.
//!
//! - Messages are signed (StrictSign) and named as Go names them: the source's peer id bytes, then the sequence number,
//!   eight bytes, big-endian. Under any other name IHAVE, IWANT and IDONTWANT miss among mixed implementations.
//! - Sequence numbers start at the wall clock's nanoseconds (rust-libp2p's way), so they rise across restarts.
//! - A message is passed on only after the replica judged it; a rejected one costs its sender.
//! - Own messages go to every subscribed peer at once («flood publish»), mesh or not: no heartbeat is on their way.

use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::{
    Behaviour, CallbackSubscriptionFilter, ConfigBuilder, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams, ValidationMode,
};
use libp2p::identity::Keypair;
use tidings_ledger::transport as port;

use crate::config::GossipConfig;
use crate::error::StartError;
use crate::standing::REFUSED_AT;

/// Room for a peer's whole list of channels in one message, 80 bytes each. Go's limit is half of it: towards Kubo a node
/// that listens on more than 12,700 channels is not heard.
const MAX_RPC: usize = 2 * 1024 * 1024;
/// What the protocol adds to a message: signature, source, topic, tags.
const OVERHEAD: usize = 1024;
/// Messages that wait for one slow peer.
const MAX_QUEUED: usize = 1024;
/// Heartbeats for which a message can be judged and passed on.
const HISTORY: usize = 12;

/// Takes only Tidings' channels.
pub(super) type Filter = MaxCountSubscriptionFilter<CallbackSubscriptionFilter<fn(&TopicHash) -> bool>>;
/// The behaviour.
pub(super) type Gossip = Behaviour<IdentityTransform, Filter>;

/// Builds the behaviour.
pub(super) fn build(key: &Keypair, config: &GossipConfig) -> Result<Gossip, StartError> {
    let settings = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .message_id_fn(message_id)
        .validate_messages()
        .max_transmit_size((config.max_message + OVERHEAD).max(MAX_RPC))
        .max_control_message_size(MAX_RPC)
        .flood_publish(true)
        .heartbeat_interval(Duration::from_millis(config.heartbeat_ms))
        .heartbeat_initial_delay(Duration::from_millis(config.heartbeat_ms.min(500)))
        .connection_handler_queue_len(MAX_QUEUED)
        .history_length(HISTORY)
        .history_gossip(3)
        .build()
        .map_err(|error| StartError::Config(format!("gossip: {error}")))?;
    let filter: Filter = MaxCountSubscriptionFilter {
        filter: CallbackSubscriptionFilter(is_channel),
        max_subscribed_topics: config.max_channels,
        max_subscriptions_per_request: config.max_channels,
    };
    let authenticity = MessageAuthenticity::Signed(key.clone());
    let mut gossip = Gossip::new_with_subscription_filter(authenticity, settings, filter)
        .map_err(|error| StartError::Stack(error.to_string()))?;
    gossip.with_peer_score(score_params(), thresholds()).map_err(StartError::Stack)?;
    Ok(gossip)
}

/// The name of a message: as Go makes it.
fn message_id(message: &Message) -> MessageId {
    let mut id = message.source.map_or_else(Vec::new, PeerId::to_bytes);
    id.extend(message.sequence_number.unwrap_or_default().to_be_bytes());
    MessageId::from(id)
}

fn is_channel(topic: &TopicHash) -> bool {
    channel_of(topic).is_some()
}

/// The channel of a gossipsub topic, if it is one.
pub(super) fn channel_of(topic: &TopicHash) -> Option<port::Channel> {
    topic.as_str().parse().ok()
}

/// The gossipsub topic of a channel.
pub(super) fn topic_of(channel: port::Channel) -> TopicHash {
    TopicHash::from_raw(channel.to_string())
}

/// The handle that the replica gets for its verdict: who passed the message on, and the message's name. Nothing is kept
/// here for it.
pub(super) fn handle(source: &PeerId, id: &MessageId) -> port::MessageId {
    let source = source.to_bytes();
    let mut bytes = Vec::with_capacity(1 + source.len() + id.0.len());
    bytes.push(source.len() as u8);
    bytes.extend(source);
    bytes.extend(&id.0);
    port::MessageId(Bytes::from(bytes))
}

/// Takes a handle apart.
pub(super) fn open_handle(handle: &port::MessageId) -> Option<(PeerId, MessageId)> {
    let (len, rest) = handle.0.split_first()?;
    let (source, id) = rest.split_at_checked(usize::from(*len))?;
    Some((PeerId::from_bytes(source).ok()?, MessageId::new(id)))
}

/// What one joined channel contributes to its peers' scores: only invalid messages count. Being quiet is no fault,
/// and being busy no merit that could outweigh one.
pub(super) fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // One rejected message: -5, left out of gossip at two, graylisted at five within a minute or so.
        invalid_message_deliveries_weight: -5.0,
        invalid_message_deliveries_decay: 0.97,
        ..TopicScoreParams::default()
    }
}

fn score_params() -> PeerScoreParams {
    PeerScoreParams {
        // The application's score is minus the points of `standing`.
        app_specific_weight: 1.0,
        // Many peers behind one address are a household or a test, and addresses are cheap for an attacker.
        ip_colocation_factor_weight: 0.0,
        // Broken IWANT promises happen between implementations that name messages differently: a few are tolerated.
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_decay: 0.9,
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -REFUSED_AT / 5.0,
        publish_threshold: -REFUSED_AT / 2.0,
        graylist_threshold: -REFUSED_AT,
        ..PeerScoreThresholds::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_are_those_of_go() {
        let source = PeerId::random();
        let message = Message {
            source: Some(source),
            data: vec![1, 2, 3],
            sequence_number: Some(0x0102_0304_0506_0708),
            topic: TopicHash::from_raw("x"),
        };
        let mut expected = source.to_bytes();
        expected.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(message_id(&message).0, expected);
    }

    #[test]
    fn a_verdict_finds_its_message() {
        let (source, id) = (PeerId::random(), MessageId::new(b"some name"));
        assert_eq!(open_handle(&handle(&source, &id)), Some((source, id)));
    }

    #[test]
    fn a_made_up_handle_is_ignored() {
        for bytes in [&b""[..], &[200, 1, 2], &[2, 9, 9, 9]] {
            assert_eq!(open_handle(&port::MessageId(Bytes::copy_from_slice(bytes))), None);
        }
    }

    #[test]
    fn other_applications_topics_are_not_kept() {
        assert!(!is_channel(&TopicHash::from_raw("chat")));
        assert!(!is_channel(&TopicHash::from_raw("/tidings/1/ABC")));
        assert!(is_channel(&TopicHash::from_raw(format!("/tidings/1/{}", "0a".repeat(32)))));
    }
}
