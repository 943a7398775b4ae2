//! Who writes: every operation that is waiting runs in one transaction, which is committed, and only then are they all
//! answered. A lone operation is not held back to wait for others: groups form by themselves, from what arrives while
//! the commit before is being made.
//!
//! Where each commit is synced to disk, a thread does that. Where it is not, a commit takes less time than waking
//! another thread, and is made by whoever asks for it; who comes meanwhile leaves its operation to that one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::file::{self, Failure};
use super::log::Log;
use super::readers::Reader;
use super::{Durability, SqliteOptions, WriteStats};
use crate::{Error, Result};

/// A group is closed when what it writes reaches this many bytes, to keep transactions short.
const MAX_GROUP_BYTES: usize = 16 << 20;

/// The way to the connection that writes. Once it is dropped, the connection closes by itself.
pub(super) struct Writer {
    desk: Arc<Desk>,
}

/// Where the end of the connection is told.
type Answer = oneshot::Sender<Result<()>>;

enum Message {
    Write(Box<dyn Job>),
    Close(Answer),
}

impl Writer {
    /// Takes the connection `db` to the file `path`, whose log is folded through `folder` where callers commit.
    pub(super) fn start(
        db: Connection,
        path: &Path,
        options: &SqliteOptions,
        folder: Arc<Reader>,
    ) -> Result<Self> {
        let log = match options.durability {
            Durability::EachWrite => None,
            Durability::OnDemand => Some(Log::of(path)?),
        };
        let (log, log_thread) = log.unzip();
        let desk = Arc::new(Desk {
            queue: Mutex::default(),
            thread_is_called: Condvar::new(),
            committer: Mutex::new(Some(Committer { db, path: path.to_owned(), options: options.clone() })),
            log,
            folder,
            operations: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        });
        if let Some(thread) = log_thread {
            start_thread("longhaul-kv-log", path, move || thread.run())?;
        }
        let worker = desk.clone();
        start_thread("longhaul-kv-writer", path, move || worker.run())?;
        Ok(Self { desk })
    }

