//! Running the replica: the one place where its effects are carried out.
//!
//! The replica stands behind a lock, and whoever has an input takes the lock and carries the effects out, in the calling
//! thread. So an append costs no hand-over to another thread. Appends that find the lock taken leave their drafts in a
//! queue, and whoever holds the lock commits all of them together: this is the group commit, which makes a durable write
//! nearly free under concurrency.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures::channel::{mpsc, oneshot};
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::clock::Clock;
use super::subscription::Subscribers;
use crate::admission::{AdmissionCache, Refusal, Submission, admit};
use crate::attachments;
use crate::entry::Entry;
use crate::replica::{Append, AppendError, Effects, FetchRequest, Input, Notice, Options, Replica};
use crate::store::{Store, StoreError};
use crate::time::Time;
use crate::transport::Transport;

/// The most drafts that are committed together.
const GROUP: usize = 4096;

/// What all handles of one ledger share.
pub(super) struct Core {
    pub(super) store: Arc<dyn Store>,
    pub(super) transport: Option<Arc<dyn Transport>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Options,
    pub(super) subscribers: Subscribers,
    /// If admission is shared with other ledgers of this process.
    pub(super) admission: OnceLock<Arc<AdmissionCache>>,
    replica: Mutex<Option<Replica>>,
    queue: Mutex<VecDeque<Job>>,
    requests: mpsc::UnboundedSender<FetchRequest>,
    nudge: mpsc::Sender<()>,
    /// The time for which the driver's timer is set, so that it is woken only when that became too late.
    armed: AtomicU64,
    closed: AtomicBool,
    /// Read by whoever takes files in, written by whoever frees them, so that no block is freed that just came.
    pub(super) attaching: RwLock<()>,
    /// The last failure of the store, for the status.
    pub(super) last_error: Mutex<Option<StoreError>>,
}

/// Drafts of one caller, and where the answer goes.
struct Job {
    appends: Vec<Append>,
    answer: oneshot::Sender<Vec<Result<Entry, AppendError>>>,
}

/// What the driver listens to.
pub(super) struct Inbox {
    pub(super) requests: mpsc::UnboundedReceiver<FetchRequest>,
    pub(super) nudge: mpsc::Receiver<()>,
}

impl Core {
    pub(super) fn open(
        store: Arc<dyn Store>,
        transport: Option<Arc<dyn Transport>>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Core, Inbox), StoreError> {
        let replica = Replica::open(store.clone(), options.clone())?;
        attachments::release_orphans(&*store)?;
        // Unbounded in type only: pulls ask for a bounded window and wait for the answers.
        let (requests, requests_in) = mpsc::unbounded();
        let (nudge, nudge_in) = mpsc::channel(1);
        let core = Core {
            store,
            transport,
            clock,
            options,
            subscribers: Subscribers::default(),
            admission: OnceLock::new(),
            replica: Mutex::new(Some(replica)),
            queue: Mutex::new(VecDeque::new()),
            requests,
            nudge,
            armed: AtomicU64::new(u64::MAX),
            closed: AtomicBool::new(false),
            attaching: RwLock::new(()),
            last_error: Mutex::new(None),
        };
        Ok((core, Inbox { requests: requests_in, nudge: nudge_in }))
    }

    /// Hands an input in and carries out what comes of it; gives the answers that are in the effects.
    pub(super) fn step(&self, input: Input) -> Result<Effects, StoreError> {
        let result = {
            let mut replica = self.replica.lock();
            let result = self.step_locked(&mut replica, input);
            self.drain_locked(&mut replica);
            result
        };
        self.drain();
        result
    }

    /// The one door, alone or shared.
    pub(super) fn admit(&self, submissions: &[Submission]) -> Vec<Result<Entry, Refusal>> {
        match self.admission.get() {
            Some(cache) => cache.admit(submissions),
            None => admit(submissions),
        }
    }

