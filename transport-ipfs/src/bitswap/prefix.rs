//! CID prefixes: what a block on the wire says of its CID, and how the rest follows from the bytes.

use cid::{Cid, Version};
use multihash::Multihash;
use sha2::{Digest, Sha256};

use super::varint::{self, Varint};

/// SHA2-256 in the table of multihash codes.
pub(crate) const SHA2_256: u64 = 0x12;
/// The identity «hash»: the digest is the data.
pub(crate) const IDENTITY: u64 = 0x00;
/// dag-pb in the table of codecs.
pub(crate) const DAG_PB: u64 = 0x70;

/// Version, codec and hash function of a CID: all but the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    version: Version,
    codec: u64,
    hash: u64,
    len: u64,
}

impl Prefix {
    /// What a bare block of Bitswap 1.0.0 has: CIDv0.
    pub(crate) const V0: Prefix = Prefix { version: Version::V0, codec: DAG_PB, hash: SHA2_256, len: 32 };

    /// The prefix of a CID.
    pub(crate) fn of(cid: &Cid) -> Prefix {
        Prefix {
            version: cid.version(),
            codec: cid.codec(),
            hash: cid.hash().code(),
            len: u64::from(cid.hash().size()),
        }
    }

    /// Reads the four numbers. Bytes after them are ignored, as Kubo does.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Prefix> {
        let mut rest = bytes;
        let mut number = || match varint::read(rest) {
            Varint::Value(value, len) => {
                rest = &rest[len..];
                Some(value)
            }
            Varint::Short | Varint::Bad => None,
        };
        let (version, codec, hash, len) = (number()?, number()?, number()?, number()?);
        let version = match version {
            0 => Version::V0,
            1 => Version::V1,
            _ => return None,
        };
        Some(Prefix { version, codec, hash, len })
    }

    /// Appends the four numbers.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for number in self.numbers() {
            varint::write(number, out);
        }
    }

    /// How many bytes [`Prefix::encode`] appends.
    pub(crate) fn encoded_len(&self) -> usize {
        self.numbers().into_iter().map(varint::len).sum()
    }

    /// The CID of `data` under this prefix, or `None` when the hash function is not one that is checked here
    /// (SHA2-256 and identity) or the parts do not go together.
    pub(crate) fn cid_of(&self, data: &[u8]) -> Option<Cid> {
        let hash = match self.hash {
            SHA2_256 if self.len == 32 => Multihash::wrap(SHA2_256, &Sha256::digest(data)).ok()?,
            IDENTITY => Multihash::wrap(IDENTITY, data).ok()?,
            _ => return None,
        };
        Cid::new(self.version, self.codec, hash).ok()
    }

    fn numbers(&self) -> [u64; 4] {
        [self.version.into(), self.codec, self.hash, self.len]
    }
}

/// Whether blocks under this CID can be checked here.
pub(crate) fn is_checkable(cid: &Cid) -> bool {
    match cid.hash().code() {
        SHA2_256 => cid.hash().size() == 32,
        code => code == IDENTITY,
    }
}

/// The block that an identity CID carries in itself.
pub(crate) fn inline_block(cid: &Cid) -> Option<&[u8]> {
    (cid.hash().code() == IDENTITY).then(|| cid.hash().digest())
}