    /// Runs `operation`, which writes about `size` bytes, in a transaction that may be shared, and resolves when that
    /// is committed.
    pub(super) async fn write<T, F>(&self, size: usize, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        if let Some(failure) = self.desk.log.as_ref().and_then(|log| log.failure()) {
            return Err(failure);
        }
        let (answer, answered) = oneshot::channel();
        let job = Operation { size, state: State::Waiting(operation), answer };
        self.desk.take(Message::Write(Box::new(job)))?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// Runs `read` on the connection that writes, if callers use that and it is free: it knows what was written, where
    /// another must look again after every commit.
    pub(super) fn try_read<T>(&self, read: impl FnOnce(&Connection) -> T) -> Option<T> {
        self.desk.log.as_ref()?;
        let read = match self.desk.committer.try_lock() {
            Ok(committer) => committer.as_ref().map(|open| read(&open.db)),
            Err(_) => None,
        };
        // Who has found the connection taken has left its operation to us.
        self.desk.work(Patience::None);
        read
    }

    /// Resolves when all that was committed before is on disk.
    pub(super) async fn synced(&self) -> Result<()> {
        match &self.desk.log {
            Some(log) => log.synced().await,
            None => Ok(()),
        }
    }

    /// Ends after what is waiting now, and closes the file. Does nothing if that is done.
    pub(super) async fn close(&self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        if self.desk.take(Message::Close(answer)).is_err() {
            return Ok(());
        }
        answered.await.unwrap_or(Ok(()))
    }

    pub(super) fn stats(&self) -> WriteStats {
        let commits = self.desk.commits.load(Ordering::Relaxed);
        WriteStats {
            operations: self.desk.operations.load(Ordering::Relaxed),
            commits,
            syncs: self.desk.log.as_ref().map_or(commits, |log| log.syncs()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.queue().is_closed = true;
        self.desk.thread_is_called.notify_one();
    }
}

fn start_thread(name: &str, path: &Path, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = std::thread::Builder::new().name(name.into()).spawn(run);
    started.map(drop).map_err(|error| Error::Storage {
        path: path.to_owned(),
        detail: format!("the thread {name} cannot start: {error}"),
    })
}

/// An operation in the queue, whatever it answers.
trait Job: Send {
    /// About how many bytes it writes.
    fn size(&self) -> usize;
    /// Runs the operation inside the open transaction, and keeps its outcome. `Err` tells what broke the transaction,
    /// if it is no longer open.
    fn run(&mut self, db: &Connection, path: &Path) -> Result<()>;
    /// Tells the caller the outcome, once the transaction ended as `group` says.
    fn answer(self: Box<Self>, group: Result<()>);
}

struct Operation<F, T> {
    size: usize,
    state: State<F, T>,
    answer: oneshot::Sender<Result<T>>,
}

enum State<F, T> {
    Waiting(F),
    Ran(Result<T>),
    /// Only while the operation runs.
    Running,
}

impl<F, T> Job for Operation<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn size(&self) -> usize {
        self.size
    }

    fn run(&mut self, db: &Connection, path: &Path) -> Result<()> {
        let State::Waiting(operation) = std::mem::replace(&mut self.state, State::Running) else {
            unreachable!("an operation runs once")
        };
        let outcome = operation(db).map_err(|failure| failure.explain(path));
        let broken = match &outcome {
            Err(error) if db.is_autocommit() => Err(error.clone()),
            _ => Ok(()),
        };
        self.state = State::Ran(outcome);
        broken
    }

    fn answer(self: Box<Self>, group: Result<()>) {
        let outcome = match (group, self.state) {
            (Ok(()), State::Ran(outcome)) => outcome,
            (Ok(()), _) => unreachable!("a group is committed after all of it ran"),
            // The failure of the group counts even if the operation had one of its own, which may have been caused
            // by a value that another one of the group wrote, and that is now undone.
            (Err(error), _) => Err(error),
        };
        // A caller that stopped waiting does not want to know.
        let _ = self.answer.send(outcome);
    }
}

/// What is to be written, and who does it.
struct Desk {
    queue: Mutex<Queue>,
    thread_is_called: Condvar,
    /// Locked by whoever works on the queue. None once it is closed.
    committer: Mutex<Option<Committer>>,
    /// Where commits are not synced one by one; callers make them then.
    log: Option<Arc<Log>>,
    /// Through which the thread folds the log while others write.
    folder: Arc<Reader>,
    operations: AtomicU64,
    commits: AtomicU64,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// Whether the thread is to work on it.
    calls_thread: bool,
    /// Whether the thread is to fold the log.
    folds: bool,
    /// Whether nothing more is taken.
    is_closed: bool,
}

/// How long one who works on the queue waits, for another who does, and for a program that has locked the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Not at all: it has other things to do.
    None,
    BusyTimeout,
}

impl Desk {
    fn take(&self, message: Message) -> Result<()> {
        let mut queue = self.queue();
        if queue.is_closed {
            return Err(Error::Closed);
        }
        queue.messages.push_back(message);
        drop(queue);
        match self.log {
            Some(_) => self.work(Patience::None),
            None => self.call_thread(),
        }
        Ok(())
    }

    fn call_thread(&self) {
        self.queue().calls_thread = true;
        self.thread_is_called.notify_one();
    }

