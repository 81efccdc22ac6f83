//! A single-threaded executor whose order of work is a function of the order of wake-ups alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;
use parking_lot::Mutex;

/// A task's name.
pub(crate) type TaskId = u64;

/// Tasks, polled first woken, first served.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: BTreeMap<TaskId, BoxFuture<'static, ()>>,
    next: TaskId,
    ready: Arc<Ready>,
}

/// Woken tasks; one that is woken twice stands in line once.
#[derive(Default)]
struct Ready(Mutex<(VecDeque<TaskId>, BTreeSet<TaskId>)>);

impl Ready {
    fn push(&self, task: TaskId) {
        let mut guard = self.0.lock();
        let (queue, queued) = &mut *guard;
        if queued.insert(task) {
            queue.push_back(task);
        }
    }

    fn pop(&self) -> Option<TaskId> {
        let mut guard = self.0.lock();
        let task = guard.0.pop_front()?;
        guard.1.remove(&task);
        Some(task)
    }
}

struct TaskWaker {
    task: TaskId,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.task);
    }
}

impl Executor {
    /// Adds a task; it is polled for the first time with the next run.
    pub(crate) fn spawn(&mut self, future: BoxFuture<'static, ()>) -> TaskId {
        let task = self.next;
        self.next += 1;
        self.tasks.insert(task, future);
        self.ready.push(task);
        task
    }

    /// Drops a task wherever it stands.
    pub(crate) fn cancel(&mut self, task: TaskId) {
        self.tasks.remove(&task);
    }

    /// Polls until no task is woken. Returns how often a task was polled.
    pub(crate) fn run(&mut self) -> u64 {
        let mut polls = 0;
        while let Some(task) = self.ready.pop() {
            let Some(future) = self.tasks.get_mut(&task) else { continue };
            polls += 1;
            let waker = Waker::from(Arc::new(TaskWaker { task, ready: self.ready.clone() }));
            if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.tasks.remove(&task);
            }
        }
        polls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_in_the_order_in_which_they_were_woken() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut executor = Executor::default();
        for name in [3, 1, 2] {
            let order = order.clone();
            executor.spawn(Box::pin(async move { order.lock().push(name) }));
        }
        assert_eq!(executor.run(), 3);
        assert_eq!(*order.lock(), [3, 1, 2]);
    }

    #[test]
    fn a_cancelled_task_is_not_polled_again() {
        let mut executor = Executor::default();
        let task = executor.spawn(Box::pin(async { panic!("polled") }));
        executor.cancel(task);
        assert_eq!(executor.run(), 0);
    }
}
