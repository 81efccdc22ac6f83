//! The wire format: golden bytes of another implementation, round trips, and garbage.

use bytes::Bytes;
use cid::Cid;
use data_encoding::HEXLOWER;
use multihash::Multihash;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::frame::Outgoing;
use super::message::{Entry, Message, Payload, Presence};
use super::prefix::{DAG_PB, Prefix, SHA2_256};
use super::varint::{self, Varint};
use super::version::Version;

/// Written by `@helia/bitswap` 4.0.19: a want-block and a want-have that ask for DONT_HAVE, and a cancel.
const HELIA_WANTS: &str = "0a8c010a2e0a24015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b98241001180\
                           0200028010a2c0a221220486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a71001180\
                           0200128010a2a0a24015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824100\
                           118011000";
/// Written by `@helia/bitswap` 4.0.19: an empty full wantlist, a block, HAVE, DONT_HAVE and pending bytes.
const HELIA_BLOCKS: &str = "0a0210011a0d0a0401551220120568656c6c6f22260a24015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b16\
                            1e5c1fa7425e73043362938b982422260a221220486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a\
                            6c65260e9cb8a710012807";

fn raw(data: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(SHA2_256, &Sha256::digest(data)).expect("32 bytes fit"))
}

fn v0(data: &[u8]) -> Cid {
    Prefix::V0.cid_of(data).expect("sha2-256")
}

fn golden(hex: &str) -> Bytes {
    HEXLOWER.decode(hex.as_bytes()).expect("hex").into()
}

fn body(frame: Vec<u8>) -> Bytes {
    let Varint::Value(len, prefix) = varint::read(&frame) else {
        panic!("a frame begins with its length");
    };
    let body = Bytes::from(frame).slice(prefix..);
    assert_eq!(body.len() as u64, len);
    body
}

#[test]
fn another_implementations_wants_are_understood() {
    let message = Message::decode(&golden(HELIA_WANTS)).expect("decodes");
    let want = Entry { cid: raw(b"hello"), cancel: false, have: false, send_dont_have: true };
    let have = Entry { cid: v0(b"world"), have: true, ..want };
    let cancel = Entry { cancel: true, send_dont_have: false, ..want };
    assert_eq!(message.entries, [want, have, cancel]);
    assert!(!message.full);
}

#[test]
fn bytes_after_a_cid_are_not_passed_over() {
    let cid = raw(b"hello").to_bytes();
    for extra in [&b""[..], b"x"] {
        let cid = [&cid[..], extra].concat();
        let field = |tag: u8, bytes: &[u8]| [&[tag, bytes.len() as u8][..], bytes].concat();
        let (want, presence) = (field(0x0a, &field(0x0a, &field(0x0a, &cid))), field(0x22, &field(0x0a, &cid)));
        for message in [want, presence] {
            assert_eq!(Message::decode(&message.into()).is_ok(), extra.is_empty());
        }
    }
}

#[test]
fn another_implementations_blocks_are_understood() {
    let message = Message::decode(&golden(HELIA_BLOCKS)).expect("decodes");
    assert!(message.full && message.entries.is_empty());
    let [Payload { prefix, data }] = &message.payload[..] else {
        panic!("one block");
    };
    assert_eq!(prefix.cid_of(data), Some(raw(b"hello")));
    let presences = [Presence { cid: raw(b"hello"), have: true }, Presence { cid: v0(b"world"), have: false }];
    assert_eq!(message.presences, presences);
}

#[test]
fn our_own_bytes_do_not_change_by_accident() {
    let want = Entry { cid: raw(b"hello"), cancel: false, have: false, send_dont_have: true };
    let out = Outgoing {
        entries: vec![want, Entry { have: true, ..want }, Entry { cancel: true, send_dont_have: false, ..want }],
        blocks: vec![(raw(b"hello"), Bytes::from_static(b"hello"))],
        presences: vec![Presence { cid: raw(b"hello"), have: true }, Presence { cid: v0(b"world"), have: false }],
    };
    let cid = "0a24015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let zero = "0a221220486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7";
    let wants =
        format!("0a2a{cid}10012801" /* block */) + &format!("0a2c{cid}100120012801") + &format!("0a2a{cid}10011801");
    let blocks = "1a0d0a0401551220120568656c6c6f";
    let presences = format!("2226{cid}2226{zero}1001");
    let expected = format!("0a8601{wants}{blocks}{presences}");
    assert_eq!(HEXLOWER.encode(&body(out.encode(Version::V1_2))), expected);
    let old =
        format!("0a8001{}", format!("0a28{cid}1001").repeat(2) + &format!("0a2a{cid}10011801")) + "120568656c6c6f";
    assert_eq!(HEXLOWER.encode(&body(out.encode(Version::V1_0))), old);
}