    /// The thread: works whenever it is called.
    fn run(&self) {
        loop {
            let mut queue = self.queue();
            while !queue.calls_thread && !queue.folds {
                if queue.is_closed {
                    return;
                }
                queue = self.thread_is_called.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let is_called = std::mem::take(&mut queue.calls_thread);
            let folds = std::mem::take(&mut queue.folds);
            drop(queue);
            if is_called {
                self.work(Patience::BusyTimeout);
            }
            if folds {
                self.fold();
            }
        }
    }

    /// Works on the queue until it is empty, unless another does.
    fn work(&self, patience: Patience) {
        loop {
            let mut committer = match (patience, self.committer.try_lock()) {
                (_, Ok(committer)) => committer,
                // Whoever has it looks at the queue once more after giving it back.
                (Patience::None, Err(TryLockError::WouldBlock)) => return,
                (_, Err(_)) => self.committer(),
            };
            while let Some(open) = committer.as_ref()
                && !self.queue().messages.is_empty()
            {
                let begun = open.begin(patience);
                if matches!(begun, Err(Error::Locked { .. })) && patience == Patience::None {
                    return self.call_thread();
                }
                let (group, close) = self.gather(open.options.max_group);
                self.write(open, begun, group);
                if let Some(answer) = close {
                    self.close(committer.take().expect("it was just used"), answer);
                }
            }
            drop(committer);
            if self.queue().messages.is_empty() {
                return;
            }
        }
    }

    /// The first messages of the queue, up to the limits or a request to close.
    fn gather(&self, max_group: usize) -> (Vec<Box<dyn Job>>, Option<Answer>) {
        let (mut group, mut bytes) = (Vec::new(), 0);
        let mut queue = self.queue();
        while group.len() < max_group.max(1)
            && bytes < MAX_GROUP_BYTES
            && let Some(message) = queue.messages.pop_front()
        {
            match message {
                Message::Close(answer) => return (group, Some(answer)),
                Message::Write(job) => {
                    bytes += job.size();
                    group.push(job);
                }
            }
        }
        (group, None)
    }

    /// Runs `group` in the transaction that has `begun`, and answers all of it.
    fn write(&self, open: &Committer, begun: Result<()>, mut group: Vec<Box<dyn Job>>) {
        if group.is_empty() {
            let _ = open.run_and_commit(&mut group);
            return;
        }
        if let Some(log) = &self.log {
            log.committing();
        }
        let outcome = begun.and_then(|()| open.run_and_commit(&mut group));
        if let Some(log) = &self.log
            && log.committed(group.iter().map(|job| job.size()).sum())
        {
            self.queue().folds = true;
            self.thread_is_called.notify_one();
        }
        match &outcome {
            Ok(()) => {
                self.operations.fetch_add(group.len() as u64, Ordering::Relaxed);
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(%error, operations = group.len(), "a transaction failed"),
        }
        for job in group {
            job.answer(outcome.clone());
        }
    }

    /// Closes the file. What is queued behind that is dropped, which its callers see as `Closed`.
    fn close(&self, open: Committer, answer: Answer) {
        {
            let mut queue = self.queue();
            queue.is_closed = true;
            queue.messages.clear();
        }
        self.thread_is_called.notify_one();
        let closed = file::close_writer(open.db, &open.path);
        if let Some(log) = self.log.as_ref().filter(|_| closed.is_ok()) {
            log.closed();
        }
        let _ = answer.send(closed);
    }

    /// Folds the log into the file: most of it beside the writes that go on, and then what was written meanwhile, with
    /// nobody writing, since only a log that was folded as a whole begins anew.
    fn fold(&self) {
        let alone = || {
            let committer = self.committer();
            committer
                .as_ref()
                .map_or(Ok(()), |open| file::fold(&open.db).map_err(|failure| failure.explain(&open.path)))
        };
        let folded = self.folder.with(file::fold).and_then(|()| alone());
        self.work(Patience::None);
        match folded {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => tracing::warn!(%error, "the log is not folded into the file yet, and grows"),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is locked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn committer(&self) -> MutexGuard<'_, Option<Committer>> {
        // What a panic has left of a transaction is rolled back before the next one.
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that writes.
struct Committer {
    db: Connection,
    path: PathBuf,
    options: SqliteOptions,
}

impl Committer {
    fn begin(&self, patience: Patience) -> Result<()> {
        let busy_timeout = match patience {
            Patience::None => Duration::ZERO,
            Patience::BusyTimeout => self.options.busy_timeout,
        };
        self.db.busy_timeout(busy_timeout).map_err(|error| file::explain(error, &self.path))?;
        if !self.db.is_autocommit() {
            // An operation has panicked.
            self.execute("ROLLBACK")?;
        }
        self.execute("BEGIN IMMEDIATE")
    }

    fn run_and_commit(&self, group: &mut [Box<dyn Job>]) -> Result<()> {
        for job in group {
            job.run(&self.db, &self.path)?;
        }
        let committed = self.execute("COMMIT");
        if committed.is_err() && !self.db.is_autocommit() {
            // Or the next transaction could not begin. What failed is told already.
            let _ = self.execute("ROLLBACK");
        }
        committed
    }

    fn execute(&self, statement: &str) -> Result<()> {
        let execute = || self.db.prepare_cached(statement)?.execute([]).map(drop);
        execute().map_err(|error| file::explain(error, &self.path))
    }
}

#[cfg(test)]
mod tests;
