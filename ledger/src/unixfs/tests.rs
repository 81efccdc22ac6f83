//! Files made here against files made by others, and graphs made by nobody honest.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::executor::block_on;
use futures::{FutureExt, TryStreamExt};
use ipld_dagpb::{PbLink, PbNode};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::car::CarReader;
use crate::content::{node_cid, raw_cid};
use crate::depth::cases;

type Blocks = BTreeMap<Cid, Bytes>;

/// Byte `i` is the top byte of `i · 2654435761` modulo 2³²: easy to make in any language, different in every chunk.
pub(crate) fn content(len: usize) -> impl Read {
    let mut at = 0u32;
    std::io::Read::take(
        Generator(move || {
            at = at.wrapping_add(1);
            ((at - 1).wrapping_mul(2_654_435_761) >> 24) as u8
        }),
        len as u64,
    )
}

struct Generator<F>(F);

impl<F: FnMut() -> u8> Read for Generator<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill_with(&mut self.0);
        Ok(buffer.len())
    }
}

fn bytes_of(len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    content(len).read_to_end(&mut bytes).unwrap();
    bytes
}

fn made(layout: Layout, reader: impl Read) -> (Added, Blocks) {
    let mut blocks = Blocks::new();
    let added = add_with(layout, reader, |cid, bytes| {
        blocks.insert(cid, bytes);
        Ok::<_, Infallible>(())
    });
    (added.unwrap(), blocks)
}

/// A source that counts what it was asked for.
fn source(blocks: Blocks) -> (Unixfs<impl Source>, Arc<Mutex<Vec<Cid>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let unixfs = Unixfs::new(move |cid: Cid| -> BlockFuture {
        log.lock().push(cid);
        futures::future::ready(blocks.get(&cid).cloned().ok_or(BlockError::NotHeld)).boxed()
    });
    (unixfs, asked)
}

fn read_all(unixfs: &Unixfs<impl Source>, cid: Cid, from: u64, len: Option<u64>) -> Result<Vec<u8>, UnixfsError> {
    block_on(unixfs.read(cid, from, len).try_fold(Vec::new(), |mut all, data| async move {
        assert!(!data.is_empty());
        all.extend_from_slice(&data);
        Ok(all)
    }))
}

fn foreign() -> (Vec<Cid>, Blocks) {
    let reader = CarReader::new(&include_bytes!("../../tests/data/foreign.car")[..]).unwrap();
    (reader.roots().to_vec(), reader.collect::<Result<_, _>>().unwrap())
}

