//! Sessions under a clock of the test's own.

use std::time::{Duration, Instant};

use cid::Cid;
use libp2p::PeerId;

use super::message::Entry;
use super::prefix::Prefix;
use super::session::{Actions, STALL, Session, Windows};

const PATIENCE: Duration = Duration::from_secs(10);
const WINDOWS: Windows = Windows { wants: 100, wants_kin: 1000, bytes: u64::MAX };

/// A session, its CIDs and the time.
struct Bench {
    session: Session,
    cids: Vec<Cid>,
    now: Instant,
    /// Bytes that came from each peer, for all.
    received: u64,
}

impl Bench {
    fn new(count: u32, windows: Windows) -> Self {
        let cids: Vec<Cid> = (0..count).map(|n| Prefix::V0.cid_of(&n.to_be_bytes()).expect("sha2-256")).collect();
        let now = Instant::now();
        Bench { session: Session::new(&cids, PATIENCE, windows, now), cids, now, received: 0 }
    }

    fn direct(&mut self, peer: PeerId) -> Vec<(PeerId, Entry)> {
        self.session.hint(peer);
        self.connect(peer)
    }

    fn connect(&mut self, peer: PeerId) -> Vec<(PeerId, Entry)> {
        self.session.connected(peer, false, self.now);
        self.pump()
    }

    fn pump(&mut self) -> Vec<(PeerId, Entry)> {
        let mut out = Actions::default();
        self.session.pump(self.now, &mut out);
        out.send
    }

    /// Lets time pass in steps of the real clock's tick. `None`: patience has run out.
    fn wait(&mut self, time: Duration) -> Option<Actions> {
        let mut out = Actions::default();
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(100);
            let received = self.received;
            if !self.session.tick(self.now, |_| received, &mut out) {
                return None;
            }
        }
        Some(out)
    }

    fn index(&self, cid: &Cid) -> u32 {
        self.cids.iter().position(|known| known == cid).expect("one of ours") as u32
    }

    fn block(&mut self, peer: &PeerId, cid: &Cid) -> Vec<(PeerId, Entry)> {
        let mut out = Actions::default();
        let index = self.index(cid);
        self.session.block(peer, index, 100, self.now, &mut out);
        out.send
    }

    fn presence(&mut self, peer: &PeerId, cid: &Cid, have: bool) {
        let index = self.index(cid);
        self.session.presence(peer, index, have, self.now);
    }
}

fn asked(sent: &[(PeerId, Entry)], peer: &PeerId) -> Vec<Cid> {
    let wants = sent.iter().filter(|(to, entry)| to == peer && !entry.have && !entry.cancel);
    wants.map(|(_, entry)| entry.cid).collect()
}

#[test]
fn the_announcer_is_sent_the_whole_batch_at_once() {
    let (mut bench, a) = (Bench::new(50, WINDOWS), PeerId::random());
    let sent = bench.direct(a);
    assert_eq!(asked(&sent, &a), bench.cids);
}

#[test]
fn no_more_is_asked_than_the_window_holds() {
    let (mut bench, a) = (Bench::new(500, WINDOWS), PeerId::random());
    let mut sent = bench.direct(a);
    let mut total = 0;
    while !sent.is_empty() {
        let wanted = asked(&sent, &a);
        total += wanted.len();
        assert!(wanted.len() <= WINDOWS.wants);
        for cid in &wanted {
            bench.block(&a, cid);
        }
        sent = bench.pump();
    }
    assert_eq!(total, 500, "each once");
    assert!(bench.session.is_done());
}

#[test]
fn large_blocks_unread_by_the_caller_stop_the_asking() {
    let windows = Windows { bytes: 1_000_000, ..WINDOWS };
    let (mut bench, a) = (Bench::new(500, windows), PeerId::random());
    let sent = bench.direct(a);
    let mut out = Actions::default();
    let mut delivered = 0;
    for cid in asked(&sent, &a) {
        let index = bench.index(&cid);
        bench.session.block(&a, index, 1_000_000, bench.now, &mut out);
        delivered += 1_000_000;
    }
    assert!(bench.pump().is_empty(), "the caller must read first");
    bench.session.read(delivered);
    assert_eq!(bench.pump().len(), 1, "then one at a time, each being as large as the window");
}

#[test]
fn dont_have_moves_on_to_the_next_peer_at_once() {
    let (mut bench, a, b) = (Bench::new(3, WINDOWS), PeerId::random(), PeerId::random());
    bench.direct(a);
    bench.direct(b);
    let cid = bench.cids[1];
    bench.presence(&a, &cid, false);
    let sent = bench.pump();
    assert_eq!(asked(&sent, &b), [cid]);
}

