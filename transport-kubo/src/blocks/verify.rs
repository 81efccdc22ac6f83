//! A daemon is not trusted with integrity: what it gives must hash to the CID asked for.

use cid::Cid;
use sha2::{Digest, Sha256};

/// Multihash code of SHA-256, which all of Tidings' CIDs are made with.
const SHA2_256: u64 = 0x12;

/// Whether this transport can tell right bytes from wrong ones.
pub(super) fn can_be_verified(cid: &Cid) -> bool {
    cid.hash().code() == SHA2_256 && cid.hash().digest().len() == 32
}

/// Whether these are the bytes that the CID names.
pub(super) fn is_right(cid: &Cid, bytes: &[u8]) -> bool {
    can_be_verified(cid) && Sha256::digest(bytes).as_slice() == cid.hash().digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use multihash::Multihash;

    #[test]
    fn other_bytes_and_other_hashes_are_not_taken_on_trust() {
        let cid = |code| Cid::new_v1(0x55, Multihash::wrap(code, &Sha256::digest(b"x")).expect("it fits"));
        assert!(is_right(&cid(SHA2_256), b"x"));
        assert!(!is_right(&cid(SHA2_256), b"y"));
        assert!(!is_right(&cid(0x1e), b"x"), "BLAKE3 is not looked into");
        assert!(!is_right(&Cid::new_v1(0x55, Multihash::wrap(0, b"x").expect("it fits")), b"x"));
    }
}