#[test]
fn a_file_has_the_cid_that_kubo_and_helia_give_it() {
    // From js `ipfs-unixfs-importer` 17.1.1 with the settings of the profile `unixfs-v1-2025`; small chunks and few
    // links make deep trees of little data.
    for (size, chunk, links, cid) in [
        (0, CHUNK, LINKS, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (1, CHUNK, LINKS, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"),
        (1_048_575, CHUNK, LINKS, "bafkreier2yx5dueo7mav2tptofagkmdc5pfv55jeeer76ne36uhaxstila"),
        (1_048_576, CHUNK, LINKS, "bafkreigkmbztslxhdw6ruljvnq6kuiz7r6bivyl7r6f2qvyo4nerxyjivm"),
        (1_048_577, CHUNK, LINKS, "bafybeicazqphgjf4g4qf4skxzdrp4q4ggibd5eun436hnrf7iftnvy4pde"),
        (3_145_733, CHUNK, LINKS, "bafybeifstep6gozxpr4a7flcfp6ytqjizppon2b67n4zsobxtymldpjyjq"),
        (65, 16, 4, "bafybeifsjakt745gvh4tf5hetkbwya2lhdqcruxmrlc2bo44b5ktisdlfm"),
        (100, 16, 4, "bafybeibgtvp2wtalaqhvnufemmxqfnqssm7imxgmv6v52afzl4hlhciwny"),
        (256, 16, 4, "bafybeidrph3x327grf35ywbmvlp3siwvq77tfow55ahdix5m5tmswhdp2a"),
        (257, 16, 4, "bafybeiaub6akyplqyz2jmypf5rupzpemgh25vlahqfpvoakqkbznlxzshy"),
        (1024, 16, 4, "bafybeid27rueefc6bw46iqtoiingadslufeguky7ahn5ow5kurvgaajzdu"),
        (1025, 16, 4, "bafybeicoarxbcai75fki3emksqza2soxzfho7deonhimi3xnshf3w6j4ca"),
        (5000, 16, 4, "bafybeia5hqbmkfcfe6dstmeywaanduetlxda325tlfwne3vm5kkjniaqiq"),
        (5000, 7, 2, "bafybeiaciwir2bk2fxcmidtyfnvhkjg3uswmaryrijk3czddhvecrteuwq"),
    ] {
        let (added, _) = made(Layout { chunk, links }, content(size));
        assert_eq!((added.cid.to_string().as_str(), added.size), (cid, size as u64), "{size} bytes by {chunk}");
    }
}

#[test]
fn old_files_and_folders_of_others_read_back() {
    // CIDv0 throughout, 64-byte dag-pb leaves, three links a node.
    let (roots, blocks) = foreign();
    let (unixfs, _) = source(blocks);
    let found = block_on(unixfs.resolve(roots[0], "/big.bin")).unwrap();
    assert_eq!((found.kind, found.cid.version()), (Kind::File { size: 1000 }, cid::Version::V0));
    assert_eq!(read_all(&unixfs, found.cid, 0, None).unwrap(), bytes_of(1000));
    assert_eq!(read_all(&unixfs, found.cid, 990, Some(500)).unwrap(), bytes_of(1000)[990..]);
    let deep = block_on(unixfs.resolve(roots[0], "sub//deep.txt")).unwrap();
    assert_eq!(read_all(&unixfs, deep.cid, 0, None).unwrap(), b"deep");
    let error = block_on(unixfs.resolve(roots[0], "sub/none.txt")).unwrap_err();
    assert!(matches!(error, UnixfsError::NoSuchName { ref name, .. } if name == "none.txt"), "{error}");
    let error = block_on(unixfs.resolve(roots[0], "small.txt/more")).unwrap_err();
    assert!(matches!(error, UnixfsError::NotDirectory(_)), "{error}");
}

#[test]
fn a_sharded_directory_of_others_is_listed_and_searched() {
    let (roots, blocks) = foreign();
    let (unixfs, asked) = source(blocks);
    for (root, count) in [(roots[1], 300), (roots[2], 60)] {
        let mut names: Vec<String> =
            block_on(unixfs.list(root).try_concat()).unwrap().into_iter().map(|entry| entry.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        for n in 0..count {
            asked.lock().clear();
            let found = block_on(unixfs.resolve(root, &format!("file number {n}.txt"))).unwrap();
            assert_eq!(found.block, format!("content {n}"));
            assert!(asked.lock().len() <= 5, "one node a level, not the whole directory");
        }
        assert!(
            matches!(block_on(unixfs.resolve(root, "no such file")), Err(UnixfsError::NoSuchName { cid, .. }) if cid == root)
        );
    }
}

#[test]
fn a_range_costs_only_the_blocks_that_it_touches() {
    let (added, blocks) = made(Layout { chunk: 10, links: 4 }, content(6400));
    let (unixfs, asked) = source(blocks);
    assert_eq!(read_all(&unixfs, added.cid, 3205, Some(10)).unwrap(), bytes_of(6400)[3205..3215]);
    // 640 chunks are 5 levels above the leaves; two neighbours share all but perhaps the lowest of their nodes.
    assert!(asked.lock().len() <= 2 * 5 + 2, "{}", asked.lock().len());
}

#[test]
fn a_block_written_out_in_its_cid_is_asked_of_nobody() {
    let inlined = Cid::new_v1(0x55, multihash::Multihash::wrap(0, b"tiny").unwrap());
    let directory = dag_pb(vec![0x08, 1], [("a", inlined)]);
    let root = node_cid(&directory);
    let (unixfs, asked) = source([(root, directory)].into());
    let found = block_on(unixfs.resolve(root, "a")).unwrap();
    assert_eq!(read_all(&unixfs, found.cid, 1, None).unwrap(), b"iny");
    assert_eq!(*asked.lock(), [root]);
}

fn dag_pb<'a>(data: Vec<u8>, links: impl IntoIterator<Item = (&'a str, Cid)>) -> Bytes {
    let links = links.into_iter().map(|(name, cid)| PbLink { cid, name: Some(name.into()), size: Some(1) }).collect();
    Bytes::from(PbNode { links, data: Some(data.into()) }.into_bytes())
}

fn file_node(parts: &[(Cid, u64)]) -> Bytes {
    let sizes: Vec<u64> = parts.iter().map(|(_, size)| *size).collect();
    dag_pb(message::encode_file(&sizes), parts.iter().map(|(cid, _)| ("", *cid)))
}

#[test]
fn a_file_that_lies_about_its_parts_is_an_error_not_wrong_bytes() {
    let leaf = Bytes::from_static(b"four");
    let mut blocks = Blocks::from([(raw_cid(&leaf), leaf.clone())]);
    for lie in [3, 5, 1 << 40] {
        let node = file_node(&[(raw_cid(&leaf), lie)]);
        let root = node_cid(&node);
        blocks.insert(root, node);
        let (unixfs, _) = source(blocks.clone());
        let error = read_all(&unixfs, root, 0, None).unwrap_err();
        assert!(matches!(error, UnixfsError::Size { claimed, found: 4, .. } if claimed == lie), "{error}");
    }
}

#[test]
fn a_bomb_of_empty_parts_costs_one_block() {
    // 32 levels of a thousand links to the same node below: 1000³² nodes to visit, not one byte in them.
    let mut below = Bytes::new();
    let mut blocks = Blocks::from([(raw_cid(&below), below.clone())]);
    let mut cid = raw_cid(&below);
    for _ in 0..20 {
        below = file_node(&vec![(cid, 0); 1000]);
        cid = node_cid(&below);
        blocks.insert(cid, below);
    }
    let (unixfs, asked) = source(blocks);
    assert_eq!(read_all(&unixfs, cid, 0, None).unwrap(), b"");
    assert_eq!(asked.lock().len(), 1);
}

#[test]
fn a_file_too_deep_or_too_large_for_numbers_is_refused() {
    let leaf = Bytes::from_static(b"four");
    let (mut cid, mut size) = (raw_cid(&leaf), 4u64);
    let mut blocks = Blocks::from([(cid, leaf)]);
    for links in [1; 40] {
        let node = file_node(&vec![(cid, size); links]);
        cid = node_cid(&node);
        blocks.insert(cid, node);
        size *= links as u64;
    }
    let node = file_node(&[(cid, u64::MAX), (cid, u64::MAX)]);
    let too_large = node_cid(&node);
    blocks.insert(too_large, node);
    let (unixfs, _) = source(blocks);
    assert!(matches!(read_all(&unixfs, cid, 0, None), Err(UnixfsError::TooDeep(_))));
    assert!(matches!(read_all(&unixfs, too_large, 0, None), Err(UnixfsError::Node { .. })));
}

#[test]
fn a_sharded_directory_of_empty_shards_is_refused_at_the_first() {
    let data = |fanout: u8| vec![0x08, 5, 0x28, 0x22, 0x30, fanout];
    let empty = dag_pb(data(8), []);
    let names: Vec<String> = (0..8).map(|n| format!("{n}")).collect();
    let root = dag_pb(data(8), names.iter().map(|name| (name.as_str(), node_cid(&empty))));
    let (unixfs, asked) = source([(node_cid(&empty), empty), (node_cid(&root), root.clone())].into());
    let listed: Result<Vec<DirEntry>, _> = block_on(unixfs.list(node_cid(&root)).try_concat());
    assert!(matches!(listed, Err(UnixfsError::Node { .. })));
    assert_eq!(asked.lock().len(), 2);
}

#[test]
fn a_missing_block_is_named_and_ends_the_reading() {
    let (added, mut blocks) = made(Layout { chunk: 10, links: 4 }, content(100));
    let gone = raw_cid(&bytes_of(60)[50..60]);
    blocks.remove(&gone);
    let (unixfs, _) = source(blocks);
    let error = read_all(&unixfs, added.cid, 0, None).unwrap_err();
    assert_eq!(error, UnixfsError::Block { cid: gone, error: BlockError::NotHeld.into() });
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_range_of_any_file_is_that_range(
        len in 0usize..3000, chunk in 1usize..64, links in 2usize..6, from in 0u64..3200, want in prop::option::of(0u64..3200),
    ) {
        let (added, blocks) = made(Layout { chunk, links }, content(len));
        let (unixfs, _) = source(blocks);
        let whole = bytes_of(len);
        let start = (from as usize).min(len);
        let end = want.map_or(len, |want| (start + want as usize).min(len));
        prop_assert_eq!(read_all(&unixfs, added.cid, from, want).unwrap(), &whole[start..end]);
    }

    #[test]
    fn garbage_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), wrap: bool) {
        let bytes = if wrap { dag_pb(bytes, [("a", raw_cid(b"a"))]) } else { Bytes::from(bytes) };
        let cid = node_cid(&bytes);
        let (unixfs, _) = source([(cid, bytes)].into());
        let _ = read_all(&unixfs, cid, 0, None);
        let _ = block_on(unixfs.resolve(cid, "a/b"));
        let _: Result<Vec<DirEntry>, _> = block_on(unixfs.list(cid).try_concat());
    }
}