#[test]
fn two_announcers_share_the_work_without_duplicates() {
    let (mut bench, a, b) = (Bench::new(150, WINDOWS), PeerId::random(), PeerId::random());
    let first = bench.direct(a);
    let second = bench.direct(b);
    let mut all = asked(&first, &a);
    all.extend(asked(&second, &b));
    all.sort();
    all.dedup();
    assert_eq!((asked(&first, &a).len(), all.len()), (100, 150));
}

#[test]
fn strangers_are_asked_whether_before_what() {
    let (mut bench, a, b) = (Bench::new(5, WINDOWS), PeerId::random(), PeerId::random());
    let mut sent = bench.connect(a);
    sent.extend(bench.connect(b));
    assert!(sent.iter().all(|(_, entry)| entry.have), "nobody is sent a want-block on no evidence");
    let cid = bench.cids[0];
    bench.presence(&a, &cid, true);
    let sent = bench.pump();
    assert_eq!(asked(&sent, &a).len(), 5, "one HAVE makes a peer worth asking for all");
    assert!(asked(&sent, &b).is_empty());
}

#[test]
fn a_want_that_no_direct_source_has_goes_to_strangers() {
    let (mut bench, a, b) = (Bench::new(2, WINDOWS), PeerId::random(), PeerId::random());
    bench.direct(a);
    assert!(bench.connect(b).is_empty(), "not while the announcer may have it");
    let cid = bench.cids[0];
    bench.presence(&a, &cid, false);
    let sent = bench.pump();
    assert!(matches!(&sent[..], [(to, entry)] if *to == b && entry.have && entry.cid == cid), "{sent:?}");
}

#[test]
fn a_silent_announcer_does_not_hold_up_the_fetch() {
    let (mut bench, a, b) = (Bench::new(10, WINDOWS), PeerId::random(), PeerId::random());
    bench.direct(a);
    bench.connect(b);
    let out = bench.wait(STALL + Duration::from_millis(200)).expect("patient");
    assert_eq!(out.send.iter().filter(|(to, entry)| *to == b && entry.have).count(), 10);
    let cid = bench.cids[0];
    bench.presence(&b, &cid, true);
    let sent = bench.pump();
    assert_eq!(asked(&sent, &b).len(), 10);
    let cancels = bench.block(&b, &cid);
    assert!(matches!(&cancels[..], [(to, entry)] if *to == a && entry.cancel), "the silent one need not send it now");
}

#[test]
fn what_a_silent_peer_was_asked_for_does_not_use_up_the_window() {
    let windows = Windows { bytes: 10_000_000, ..WINDOWS };
    let (mut bench, a, b) = (Bench::new(500, windows), PeerId::random(), PeerId::random());
    bench.direct(a);
    let out = bench.wait(STALL + Duration::from_millis(200)).expect("patient");
    assert!(out.send.is_empty());
    let sent = bench.direct(b);
    assert_eq!(asked(&sent, &b).len(), WINDOWS.wants);
}

#[test]
fn a_peer_that_gets_a_block_after_it_denied_it_is_asked_again() {
    for hinted in [true, false] {
        let (mut bench, a) = (Bench::new(3, WINDOWS), PeerId::random());
        let cids = bench.cids.clone();
        if hinted {
            bench.direct(a)
        } else {
            bench.connect(a)
        };
        for cid in &cids {
            bench.presence(&a, cid, false);
        }
        assert_eq!(asked(&bench.pump(), &a), []);
        bench.presence(&a, &cids[1], true);
        assert_eq!(asked(&bench.pump(), &a), [cids[1]]);
        bench.presence(&a, &cids[1], true);
        assert_eq!(asked(&bench.pump(), &a), [], "once is enough");
    }
}

#[test]
fn a_peer_that_changes_its_mind_for_ever_is_not_remembered_each_time() {
    let (mut bench, a) = (Bench::new(10, WINDOWS), PeerId::random());
    bench.direct(a);
    let cid = bench.cids[0];
    for _ in 0..1000 {
        bench.presence(&a, &cid, false);
        bench.presence(&a, &cid, true);
    }
    assert_eq!(asked(&bench.pump(), &a), [cid]);
    assert_eq!(asked(&bench.pump(), &a), []);
}

