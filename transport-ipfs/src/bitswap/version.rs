//! The protocol's versions.

use libp2p::StreamProtocol;

/// A version of Bitswap, as negotiated for one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// `/ipfs/bitswap/1.0.0`: bare blocks.
    V1_0,
    /// `/ipfs/bitswap/1.1.0`: blocks with CID prefixes.
    V1_1,
    /// `/ipfs/bitswap/1.2.0`: want-have, HAVE and DONT_HAVE.
    V1_2,
}

impl Version {
    /// All, best first.
    pub(crate) const ALL: [Version; 3] = [Version::V1_2, Version::V1_1, Version::V1_0];

    /// The name on the wire.
    pub(crate) const fn protocol(self) -> StreamProtocol {
        match self {
            Version::V1_0 => StreamProtocol::new("/ipfs/bitswap/1.0.0"),
            Version::V1_1 => StreamProtocol::new("/ipfs/bitswap/1.1.0"),
            Version::V1_2 => StreamProtocol::new("/ipfs/bitswap/1.2.0"),
        }
    }

    /// The version of this name.
    pub(crate) fn of(protocol: &StreamProtocol) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.protocol() == *protocol)
    }

    /// Whether blocks carry CID prefixes.
    pub(crate) const fn has_prefixes(self) -> bool {
        !matches!(self, Version::V1_0)
    }

    /// Whether the version knows want-have, HAVE and DONT_HAVE.
    pub(crate) const fn has_presences(self) -> bool {
        matches!(self, Version::V1_2)
    }
}
