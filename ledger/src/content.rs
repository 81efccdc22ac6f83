//! Content ids: SHA-256, CIDv1, and the two codecs in use.

use cid::Cid;
use multihash::Multihash;
use sha2::{Digest, Sha256};

/// Multicodec of a block of plain bytes.
pub(crate) const RAW: u64 = 0x55;

/// Multicodec of a dag-pb node.
pub(crate) const DAG_PB: u64 = 0x70;

/// Multihash code of SHA-256.
const SHA2_256: u64 = 0x12;

/// The SHA-256 of the bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The CIDv1 of a block with this SHA-256.
pub(crate) fn cid(codec: u64, digest: &[u8; 32]) -> Cid {
    let hash = Multihash::wrap(SHA2_256, digest).expect("32 bytes fit into a multihash of 64");
    Cid::new_v1(codec, hash)
}

/// The CIDv1 of a block of plain bytes.
pub(crate) fn raw_cid(bytes: &[u8]) -> Cid {
    cid(RAW, &sha256(bytes))
}

/// The CIDv1 of a dag-pb node.
pub(crate) fn node_cid(bytes: &[u8]) -> Cid {
    cid(DAG_PB, &sha256(bytes))
}

/// The digest of a CID made with SHA-256, which all of ours are.
pub(crate) fn digest_of(cid: &Cid) -> Option<[u8; 32]> {
    (cid.hash().code() == SHA2_256).then(|| cid.hash().digest().try_into().ok()).flatten()
}
