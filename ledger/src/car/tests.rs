//! CAR files good and bad.

use cid::Cid;
use proptest::prelude::*;

use super::{CarError, CarReader, CarWriter};
use crate::content::{node_cid, raw_cid};

fn car(roots: &[Cid], blocks: &[(Cid, &[u8])]) -> Vec<u8> {
    let mut writer = CarWriter::new(Vec::new(), roots).unwrap();
    for (cid, bytes) in blocks {
        writer.write(cid, bytes).unwrap();
    }
    let written = writer.written();
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes.len() as u64, written);
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<(Cid, Vec<u8>)>, CarError> {
    CarReader::new(bytes)?.map(|block| block.map(|(cid, bytes)| (cid, bytes.to_vec()))).collect()
}

#[test]
fn a_car_is_byte_for_byte_what_the_specification_says() {
    let hello = raw_cid(b"hello");
    let bytes = car(&[hello], &[(hello, b"hello")]);
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    // The header as `ipfs dag export` writes it: {"roots": [42(h'00' + CID)], "version": 1}; then one section.
    let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let expected = format!(
        "3aa265726f6f747381d82a58250001551220{digest}6776657273696f6e0129{cid}{digest}68656c6c6f",
        cid = "01551220"
    );
    assert_eq!(hex, expected);
}

#[test]
fn a_car_that_others_wrote_is_read_with_all_its_blocks() {
    // Made with js `ipfs-unixfs-importer` 17.1.1.
    let mut reader = CarReader::new(&include_bytes!("../../tests/data/foreign.car")[..]).unwrap();
    assert_eq!(reader.roots().len(), 3);
    let blocks = reader.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(blocks.iter().any(|(cid, _)| cid.version() == cid::Version::V0));
    assert_eq!(reader.offset(), 53900);
}

#[test]
fn a_flipped_byte_anywhere_is_an_error_or_another_root() {
    let (a, b) = (raw_cid(b"one"), node_cid(b"two"));
    let good = car(&[a], &[(a, b"one"), (b, b"two")]);
    assert_eq!(read(&good).unwrap().len(), 2);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        let same_root = CarReader::new(&bad[..]).is_ok_and(|reader| reader.roots() == [a]);
        let same_blocks = read(&bad).is_ok_and(|blocks| blocks == [(a, b"one".to_vec()), (b, b"two".to_vec())]);
        assert!(!(same_root && same_blocks), "byte {at}");
    }
}

#[test]
fn a_file_cut_short_says_where_the_broken_part_begins() {
    let (a, b) = (raw_cid(b"one"), raw_cid(b"two"));
    let whole = car(&[a], &[(a, b"one"), (b, b"two")]);
    let second = whole.len() as u64 - 40;
    for cut in 1..40 {
        match read(&whole[..whole.len() - cut]) {
            Err(CarError::Truncated { offset }) => assert_eq!(offset, second, "cut {cut}"),
            other => panic!("cut {cut}: {other:?}"),
        }
    }
}

#[test]
fn a_section_that_claims_gigabytes_is_refused_before_anything_is_allocated() {
    let mut bytes = car(&[], &[]);
    let offset = bytes.len() as u64;
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(matches!(read(&bytes), Err(CarError::Length { offset: at, .. }) if at == offset));
}

#[test]
fn a_length_not_in_its_shortest_form_is_refused() {
    let good = car(&[], &[]);
    let mut padded = vec![good[0] | 0x80, 0];
    padded.extend(&good[1..]);
    assert!(matches!(read(&padded), Err(CarError::Header(_))));
}

#[test]
fn bytes_after_a_root_are_not_passed_over() {
    let good = car(&[raw_cid(b"root")], &[]);
    // One more byte within the link: the lengths around it are one more, too.
    let link = good.windows(3).position(|three| three == [0x58, 37, 0]).expect("a byte string of 37 bytes");
    let mut bad = good.clone();
    bad[0] += 1;
    bad[link + 1] += 1;
    bad.insert(link + 2 + 37, 0x77);
    assert!(read(&good).is_ok());
    assert!(matches!(read(&bad), Err(CarError::Header(why)) if why.contains("root")), "{:?}", read(&bad));
}

#[test]
fn a_version_2_file_is_named_as_such() {
    let mut bytes = vec![10];
    bytes.extend(b"\xa1\x67version\x02");
    bytes.extend([0; 40]);
    let error = CarReader::new(&bytes[..]).unwrap_err().to_string();
    assert!(error.contains("version 2"), "{error}");
}

#[test]
fn a_block_with_another_hash_function_is_named_not_trusted() {
    let multihash = multihash::Multihash::<64>::wrap(0x1e, &[7; 32]).unwrap();
    let cid = Cid::new_v1(0x55, multihash);
    assert!(matches!(read(&car(&[], &[(cid, b"x")])), Err(CarError::HashFunction { code: 0x1e, .. })));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..20)) {
        let blocks: Vec<(Cid, &[u8])> = blocks.iter().map(|bytes| (raw_cid(bytes), &bytes[..])).collect();
        let roots: Vec<Cid> = blocks.iter().take(3).map(|(cid, _)| *cid).collect();
        let bytes = car(&roots, &blocks);
        let reader = CarReader::new(&bytes[..]).unwrap();
        prop_assert_eq!(reader.roots(), &roots[..]);
        let back: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
        prop_assert!(back.iter().map(|(cid, bytes)| (*cid, &bytes[..])).eq(blocks));
    }

    #[test]
    fn garbage_neither_panics_nor_hangs(mut bytes in prop::collection::vec(any::<u8>(), 0..300), valid: bool) {
        if valid {
            let mut whole = car(&[], &[]);
            whole.append(&mut bytes);
            bytes = whole;
        }
        let _ = read(&bytes);
    }
}
