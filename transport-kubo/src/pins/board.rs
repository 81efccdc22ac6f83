//! What is wanted and what is pinned, topic by topic, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use cid::Cid;
use parking_lot::Mutex;
use tidings_ledger::topic::TopicId;

use super::record::Record;
use crate::config::PinConfig;
use crate::error::StartError;
use crate::rpc::Backoff;
use crate::status::PinStatus;

/// How long a topic waits after its pin failed, at first and at last. Not longer: a daemon that is away is not asked anyway,
/// and one that is well again should not be waited for.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_LAST: Duration = Duration::from_secs(30);

/// The board. Acting on it is the keeper's part.
pub(crate) struct PinBoard(Mutex<Board>);

struct Board {
    record: Record,
    topics: BTreeMap<TopicId, Topic>,
    /// Roots of ours that the daemon was last seen to have pinned: for topics that are not heard of yet.
    seen: BTreeSet<Cid>,
    /// When each topic that needs something has its turn.
    turns: BTreeSet<(Instant, TopicId)>,
    every: Duration,
    keep_old: Duration,
}

struct Topic {
    wanted: Cid,
    /// Pinned for certain.
    pinned: Option<Cid>,
    /// Not to be touched before: it changed just now, or failed.
    not_before: Instant,
    /// What may be pinned besides, and since when it is not wanted.
    old: BTreeMap<Cid, Instant>,
    backoff: Backoff,
    is_failing: bool,
    is_busy: bool,
    turn: Option<Instant>,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Pin this, if possible by what it has in common with what was pinned before.
    Pin { topic: TopicId, root: Cid, before: Option<Cid> },
    /// Unpin this.
    Unpin { topic: TopicId, root: Cid },
}

impl PinBoard {
    pub(crate) fn open(config: &PinConfig) -> Result<Self, StartError> {
        let path: Option<&Path> = config.record.as_deref();
        let record = Record::open(path).map_err(|error| StartError::Record {
            path: path.map_or_else(String::new, |path| path.display().to_string()),
            reason: error.to_string(),
        })?;
        let (topics, seen, turns) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let (every, keep_old) = (config.every, config.keep_old);
        Ok(PinBoard(Mutex::new(Board { record, topics, seen, turns, every, keep_old })))
    }

    /// A topic has this folder now. It is pinned a moment later, so that a burst is one pin.
    pub(super) fn want(&self, id: TopicId, root: Cid, now: Instant) {
        let mut board = self.0.lock();
        let Board { record, topics, seen, every, .. } = &mut *board;
        let not_before = now + *every;
        let topic = topics.entry(id).or_insert_with(|| {
            let mut topic = Topic {
                wanted: root,
                pinned: None,
                not_before,
                // What an earlier run pinned.
                old: record.roots().get(&id).into_iter().flatten().map(|root| (*root, now)).collect(),
                backoff: Backoff::new(AGAIN, AGAIN_AT_LAST),
                is_failing: false,
                is_busy: false,
                turn: None,
            };
            topic.adopt(seen, now);
            topic
        });
        if topic.wanted != root {
            if topic.pinned == Some(topic.wanted) {
                topic.not_before = not_before;
            }
            topic.wanted = root;
        }
        board.schedule(id);
    }

    /// What is to be done now; it counts as begun.
    pub(super) fn take(&self, now: Instant) -> Option<Job> {
        let mut board = self.0.lock();
        loop {
            let (turn, id) = *board.turns.first()?;
            if turn > now {
                return None;
            }
            board.turns.pop_first();
            let keep_old = board.keep_old;
            let Some(topic) = board.topics.get_mut(&id) else { continue };
            topic.turn = None;
            if let Some(job) = topic.job(id, keep_old, now) {
                topic.is_busy = true;
                return Some(job);
            }
        }
    }

    /// When there is something to do.
    pub(super) fn next_turn(&self) -> Option<Instant> {
        self.0.lock().turns.first().map(|(turn, _)| *turn)
    }

    /// This is about to be pinned.
    pub(super) fn begin(&self, topic: TopicId, root: Cid) -> std::io::Result<()> {
        self.0.lock().record.add(topic, root)
    }

