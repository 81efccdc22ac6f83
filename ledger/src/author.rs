//! Authors: Ed25519 keys, shown as `did:key`.

use std::fmt;
use std::str::FromStr;

use cid::multibase::{self, Base};
use ed25519_dalek::{Signer, SigningKey};

/// The multicodec prefix of an Ed25519 public key (0xed as a varint), which `did:key` puts before the key.
const ED25519_PUB: [u8; 2] = [0xed, 0x01];

/// An author: an Ed25519 public key.
///
/// Shown and parsed as `did:key:z6Mk…` (the did:key method of the W3C). Any 32 bytes are an author; whether a key is
/// good for anything shows when a signature is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author([u8; 32]);

impl Author {
    /// The author with this public key.
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Author(key)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(34);
        bytes.extend_from_slice(&ED25519_PUB);
        bytes.extend_from_slice(&self.0);
        write!(f, "did:key:{}", multibase::encode(Base::Base58Btc, bytes))
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Author({self})")
    }
}

impl FromStr for Author {
    type Err = AuthorError;

    fn from_str(text: &str) -> Result<Self, AuthorError> {
        // A did:key of this kind has 56 characters; the bound keeps base58, which is quadratic, away from long input.
        let encoded = text.strip_prefix("did:key:").filter(|rest| rest.len() < 64).ok_or(AuthorError)?;
        let (base, bytes) = multibase::decode(encoded).map_err(|_| AuthorError)?;
        match (base, bytes.strip_prefix(&ED25519_PUB)) {
            (Base::Base58Btc, Some(key)) => key.try_into().map(Author).map_err(|_| AuthorError),
            _ => Err(AuthorError),
        }
    }
}

/// The text is not the `did:key` of an Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an author: expected did:key:z6Mk… with an Ed25519 key")]
pub struct AuthorError;

/// The secret that signs an author's entries. Zeroed when dropped, never printed.
#[derive(Clone)]
pub struct AuthorKey(SigningKey);

impl AuthorKey {
    /// The key made from 32 secret random bytes (an RFC 8032 seed). The caller brings the randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        AuthorKey(SigningKey::from_bytes(seed))
    }

    /// The 32 secret bytes, for keeping them in a file of the user's own.
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whose key it is.
    pub fn author(&self) -> Author {
        Author(self.0.verifying_key().to_bytes())
    }

    /// An Ed25519 signature over the message (RFC 8032, deterministic).
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorKey of {}", self.author())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_reads_back_from_its_did() {
        let author = AuthorKey::from_seed(&[7; 32]).author();
        let text = author.to_string();
        assert!(text.starts_with("did:key:z6Mk"), "{text}");
        assert_eq!(text.parse(), Ok(author));
    }

    #[test]
    fn a_did_of_another_kind_is_refused() {
        let author = AuthorKey::from_seed(&[7; 32]).author().to_string();
        for bad in ["", "did:key:", "did:web:example.org", &author[..20], &author.replace("z6Mk", "u6Mk")] {
            assert_eq!(bad.parse::<Author>(), Err(AuthorError), "{bad}");
        }
    }

    #[test]
    fn a_key_in_a_log_line_does_not_show_the_secret() {
        let shown = format!("{:?}", AuthorKey::from_seed(&[0xAB; 32]));
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("abab"), "{shown}");
    }
}
