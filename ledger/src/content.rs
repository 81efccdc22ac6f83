//! Content ids as they are used here: CIDv1, SHA-256, and two codecs. For whoever writes a transport, or a tool that makes blocks.
//!
//! See the specifications of [CID](https://github.com/multiformats/cid) and [dag-pb](https://ipld.io/specs/codecs/dag-pb/).

use cid::Cid;
use multihash::Multihash;
use sha2::{Digest, Sha256};

/// Multicodec of a block of plain bytes.
pub const RAW: u64 = 0x55;

/// Multicodec of a dag-pb node.
pub const DAG_PB: u64 = 0x70;

/// Multihash code of SHA-256.
const SHA2_256: u64 = 0x12;

/// The SHA-256 of the bytes. O(length).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The CIDv1 of a block with this SHA-256.
pub fn cid(codec: u64, digest: &[u8; 32]) -> Cid {
    let hash = Multihash::wrap(SHA2_256, digest).expect("32 bytes fit into a multihash of 64");
    Cid::new_v1(codec, hash)
}

/// The CIDv1 of a block of plain bytes. O(length).
pub fn raw_cid(bytes: &[u8]) -> Cid {
    cid(RAW, &sha256(bytes))
}

/// The CIDv1 of a dag-pb node. O(length).
pub fn node_cid(bytes: &[u8]) -> Cid {
    cid(DAG_PB, &sha256(bytes))
}

/// The SHA-256 of no bytes at all.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// Whether this is the block of no bytes, which everybody has: the content of an empty file. It must not be asked of others,
/// because Kubo (0.43 and all before it) holds it like any other block but never sends it.
pub(crate) fn is_nothing(cid: &Cid) -> bool {
    cid.codec() == RAW && digest_of(cid) == Some(OF_NOTHING)
}

/// The digest of a CID made with SHA-256, which all of ours are.
pub fn digest_of(cid: &Cid) -> Option<[u8; 32]> {
    (cid.hash().code() == SHA2_256).then(|| cid.hash().digest().try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_by_its_cid() {
        assert!(is_nothing(&raw_cid(b"")));
        assert!(!is_nothing(&raw_cid(b"x")));
        assert!(!is_nothing(&node_cid(b"")));
    }
}