    /// The job was done, or failed.
    pub(super) fn finish(&self, job: Job, succeeded: bool, now: Instant) -> std::io::Result<()> {
        let mut board = self.0.lock();
        let (Job::Pin { topic: id, root, .. } | Job::Unpin { topic: id, root }) = job;
        let Some(topic) = board.topics.get_mut(&id) else { return Ok(()) };
        topic.is_busy = false;
        topic.is_failing = !succeeded;
        let mut written = Ok(());
        if !succeeded {
            topic.not_before = now + topic.backoff.next();
        } else {
            topic.backoff.reset();
            topic.old.remove(&root);
            match job {
                Job::Pin { .. } => topic.is_now_pinned(root, now),
                Job::Unpin { .. } => written = board.record.remove(id, root),
            }
        }
        board.schedule(id);
        written
    }

    /// The daemon began a new life: of what was pinned, these are for certain.
    pub(super) fn confirm(&self, pinned: BTreeSet<Cid>, now: Instant) {
        let mut board = self.0.lock();
        let ids: Vec<TopicId> = board.topics.keys().copied().collect();
        board.seen = pinned;
        for id in ids {
            let Board { topics, seen, .. } = &mut *board;
            if let Some(topic) = topics.get_mut(&id) {
                topic.adopt(seen, now);
                topic.not_before = topic.not_before.min(now);
            }
            board.schedule(id);
        }
    }

    /// Every root that may be pinned on our account.
    pub(super) fn ours(&self) -> BTreeSet<Cid> {
        let board = self.0.lock();
        let recorded = board.record.roots().values().flatten().copied();
        recorded.chain(board.topics.values().map(|topic| topic.wanted)).collect()
    }

    /// How it stands.
    pub(crate) fn status(&self) -> PinStatus {
        let mut status = PinStatus::default();
        for topic in self.0.lock().topics.values() {
            let is_pinned = topic.pinned == Some(topic.wanted);
            status.pinned += u64::from(is_pinned);
            status.waiting += u64::from(!is_pinned);
            status.failing += u64::from(topic.is_failing);
            status.old += topic.old.len() as u64;
        }
        status
    }
}

impl Board {
    fn schedule(&mut self, id: TopicId) {
        let keep_old = self.keep_old;
        let Some(topic) = self.topics.get_mut(&id) else { return };
        if let Some(turn) = topic.turn.take() {
            self.turns.remove(&(turn, id));
        }
        if topic.is_busy {
            return;
        }
        let turn = if topic.pinned != Some(topic.wanted) {
            Some(topic.not_before)
        } else {
            topic.old.values().min().map(|since| (*since + keep_old).max(topic.not_before))
        };
        topic.turn = turn;
        self.turns.extend(turn.map(|turn| (turn, id)));
    }
}

impl Topic {
    /// Relies on what the daemon has: the wanted root, or else an older one, which has most of it in common.
    fn adopt(&mut self, seen: &BTreeSet<Cid>, now: Instant) {
        if let Some(before) = self.pinned.take() {
            self.old.insert(before, now);
        }
        let mut candidates = std::iter::once(&self.wanted).chain(self.old.keys());
        self.pinned = candidates.find(|root| seen.contains(root)).copied();
        if let Some(root) = self.pinned {
            self.old.remove(&root);
        }
    }

    /// Pins first: nothing old goes before the new one is safe.
    fn job(&self, id: TopicId, keep_old: Duration, now: Instant) -> Option<Job> {
        if self.pinned != Some(self.wanted) {
            return Some(Job::Pin { topic: id, root: self.wanted, before: self.pinned });
        }
        let mut old = self.old.iter();
        let over = old.find(|(_, since)| now.saturating_duration_since(**since) >= keep_old);
        over.map(|(root, _)| Job::Unpin { topic: id, root: *root })
    }