#[test]
fn a_want_that_the_only_peer_lost_is_asked_again() {
    let (mut bench, a) = (Bench::new(3, WINDOWS), PeerId::random());
    bench.direct(a);
    let cids = bench.cids.clone();
    bench.block(&a, &cids[0]);
    bench.block(&a, &cids[2]);
    let out = bench.wait(STALL * 2).expect("patient");
    assert_eq!(asked(&out.send, &a), [cids[1]]);
    let out = bench.wait(STALL).expect("patient");
    assert!(out.send.is_empty(), "not without end: {out:?}");
    bench.block(&a, &cids[1]);
    assert!(bench.session.is_done());
}

#[test]
fn a_stranger_that_does_not_say_whether_it_has_a_block_is_asked_for_it() {
    let (mut bench, a) = (Bench::new(1, WINDOWS), PeerId::random());
    assert!(asked(&bench.connect(a), &a).is_empty(), "first whether");
    let out = bench.wait(STALL * 2).expect("patient");
    assert_eq!(asked(&out.send, &a), bench.cids);
}

#[test]
fn what_another_peer_is_sending_is_not_asked_again() {
    let (mut bench, a, b) = (Bench::new(40, WINDOWS), PeerId::random(), PeerId::random());
    bench.direct(a);
    bench.wait(STALL).expect("patient");
    assert_eq!(asked(&bench.direct(b), &b).len(), 40);
    for cid in bench.cids.clone().iter().take(30) {
        let out = bench.wait(STALL / 5).expect("patient");
        assert!(asked(&out.send, &a).is_empty(), "{out:?}");
        bench.block(&b, cid);
    }
}

#[test]
fn many_fetches_at_a_time_do_not_fill_a_peers_list_together() {
    let (mut bench, a) = (Bench::new(200, WINDOWS), PeerId::random());
    bench.session.share(4);
    assert_eq!(bench.direct(a).len(), WINDOWS.wants / 4);
}

#[test]
fn a_peer_that_leaves_gives_its_wants_back() {
    let (mut bench, a, b) = (Bench::new(10, WINDOWS), PeerId::random(), PeerId::random());
    bench.direct(a);
    bench.direct(b);
    bench.session.disconnected(&a);
    let sent = bench.pump();
    assert_eq!(asked(&sent, &b).len(), 10);
}

#[test]
fn patience_ends_without_progress() {
    let (mut bench, a) = (Bench::new(1, WINDOWS), PeerId::random());
    bench.direct(a);
    assert!(bench.wait(PATIENCE - Duration::from_millis(200)).is_some());
    assert!(bench.wait(Duration::from_millis(400)).is_none());
}

#[test]
fn every_block_renews_the_patience() {
    let (mut bench, a) = (Bench::new(5, WINDOWS), PeerId::random());
    bench.direct(a);
    for cid in bench.cids.clone() {
        assert!(bench.wait(PATIENCE / 2).is_some());
        bench.block(&a, &cid);
    }
    assert!(bench.session.is_done());
}

#[test]
fn a_slow_drip_that_never_completes_a_block_ends_the_fetch() {
    let (mut bench, a) = (Bench::new(1, WINDOWS), PeerId::random());
    bench.direct(a);
    let mut waited = Duration::ZERO;
    while waited < 10 * PATIENCE {
        bench.received += 20_000;
        waited += Duration::from_secs(1);
        if bench.wait(Duration::from_secs(1)).is_none() {
            assert!(waited >= PATIENCE * 3, "a slow line is not a dead one");
            return;
        }
    }
    panic!("a drip kept the fetch alive");
}

#[test]
fn with_nobody_there_the_dht_is_asked_at_once_and_then_seldom() {
    let mut bench = Bench::new(10, WINDOWS);
    bench.pump();
    let out = bench.wait(Duration::from_millis(100)).expect("patient");
    assert_eq!(out.search.len(), 3);
    let out = bench.wait(Duration::from_secs(4)).expect("patient");
    assert!(out.search.is_empty());
}

#[test]
fn a_crowd_of_peers_is_more_than_a_session_needs() {
    let mut bench = Bench::new(2, WINDOWS);
    let peers: Vec<PeerId> = (0..100).map(|_| PeerId::random()).collect();
    for peer in &peers {
        bench.connect(*peer);
    }
    for peer in &peers {
        bench.session.disconnected(peer);
    }
    let late = PeerId::random();
    let sent = bench.direct(late);
    assert_eq!(asked(&sent, &late).len(), 2, "a place is free again");
}

#[test]
fn what_was_postponed_is_asked_for_again() {
    let (mut bench, a) = (Bench::new(1, WINDOWS), PeerId::random());
    bench.direct(a);
    bench.session.hold(true);
    bench.session.postpone(0);
    assert!(bench.pump().is_empty());
    bench.session.hold(false);
    let sent = bench.pump();
    assert_eq!(asked(&sent, &a), bench.cids);
}
