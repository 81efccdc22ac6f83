//! The node's own key: who it is to its peers. It signs announcements and has nothing to do with authors' keys.

use std::fmt;

use libp2p::PeerId;
use libp2p::identity::Keypair;

/// An Ed25519 key pair. The secret is never printed.
#[derive(Clone)]
pub struct Identity(Keypair);

/// The bytes are no Ed25519 secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 secret key: 32 bytes are needed")]
pub struct IdentityError;

impl Identity {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Self {
        Identity(Keypair::generate_ed25519())
    }

    /// The identity with this secret key (the 32-byte seed of RFC 8032).
    pub fn from_secret(mut secret: [u8; 32]) -> Result<Self, IdentityError> {
        Keypair::ed25519_from_bytes(&mut secret).map(Identity).map_err(|_| IdentityError)
    }

    /// The secret key, to be kept where nobody else reads it.
    pub fn to_secret(&self) -> Result<[u8; 32], IdentityError> {
        let pair = self.0.clone().try_into_ed25519().map_err(|_| IdentityError)?;
        pair.secret().as_ref().try_into().map_err(|_| IdentityError)
    }

    /// The name by which peers know this node, in base58.
    pub fn peer_id(&self) -> String {
        self.id().to_base58()
    }

    pub(crate) fn id(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    pub(crate) fn keypair(&self) -> &Keypair {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.peer_id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_with_the_same_secret_is_the_same_peer() {
        let first = Identity::generate();
        let again = Identity::from_secret(first.to_secret().expect("ed25519")).expect("ed25519");
        assert_eq!(first.peer_id(), again.peer_id());
    }

    #[test]
    fn the_secret_does_not_leak_into_logs() {
        let identity = Identity::from_secret([7; 32]).expect("any 32 bytes will do");
        assert_eq!(format!("{identity:?}"), format!("Identity({:?})", identity.peer_id()));
    }
}