#[test]
fn a_block_of_the_first_version_is_found_by_its_hash() {
    let out = Outgoing { blocks: vec![(raw(b"hello"), Bytes::from_static(b"hello"))], ..Outgoing::default() };
    let message = Message::decode(&body(out.encode(Version::V1_0))).expect("decodes");
    let cid = message.payload[0].prefix.cid_of(&message.payload[0].data).expect("sha2-256");
    assert_eq!((cid.codec(), cid.hash()), (DAG_PB, raw(b"hello").hash()));
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    for bytes in ["0a05", "1a020a7f", "22ff", "0affffffffffffffffff01", "0a020a7f", "1a021200", "07", "0b"] {
        assert!(Message::decode(&golden(bytes)).is_err(), "{bytes}");
    }
}

#[test]
fn blocks_under_hashes_that_nobody_can_check_have_no_cid() {
    let blake = Prefix::decode(&[1, 0x55, 0xa0, 0xe4, 0x02, 0x20]).expect("four numbers");
    assert_eq!(blake.cid_of(b"hello"), None);
    let short = Prefix::decode(&[1, 0x55, 0x12, 0x14]).expect("four numbers");
    assert_eq!(short.cid_of(b"hello"), None, "a truncated digest proves less than it seems to");
}

fn any_cid() -> impl Strategy<Value = Cid> {
    (any::<[u8; 4]>(), 0..3u8).prop_map(|(data, kind)| match kind {
        0 => raw(&data),
        1 => v0(&data),
        _ => Cid::new_v1(0x71, Multihash::wrap(0, &data).expect("short")),
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (any_cid(), any::<[bool; 3]>()).prop_map(|(cid, [cancel, have, send_dont_have])| Entry {
        cid,
        cancel,
        have,
        send_dont_have,
    })
}

fn any_outgoing() -> impl Strategy<Value = Outgoing> {
    let blocks = vec((any_cid(), vec(any::<u8>(), 0..300).prop_map(Bytes::from)), 0..8);
    let presences = vec((any_cid(), any::<bool>()).prop_map(|(cid, have)| Presence { cid, have }), 0..8);
    (vec(any_entry(), 0..20), blocks, presences).prop_map(|(entries, blocks, presences)| Outgoing {
        entries,
        blocks,
        presences,
    })
}

proptest! {
    #[test]
    fn what_is_sent_is_what_is_received(out in any_outgoing()) {
        let message = Message::decode(&body(out.encode(Version::V1_2))).expect("own messages decode");
        prop_assert_eq!(message.entries, out.entries);
        prop_assert_eq!(message.presences, out.presences);
        let data: Vec<_> = out.blocks.iter().map(|(_, data)| data.clone()).collect();
        let got: Vec<_> = message.payload.iter().map(|payload| payload.data.clone()).collect();
        prop_assert_eq!(got, data);
        for (payload, (cid, _)) in message.payload.iter().zip(&out.blocks) {
            prop_assert_eq!(payload.prefix, Prefix::of(cid));
        }
    }

    #[test]
    fn older_versions_decode_too(out in any_outgoing(), first in any::<bool>()) {
        let version = if first { Version::V1_0 } else { Version::V1_1 };
        let message = Message::decode(&body(out.encode(version))).expect("own messages decode");
        prop_assert_eq!(message.entries.len(), out.entries.len());
        prop_assert!(message.presences.is_empty());
        prop_assert!(message.entries.iter().all(|entry| !entry.have && !entry.send_dont_have));
    }

    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Message::decode(&Bytes::from(bytes));
    }

    #[test]
    fn damaged_messages_never_panic(out in any_outgoing(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut bytes = body(out.encode(Version::V1_2)).to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if let Ok(message) = Message::decode(&Bytes::from(bytes)) {
                for payload in message.payload {
                    let _ = payload.prefix.cid_of(&payload.data);
                }
            }
        }
    }
}