    /// Asks the replica something.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Replica) -> T) -> Result<T, StoreError> {
        let mut guard = self.replica.lock();
        let replica = self.revived(&mut guard)?;
        let answer = question(replica);
        drop(guard);
        self.drain();
        Ok(answer)
    }

    /// Appends, together with whoever else appends right now.
    pub(super) async fn append(&self, appends: Vec<Append>) -> Vec<Result<Entry, AppendError>> {
        let count = appends.len();
        let (answer, answered) = oneshot::channel();
        self.queue.lock().push_back(Job { appends, answer });
        self.drain();
        match answered.await {
            Ok(answers) => answers,
            Err(oneshot::Canceled) => std::iter::repeat_with(|| Err(AppendError::Closed)).take(count).collect(),
        }
    }

    /// When the driver is to wake by itself; remembered, so that only an earlier time disturbs it.
    pub(super) fn arm(&self) -> Option<Time> {
        let next = {
            // Stored under the lock: a step in between would see the old time, and not disturb a driver that oversleeps.
            let replica = self.replica.lock();
            let next = replica.as_ref().and_then(Replica::next_wake);
            self.armed.store(next.map_or(u64::MAX, Time::as_millis), Ordering::Release);
            next
        };
        self.drain();
        next
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Folds what is pending into the folders and ends everything.
    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            if let Err(error) = self.step(Input::Flush) {
                *self.last_error.lock() = Some(error);
            }
            self.subscribers.close();
            self.poke();
        }
    }

    /// Processes queued appends, unless somebody else does: whoever lets the lock go looks at the queue after that.
    fn drain(&self) {
        while !self.queue.lock().is_empty() {
            let Some(mut replica) = self.replica.try_lock() else { return };
            self.drain_locked(&mut replica);
        }
    }

    fn drain_locked(&self, replica: &mut MutexGuard<'_, Option<Replica>>) {
        loop {
            let mut group = Vec::new();
            let mut answers = Vec::new();
            {
                let mut queue = self.queue.lock();
                while let Some(job) = queue.front() {
                    if !group.is_empty() && group.len() + job.appends.len() > GROUP {
                        break;
                    }
                    let Some(job) = queue.pop_front() else { break };
                    answers.push((job.appends.len(), job.answer));
                    group.extend(job.appends);
                }
            }
            if answers.is_empty() {
                return;
            }
            let count = group.len();
            let mut results = match self.step_locked(replica, Input::Append(group)) {
                Ok(effects) => effects.appended,
                Err(error) => std::iter::repeat_with(|| Err(error.clone().into())).take(count).collect(),
            }
            .into_iter();
            for (len, answer) in answers {
                // The caller may have gone; its entries are in all the same.
                let _ = answer.send(results.by_ref().take(len).collect());
            }
        }
    }

    /// **Commit first; only when that has succeeded, all the rest.** A replica whose commit failed is ahead of its store,
    /// so it is thrown away and opened again.
    fn step_locked(&self, guard: &mut MutexGuard<'_, Option<Replica>>, input: Input) -> Result<Effects, StoreError> {
        if self.is_closed() && !matches!(input, Input::Flush) {
            return Err(StoreError::Io("the ledger is closed".to_owned()));
        }
        let replica = self.revived(guard)?;
        let outcome = replica.handle(self.clock.now(), input).and_then(|mut effects| {
            let batch = std::mem::take(&mut effects.commit);
            if !batch.is_empty() {
                self.store.commit(batch)?;
            }
            Ok(effects)
        });
        match outcome {
            Ok(mut effects) => {
                let next = replica.next_wake();
                self.carry_out(&mut effects);
                if effects.notices.iter().any(|notice| matches!(notice, Notice::Redacted { .. })) {
                    self.free_files();
                }
                if next.is_some_and(|next| next.as_millis() < self.armed.load(Ordering::Acquire)) {
                    self.poke();
                }
                Ok(effects)
            }
            Err(error) => {
                **guard = None;
                *self.last_error.lock() = Some(error.clone());
                self.poke();
                Err(error)
            }
        }
    }

    /// The replica, opened again if it was thrown away.
    fn revived<'a>(&self, guard: &'a mut MutexGuard<'_, Option<Replica>>) -> Result<&'a mut Replica, StoreError> {
        if guard.is_none() {
            let mut replica = Replica::open(self.store.clone(), self.options.clone())?;
            let mut effects = replica.handle(self.clock.now(), Input::Start)?;
            self.store.commit(std::mem::take(&mut effects.commit))?;
            self.carry_out(&mut effects);
            **guard = Some(replica);
        }
        guard.as_mut().ok_or_else(|| StoreError::Io("the ledger is closed".to_owned()))
    }

    /// Frees the files that the last entry let go of, unless files are coming in: then whoever brings them does it after.
    pub(super) fn free_files(&self) {
        if let Some(_nothing_comes_in) = self.attaching.try_write()
            && let Err(error) = attachments::release_orphans(&*self.store)
        {
            *self.last_error.lock() = Some(error);
        }
    }

    fn carry_out(&self, effects: &mut Effects) {
        if let Some(transport) = &self.transport {
            for (message, verdict) in effects.verdicts.drain(..) {
                transport.judge(message, verdict);
            }
            for channel in effects.join.drain(..) {
                transport.join(channel);
            }
            for channel in effects.leave.drain(..) {
                transport.leave(channel);
            }
            for (channel, message) in effects.publish.drain(..) {
                // A lost announcement heals (design invariant 6); the transport counts what it could not take.
                let _ = transport.publish(channel, message);
            }
            for (peer, demerit) in effects.demerits.drain(..) {
                transport.demerit(&peer, demerit);
            }
            for request in effects.fetch.drain(..) {
                // Nobody listens once the driver has ended; then nothing is pulled any more.
                let _ = self.requests.unbounded_send(request);
            }
            if let Some(roots) = effects.provide.take() {
                transport.provide(roots);
            }
        }
        self.subscribers.tell(&effects.notices);
    }

    fn poke(&self) {
        // A full channel is a nudge that the driver has still to hear.
        let _ = self.nudge.clone().try_send(());
    }
}
