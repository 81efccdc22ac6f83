//! Which network a node belongs to.

use std::fmt;
use std::str::FromStr;

use cid::Cid;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidings_ledger::content;

/// The 32 bytes that members of one network share. They find each other in the DHT under the CID made of it.
///
/// Written as 64 lower-case hex digits. It is a meeting point, not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetworkId([u8; 32]);

impl NetworkId {
    /// The public network: the SHA-256 of `tidings network 1`.
    pub const PUBLIC: NetworkId = NetworkId(tidings_ledger::replica::NETWORK);

    /// The network with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        NetworkId(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The CID that members provide and look for: version 1, raw, the bytes taken as a SHA2-256 digest.
    pub fn cid(&self) -> Cid {
        content::cid(content::RAW, &self.0)
    }
}

impl Default for NetworkId {
    fn default() -> Self {
        NetworkId::PUBLIC
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkId({self})")
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network id: expected 64 lower-case hex digits")]
pub struct NetworkIdError;

impl FromStr for NetworkId {
    type Err = NetworkIdError;

    fn from_str(text: &str) -> Result<Self, NetworkIdError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NetworkIdError)?;
        bytes.try_into().map(NetworkId).map_err(|_| NetworkIdError)
    }
}

impl Serialize for NetworkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NetworkId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_public_network_does_not_change_by_accident() {
        assert_eq!(NetworkId::PUBLIC.0, <[u8; 32]>::from(Sha256::digest(b"tidings network 1")));
        assert_eq!(NetworkId::PUBLIC.to_string().parse(), Ok(NetworkId::PUBLIC));
        assert_eq!(NetworkId::PUBLIC.cid().hash().digest(), NetworkId::PUBLIC.as_bytes());
    }
}
