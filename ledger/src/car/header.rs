//! The header: the DAG-CBOR map `{"roots": [CID …], "version": 1}`.

use cid::Cid;

use super::limits;
use crate::cbor::{Reader, Writer};

/// Tag 42, an IPLD link.
const LINK: [u8; 2] = [0xd8, 0x2a];

/// The whole header of a version 2 file, told apart for a better message.
const VERSION_2: &[u8] = b"\xa1\x67version\x02";

pub(super) fn encode(roots: &[Cid]) -> Vec<u8> {
    let mut out = Vec::with_capacity(18 + 41 * roots.len());
    Writer::new(&mut out).map(2).text("roots").array(roots.len());
    for root in roots {
        // The zero byte is the multibase prefix "identity", which DAG-CBOR wants.
        let mut bytes = vec![0];
        bytes.extend_from_slice(&root.to_bytes());
        out.extend_from_slice(&LINK);
        Writer::new(&mut out).bytes(&bytes);
    }
    Writer::new(&mut out).text("version").uint(1);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Cid>, &'static str> {
    if bytes == VERSION_2 {
        return Err("it is version 2; take the version 1 file out of it (`car get-dag`, or export it anew)");
    }
    let malformed = "its header is malformed";
    let mut reader = Reader::new(bytes);
    if reader.map() != Ok(2) || reader.text() != Ok("roots") {
        return Err(malformed);
    }
    let count = reader.array().map_err(|_| malformed)?;
    if count > limits::ROOTS as u64 {
        return Err("it has too many roots");
    }
    let mut roots = Vec::new();
    for _ in 0..count {
        reader.literal(&LINK).map_err(|_| malformed)?;
        let link = reader.bytes().map_err(|_| malformed)?;
        // Reading a CID stops at its end: what comes after it would go unseen.
        let whole = |bytes: &&[u8]| Cid::try_from(*bytes).ok().filter(|cid| cid.to_bytes() == *bytes);
        let cid = link.strip_prefix(&[0]).as_ref().and_then(whole);
        roots.push(cid.ok_or("a root is not a CID")?);
    }
    if reader.text() != Ok("version") || reader.uint() != Ok(1) || reader.finish().is_err() {
        return Err(malformed);
    }
    Ok(roots)
}
