//! Connections that read, shared by all tasks.
//!
//! A point read takes microseconds, less than handing it to another thread and back would (`examples/bench.rs`
//! measures both), so it runs on the thread of the task that asks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;

use super::SqliteOptions;
use super::file::{self, Failure};
use crate::{Error, Result};

/// One connection that reads, until it is closed.
pub(super) struct Reader {
    connection: Mutex<Option<Connection>>,
    path: PathBuf,
}

impl Reader {
    pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Self> {
        let connection = file::open_reader(path, options)?;
        Ok(Self { connection: Mutex::new(Some(connection)), path: path.to_owned() })
    }

    /// Runs `read` when the connection is free.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        self.run(&self.lock(), read)
    }

    fn run<T>(
        &self,
        connection: &Option<Connection>,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        let connection = connection.as_ref().ok_or(Error::Closed)?;
        read(connection).map_err(|failure| failure.explain(&self.path))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        // A read leaves nothing half-done behind: statements and transactions end themselves when they are dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Connection>>> {
        match self.connection.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Closes the connection once it is free.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }
}

/// Several readers, of which any that is free will do.
pub(super) struct Readers {
    readers: Vec<Reader>,
    /// Whose turn it is to be waited for when none is free.
    turn: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Self> {
        let readers =
            (0..options.readers.max(1)).map(|_| Reader::open(path, options)).collect::<Result<_>>()?;
        Ok(Self { readers, turn: AtomicUsize::new(0) })
    }

    /// Runs `read` on a connection that is free, or waits for one.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T> {
        // Always the first that is free, so that a lone task finds its pages in that one's cache.
        for reader in &self.readers {
            if let Some(connection) = reader.try_lock() {
                return reader.run(&connection, read);
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        self.readers[turn].with(read)
    }

    /// Closes all connections, each once it is free.
    pub(super) fn close(&self) {
        for reader in &self.readers {
            reader.close();
        }
    }
}
