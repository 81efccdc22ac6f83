//! A single-threaded executor whose order of work is a function of the order of wake-ups alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;
use parking_lot::Mutex;

/// A task's name.
pub(crate) type TaskId = u64;

/// Tasks, polled first woken, first served.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: BTreeMap<TaskId, Task>,
    next: TaskId,
    ready: Arc<Ready>,
}

struct Task {
    future: BoxFuture<'static, ()>,
    wake: Arc<TaskWaker>,
    waker: Waker,
}

/// Woken tasks, in the order in which they were woken.
#[derive(Default)]
struct Ready(Mutex<VecDeque<TaskId>>);

struct TaskWaker {
    task: TaskId,
    /// One that is woken twice stands in line once.
    is_queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            self.ready.0.lock().push_back(self.task);
        }
    }
}

impl Executor {
    /// Adds a task; it is polled for the first time with the next run.
    pub(crate) fn spawn(&mut self, future: BoxFuture<'static, ()>) -> TaskId {
        let task = self.next;
        self.next += 1;
        let wake = Arc::new(TaskWaker { task, is_queued: AtomicBool::new(false), ready: self.ready.clone() });
        let waker = Waker::from(wake.clone());
        wake.wake_by_ref();
        self.tasks.insert(task, Task { future, wake, waker });
        task
    }

    /// Drops a task wherever it stands.
    pub(crate) fn cancel(&mut self, task: TaskId) {
        self.tasks.remove(&task);
    }

    /// Polls until no task is woken. Returns how often a task was polled.
    pub(crate) fn run(&mut self) -> u64 {
        let mut polls = 0;
        loop {
            let next = self.ready.0.lock().pop_front();
            let Some(id) = next else { return polls };
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            polls += 1;
            // Before the poll: what wakes the task meanwhile has it polled again.
            task.wake.is_queued.store(false, Ordering::Release);
            if let Poll::Ready(()) = task.future.as_mut().poll(&mut Context::from_waker(&task.waker)) {
                self.tasks.remove(&id);
            }
        }
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
