//! Tasks that belong to processes, run on one thread in virtual time and in an order that the seed decides.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A process: what crashes and is suspended as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(pub u32);

type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    process: Process,
    /// None while it is being polled.
    future: Option<TaskFuture>,
}

struct Inner {
    now: Duration,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    timers: BTreeMap<(Duration, u64), Waker>,
    next_timer: u64,
    suspended: BTreeMap<Process, Duration>,
    rng: ChaCha8Rng,
}

/// The simulation's clock, tasks and dice. Clones are the same simulation.
#[derive(Clone)]
pub struct Exec {
    inner: Rc<RefCell<Inner>>,
    woken: Arc<Mutex<Vec<u64>>>,
}

struct TaskWaker {
    task: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.lock().expect("one thread").push(self.task);
    }
}

impl Exec {
    /// The simulation of `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            inner: Rc::new(RefCell::new(Inner {
                now: Duration::ZERO,
                tasks: BTreeMap::new(),
                next_task: 0,
                timers: BTreeMap::new(),
                next_timer: 0,
                suspended: BTreeMap::new(),
                rng: ChaCha8Rng::seed_from_u64(seed),
            })),
            woken: Arc::default(),
        }
    }

    /// The virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.inner.borrow().now
    }

    /// True with this probability.
    pub fn chance(&self, probability: f64) -> bool {
        self.inner.borrow_mut().rng.random_bool(probability)
    }

    /// A number below `n`.
    pub fn below(&self, n: u64) -> u64 {
        self.inner.borrow_mut().rng.random_range(0..n)
    }

    /// Sixteen random bytes.
    pub fn bytes(&self) -> [u8; 16] {
        self.inner.borrow_mut().rng.random()
    }

    /// A duration up to `most`.
    pub fn up_to(&self, most: Duration) -> Duration {
        Duration::from_micros(self.below(most.as_micros() as u64 + 1))
    }

    /// Starts a task of `process`.
    pub fn spawn(&self, process: Process, future: impl Future<Output = ()> + 'static) {
        let mut inner = self.inner.borrow_mut();
        let id = inner.next_task;
        inner.next_task += 1;
        inner.tasks.insert(id, Task { process, future: Some(Box::pin(future)) });
        self.woken.lock().expect("one thread").push(id);
    }

    /// Ends every task of `process`, wherever it is. What is spawned for it later runs: it has started again.
    pub fn crash(&self, process: Process) {
        let dead: Vec<_> = {
            let mut inner = self.inner.borrow_mut();
            inner.suspended.remove(&process);
            let ids: Vec<_> =
                inner.tasks.iter().filter(|(_, task)| task.process == process).map(|(id, _)| *id).collect();
            ids.into_iter().map(|id| inner.tasks.remove(&id)).collect()
        };
        drop(dead); // the futures are dropped here, outside the borrow: they may use the simulation
    }

    /// Stops `process` for `time`: its tasks do not run, the clock goes on. Answers by how much that is longer than it
    /// was stopped for anyway.
    pub fn suspend(&self, process: Process, time: Duration) -> Duration {
        let mut inner = self.inner.borrow_mut();
        let now = inner.now;
        let until = inner.suspended.entry(process).or_insert(now);
        let before = (*until).max(now);
        *until = before.max(now + time);
        *until - before
    }

    /// Waits in virtual time.
    pub fn sleep(&self, time: Duration) -> Sleep {
        Sleep { exec: self.clone(), until: self.now() + time, timer: None }
    }

    /// Runs until `done`, or else until `limit`. True when it was done.
    pub fn run_until(&self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        loop {
            while let Some(task) = self.pick() {
                self.poll(task);
                if done() {
                    return true;
                }
            }
            let mut inner = self.inner.borrow_mut();
            let next = inner.timers.first_key_value().map(|(&(at, _), _)| at);
            let Some(at) = next.filter(|at| *at <= limit) else {
                inner.now = inner.now.max(limit);
                return false;
            };
            inner.now = inner.now.max(at);
            let now = inner.now;
            let later = inner.timers.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut inner.timers, later);
            drop(inner);
            due.into_values().for_each(Waker::wake);
        }
    }

    /// Any of the tasks that may run.
    fn pick(&self) -> Option<u64> {
        loop {
            let task = {
                let mut woken = self.woken.lock().expect("one thread");
                if woken.is_empty() {
                    return None;
                }
                let at = self.below(woken.len() as u64) as usize;
                woken.swap_remove(at)
            };
            let inner = self.inner.borrow();
            let Some(process) = inner.tasks.get(&task).map(|task| task.process) else { continue };
            let Some(until) = inner.suspended.get(&process).copied().filter(|until| *until > inner.now)
            else {
                return Some(task);
            };
            drop(inner);
            self.wake_at(until, Waker::from(self.waker(task)));
        }
    }

    fn poll(&self, task: u64) {
        let future = self.inner.borrow_mut().tasks.get_mut(&task).and_then(|task| task.future.take());
        let Some(mut future) = future else { return };
        let waker = Waker::from(self.waker(task));
        let ready = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut inner = self.inner.borrow_mut();
        let kept = match inner.tasks.get_mut(&task) {
            Some(entry) if !ready => {
                entry.future = Some(future);
                None
            }
            _ => {
                inner.tasks.remove(&task);
                Some(future)
            }
        };
        drop(inner);
        drop(kept);
    }

    fn waker(&self, task: u64) -> Arc<TaskWaker> {
        Arc::new(TaskWaker { task, woken: self.woken.clone() })
    }

    fn wake_at(&self, at: Duration, waker: Waker) -> (Duration, u64) {
        let mut inner = self.inner.borrow_mut();
        let key = (at, inner.next_timer);
        inner.next_timer += 1;
        inner.timers.insert(key, waker);
        key
    }
}

/// See [`Exec::sleep`].
pub struct Sleep {
    exec: Exec,
    until: Duration,
    timer: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = self.timer.take() {
            self.exec.inner.borrow_mut().timers.remove(&timer);
        }
        if self.exec.now() >= self.until {
            return Poll::Ready(());
        }
        let timer = self.exec.wake_at(self.until, cx.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.exec.inner.borrow_mut().timers.remove(&timer);
        }
    }
}
