//! The thread that writes.
//!
//! It takes every operation that is waiting, runs them in one transaction, commits it, and only then answers them all.
//! A lone operation is not held back to wait for others: groups form by themselves, from what arrives while the
//! commit before is being synced to disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::WriteStats;
use super::file::{self, Failure};
use crate::{Error, Result};

/// A group is closed when what it writes reaches this many bytes, to keep transactions short.
const MAX_GROUP_BYTES: usize = 16 << 20;

/// The way to the thread. Once it is dropped, the thread ends by itself.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
}

/// Where the end of the thread is told.
type Answer = oneshot::Sender<Result<()>>;

enum Message {
    Write(Box<dyn Job>),
    Close(Answer),
}

#[derive(Default)]
struct Counters {
    operations: AtomicU64,
    commits: AtomicU64,
}

impl Writer {
    /// Starts the thread on the connection `db` to the file `path`.
    pub(super) fn start(db: Connection, path: &Path, max_group: usize) -> Result<Self> {
        let (queue, messages) = mpsc::channel();
        let counters = Arc::<Counters>::default();
        let thread = Thread {
            db,
            path: path.to_owned(),
            messages,
            max_group: max_group.max(1),
            counters: counters.clone(),
        };
        std::thread::Builder::new().name("longhaul-kv-writer".into()).spawn(move || thread.run()).map_err(
            |error| Error::Storage {
                path: path.to_owned(),
                detail: format!("the writer thread cannot start: {error}"),
            },
        )?;
        Ok(Self { queue, counters })
    }

    /// Runs `operation`, which writes about `size` bytes, in a transaction that may be shared, and resolves when that
    /// is on disk.
    pub(super) async fn write<T, F>(&self, size: usize, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Operation { size, state: State::Waiting(operation), answer };
        self.queue.send(Message::Write(Box::new(job))).map_err(|_| Error::Closed)?;
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// Ends the thread after what is waiting now, and closes the file. Does nothing if that is done.
    pub(super) async fn close(&self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Message::Close(answer)).is_err() {
            return Ok(());
        }
        answered.await.unwrap_or(Ok(()))
    }

    pub(super) fn stats(&self) -> WriteStats {
        WriteStats {
            operations: self.counters.operations.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }
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

/// What the thread owns.
struct Thread {
    db: Connection,
    path: PathBuf,
    messages: mpsc::Receiver<Message>,
    max_group: usize,
    counters: Arc<Counters>,
}

impl Thread {
    fn run(self) {
        while let Ok(message) = self.messages.recv() {
            let (group, close) = self.gather(message);
            if !group.is_empty() {
                self.write(group);
            }
            if let Some(answer) = close {
                // What is queued behind the close is dropped with the queue, which its callers see as `Closed`.
                let _ = answer.send(file::close_writer(self.db, &self.path));
                return;
            }
        }
    }

    /// The first message and those that are waiting behind it, up to the limits or a request to close.
    fn gather(&self, first: Message) -> (Vec<Box<dyn Job>>, Option<Answer>) {
        let (mut group, mut bytes) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Close(answer) => return (group, Some(answer)),
                Message::Write(job) => {
                    bytes += job.size();
                    group.push(job);
                }
            }
            let full = group.len() >= self.max_group || bytes >= MAX_GROUP_BYTES;
            next = if full { None } else { self.messages.try_recv().ok() };
        }
        (group, None)
    }

    /// Runs `group` in one transaction and answers all of it.
    fn write(&self, mut group: Vec<Box<dyn Job>>) {
        let outcome = self.transact(&mut group);
        match &outcome {
            Ok(()) => {
                self.counters.operations.fetch_add(group.len() as u64, Ordering::Relaxed);
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(%error, operations = group.len(), "a transaction failed"),
        }
        for job in group {
            job.answer(outcome.clone());
        }
    }

    fn transact(&self, group: &mut [Box<dyn Job>]) -> Result<()> {
        self.execute("BEGIN IMMEDIATE")?;
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
