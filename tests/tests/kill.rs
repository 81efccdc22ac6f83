//! A process that is killed with SIGKILL in the middle of appending: whatever it acknowledged is on the disk.
//!
//! The test starts its own program again as the victim, which appends to a RocksDB store and prints the id of each entry
//! once it is acknowledged; the parent kills it at some moment, reads what was printed, and opens the folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures::FutureExt;
use tidings_ledger::handle::{Clock, SystemClock};
use tidings_ledger::store::{RocksOptions, RocksStore, Store};
use tidings_ledger::transport::Blocks;
use tidings_ledger::{AuthorKey, Draft, EntryId, Ledger, Library, Options, Topic, TopicName};

const FOLDER: &str = "TIDINGS_TEST_VICTIM_FOLDER";

/// How many acknowledgements the parent waits for before it kills: few, many, and a number in between.
const PATIENCE: [usize; 4] = [1, 40, 700, 3000];

fn open(folder: &Path) -> (Arc<dyn Store>, Ledger, Topic) {
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(folder, RocksOptions::default()).expect("the folder opens"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = Ledger::offline(store.clone(), clock, Options::default()).expect("the ledger opens");
    let topic = ledger.topic(&TopicName::parse("room:victim").expect("a good name"));
    (store, ledger, topic)
}

/// Not a test of its own: the program that is killed. Without the variable it does nothing.
#[test]
fn the_victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (_, _, topic) = open(Path::new(&folder));
    let mut out = std::io::stderr().lock();
    for round in 0.. {
        // One by one, and now and then a bulk, whose folder follows later.
        let count = if round % 50 == 49 { 200 } else { 1 };
        let key = AuthorKey::from_seed(&[round as u8 % 5; 32]);
        let drafts = (0..count).map(|at| Draft::new("post", format!("Round {round}, entry {at}."))).collect();
        let entries = topic.append_all(&key, drafts).now_or_never().expect("nobody else appends").expect("it is taken");
        for entry in entries {
            writeln!(out, "ack {}", entry.id()).expect("the parent listens");
        }
    }
}

/// Lets the victim run until it has acknowledged so many entries, kills it, and gives all that it acknowledged.
fn run_and_kill(folder: &Path, patience: usize) -> Vec<EntryId> {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut victim = Command::new(program)
        .args(["--exact", "the_victim", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(victim.stderr.take().expect("it is piped")).lines();
    let mut acknowledged = Vec::new();
    let mut is_killed = false;
    // After the kill, what is left in the pipe was acknowledged, too. A line that was cut off in the middle was not.
    while let Some(Ok(line)) = lines.next() {
        acknowledged.extend(line.strip_prefix("ack ").and_then(|id| id.parse::<EntryId>().ok()));
        if acknowledged.len() >= patience && !is_killed {
            victim.kill().expect("it is ours to kill");
            is_killed = true;
        }
    }
    let status = victim.wait().expect("it ends");
    assert!(is_killed && !status.success(), "the victim ended by itself: {status}");
    acknowledged
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = Vec::new();
    for patience in PATIENCE {
        acknowledged.extend(run_and_kill(folder.path(), patience));
        let (store, ledger, topic) = open(folder.path());
        ledger.flush().expect("the store takes it");
        for id in &acknowledged {
            assert!(ledger.entry(id).expect("the store reads").is_some(), "{id} was acknowledged and is gone");
        }
        let audit = topic.audit().expect("the store reads");
        assert!(audit.forks.is_empty() && audit.gaps.is_empty(), "the chains broke: {audit:?}");
        let info = topic.info().expect("the store reads");
        assert!(info.entries >= acknowledged.len() as u64, "{} of {} are listed", info.entries, acknowledged.len());
        check_folder(&Library::new(store), &info.cid.expect("there are entries"), info.entries);
    }
}

/// Everything below the root is there, and it lists as many entries as it should.
fn check_folder(library: &Library, root: &cid::Cid, entries: u64) {
    let mut waiting = vec![*root];
    let mut files = 0;
    while let Some(cid) = waiting.pop() {
        let block =
            library.get(&cid).expect("the store reads").unwrap_or_else(|| panic!("{cid} is listed and not there"));
        if cid.codec() == 0x70 {
            let node = ipld_dagpb::PbNode::from_bytes(block).expect("our own nodes decode");
            waiting.extend(node.links.into_iter().map(|link| link.cid));
        } else {
            files += 1;
        }
    }
    assert_eq!(files, entries, "the folder lists another number of entries than there are");
}
