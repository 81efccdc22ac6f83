//! Negotiating a Bitswap stream: offer all versions, keep the one agreed on.

use std::convert::Infallible;
use std::future::{Ready, ready};

use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade};
use libp2p::swarm::{Stream, StreamProtocol};

use super::version::Version;

/// Offers every version, best first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Upgrade;

impl UpgradeInfo for Upgrade {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 3];

    fn protocol_info(&self) -> Self::InfoIter {
        Version::ALL.map(Version::protocol)
    }
}

impl InboundUpgrade<Stream> for Upgrade {
    type Output = (Stream, Version);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, agreed(&protocol))))
    }
}

impl OutboundUpgrade<Stream> for Upgrade {
    type Output = (Stream, Version);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, agreed(&protocol))))
    }
}

/// Negotiation only agrees on what was offered, so the fallback is never taken.
fn agreed(protocol: &StreamProtocol) -> Version {
    Version::of(protocol).unwrap_or(Version::V1_0)
}
