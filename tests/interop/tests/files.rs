//! Files and folders that others made, read through a node's own HTTP side.

use std::path::Path;

use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tidings_interop::{Files, KuboDaemon, Lines, Peer, Program, Served, files_below};

/// A small file, an empty one, a long one (9 MiB: 36 chunks of old Kubo, several of the others), a folder in a folder, and odd names.
fn tree() -> (TempDir, Files) {
    let folder = tempdir().expect("a temporary folder");
    let write = |name: &str, data: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(path, data).expect("it is written");
    };
    let long: Vec<u8> = (0..9_437_300u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write("small.txt", b"A few words.");
    write("empty.bin", b"");
    write("long.bin", &long);
    write("below/further/deep.txt", b"deep");
    write("below/with blank & 100% ü.txt", b"odd");
    let files = files_below(folder.path());
    (folder, files)
}

/// The same file under this many names: more than one block can list.
fn crowd(count: usize) -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    for at in 0..count {
        std::fs::write(folder.path().join(format!("entry number {at}")), format!("content {at}"))
            .expect("it is written");
    }
    folder
}

/// A running node of ours that is connected with the peer.
fn serving(program: &Program, peer: &dyn Peer) -> Served {
    program.serve(&["--peer", peer.address()])
}

fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn reads_all(node: &Served, cid: &str, files: &Files) {
    for (path, content) in files {
        let (status, body) = node.get(&format!("/ipfs/{cid}/{}", encoded(path)));
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        assert!(body == *content, "{path}: {} bytes of {}", body.len(), content.len());
    }
}

fn read_from(peer: &dyn Peer, add: impl FnOnce(&Path) -> String) {
    let ((folder, files), program) = (tree(), Program::new());
    let node = serving(&program, peer);
    let cid = add(folder.path());
    reads_all(&node, &cid, &files);
    let (status, page) = node.get(&format!("/ipfs/{cid}/"));
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&page).contains("long.bin"), "the listing names what is in it");
    assert_eq!(node.get(&format!("/ipfs/{cid}/no/such/file")).0, 404);
}

#[test]
fn a_folder_added_by_kubo_is_read() {
    let kubo = KuboDaemon::start();
    read_from(&kubo, |path| kubo.add(path));
}

#[test]
fn a_folder_added_by_kubo_in_todays_layout_is_read() {
    let kubo = KuboDaemon::start();
    read_from(&kubo, |path| {
        let path = path.to_str().expect("a plain path");
        kubo.must(&["add", "-Q", "-r", "--cid-version=1", "--chunker=size-1048576", path])
    });
}

#[test]
fn files_of_any_chunker_and_layout_are_read() {
    let kubo = KuboDaemon::start();
    let (folder, files) = tree();
    let program = Program::new();
    let node = serving(&program, &kubo);
    let path = folder.path().to_str().expect("a plain path");
    for how in [
        &["--chunker=rabin-16384-65536-131072"][..],
        &["--trickle", "--raw-leaves=false"],
        &["--chunker=buzhash", "--cid-version=1"],
        &["--chunker=size-4096", "--max-file-links=8"],
        &["--inline", "--inline-limit=64"],
        &["--preserve-mode", "--preserve-mtime"],
    ] {
        let cid = kubo.must(&[&["add", "-Q", "-r"], how, &[path]].concat());
        reads_all(&node, &cid, &files);
    }
}

#[test]
fn a_folder_added_by_old_kubo_is_read() {
    let kubo = Lines::old_kubo();
    read_from(&kubo, |path| kubo.add(path));
}

#[test]
fn a_folder_added_by_helia_is_read() {
    let helia = Lines::helia();
    read_from(&helia, |path| helia.add(path));
}

#[test]
fn a_sharded_folder_is_listed_and_searched() {
    let (kubo, folder, program) = (KuboDaemon::start(), crowd(3000), Program::new());
    let node = serving(&program, &kubo);
    let path = folder.path().to_str().expect("a plain path");
    for how in [&["--max-hamt-fanout=256"][..], &["--max-hamt-fanout=8", "--cid-version=1"]] {
        // A low bound on the links of one block, so that it is sharded however short the names are.
        let cid = kubo.must(&[&["add", "-Q", "-r", "--max-directory-links=100"], how, &[path]].concat());
        let root = kubo.must(&["dag", "get", &cid]);
        let root: Value = serde_json::from_str(&root).expect("JSON");
        assert!(root["Links"].as_array().is_some_and(|links| links.len() < 3000), "Kubo did not shard: {root}");
        for at in [0, 1, 17, 999, 2999] {
            let (status, body) = node.get(&format!("/ipfs/{cid}/{}", encoded(&format!("entry number {at}"))));
            assert_eq!((status, body), (200, format!("content {at}").into_bytes()));
        }
        assert_eq!(node.get(&format!("/ipfs/{cid}/entry%20number%203000")).0, 404);
        let (status, page) = node.get(&format!("/ipfs/{cid}/"));
        let names = String::from_utf8_lossy(&page).matches("<li>").count();
        assert_eq!((status, names), (200, 3000));
    }
}