    fn is_now_pinned(&mut self, root: Cid, now: Instant) {
        if let Some(before) = self.pinned.replace(root).filter(|before| *before != root) {
            self.old.insert(before, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use multihash::Multihash;

    const EVERY: Duration = Duration::from_secs(2);
    const KEEP: Duration = Duration::from_secs(60);

    fn topic(n: u8) -> TopicId {
        TopicId::from_bytes([n; 32])
    }

    fn root(n: u8) -> Cid {
        Cid::new_v1(0x70, Multihash::wrap(0x12, &[n; 32]).expect("it fits"))
    }

    fn board(record: Option<&Path>) -> PinBoard {
        let record = record.map(Path::to_owned);
        PinBoard::open(&PinConfig { every: EVERY, keep_old: KEEP, record, ..PinConfig::default() }).expect("it opens")
    }

    fn done(board: &PinBoard, job: Job, now: Instant) {
        if let Job::Pin { topic, root, .. } = job {
            board.begin(topic, root).expect("written");
        }
        board.finish(job, true, now).expect("written");
    }

    #[test]
    fn a_burst_is_one_pin_and_the_old_one_goes_only_after_the_new_one_is_safe() {
        let (board, start) = (board(None), Instant::now());
        board.want(topic(1), root(1), start);
        assert_eq!(board.take(start), None);
        let first = board.take(start + EVERY).expect("due");
        assert_eq!(first, Job::Pin { topic: topic(1), root: root(1), before: None });
        done(&board, first, start + EVERY);

        let later = start + 10 * EVERY;
        (2..20).for_each(|n| board.want(topic(1), root(n), later));
        assert_eq!(board.take(later), None, "a burst gathers");
        let second = board.take(later + EVERY).expect("due");
        assert_eq!(second, Job::Pin { topic: topic(1), root: root(19), before: Some(root(1)) });
        assert_eq!(board.take(later + 10 * KEEP), None, "nothing is unpinned while the new pin is being made");
        board.finish(second, false, later + EVERY).expect("written");
        let again = board.take(later + 2 * EVERY + Duration::from_secs(1)).expect("again after a while");
        assert_eq!(again, second);
        let safe = later + 10 * KEEP;
        done(&board, again, safe);
        assert_eq!(board.take(safe + KEEP / 2), None, "peers may still be fetching it");
        assert_eq!(board.take(safe + KEEP), Some(Job::Unpin { topic: topic(1), root: root(1) }));
    }

    #[test]
    fn a_root_that_comes_back_is_not_unpinned() {
        let (board, start) = (board(None), Instant::now());
        let mut now = start;
        for n in [1, 2, 1] {
            board.want(topic(1), root(n), now);
            now += EVERY;
            let job = board.take(now).expect("due");
            done(&board, job, now);
        }
        assert_eq!(board.take(now + KEEP), Some(Job::Unpin { topic: topic(1), root: root(2) }));
        assert_eq!(board.next_turn(), None);
    }

    #[test]
    fn after_a_restart_pins_are_adopted_and_leftovers_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pins");
        let now = Instant::now();
        {
            let board = board(Some(&path));
            for n in 1..=3 {
                board.begin(topic(1), root(n)).expect("written");
            }
        }
        let board = board(Some(&path));
        // The daemon has lost one of them, and tells of its pins before the ledger tells of its topics.
        assert_eq!(board.ours(), (1..=3).map(root).collect());
        board.confirm(BTreeSet::from([root(1), root(3)]), now);
        board.want(topic(1), root(4), now);
        let pin = board.take(now + EVERY).expect("due");
        let Job::Pin { before: Some(before), .. } = pin else { panic!("{pin:?}") };
        assert!([root(1), root(3)].contains(&before));
        done(&board, pin, now);
        let mut unpinned = BTreeSet::new();
        while let Some(job) = board.take(now + KEEP) {
            done(&board, job, now);
            unpinned.insert(job);
        }
        assert_eq!(unpinned.len(), 3);
        assert_eq!(board.ours(), BTreeSet::from([root(4)]));
    }

    #[test]
    fn a_daemon_that_lost_its_store_is_given_everything_again() {
        let (board, now) = (board(None), Instant::now());
        board.want(topic(1), root(1), now);
        let job = board.take(now + EVERY).expect("due");
        done(&board, job, now);
        assert_eq!(board.status().pinned, 1);
        board.confirm(BTreeSet::new(), now + KEEP);
        assert_eq!(board.status().pinned, 0);
        assert!(matches!(board.take(now + KEEP), Some(Job::Pin { .. })));
    }
}
