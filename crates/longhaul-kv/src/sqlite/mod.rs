//! The database in a SQLite file: one connection that writes, for groups of operations, and reads on the calling thread.

mod file;
mod log;
mod operations;
mod readers;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::store::Swap;
use file::Failure;
use readers::{Reader, Readers};
use rusqlite::Connection;
use writer::Writer;

/// The name of the database file in a state directory, the same as Spin's.
pub const FILE_NAME: &str = "sqlite_key_value.db";

/// When what was written is on disk. In neither case can a power cut keep a write and lose one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the write is answered.
    #[default]
    EachWrite,
    /// Before [`Database::synced`](crate::Database::synced), if that is called after the write was answered, resolves; a
    /// moment later if nobody calls it. Until then the write outlives this process, and not a power cut. This is for
    /// who tells nobody of what it has written before that: no time is spent then on writes that nobody knows of.
    OnDemand,
}

/// How a SQLite database is used.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// When what was written is on disk.
    pub durability: Durability,
    /// How long to wait for a lock that another connection holds (a backup, a `sqlite3` prompt).
    pub busy_timeout: Duration,
    /// The most operations that share one transaction; 1 gives each its own.
    pub max_group: usize,
    /// How many point reads can run at the same time.
    pub readers: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
            max_group: 512,
            readers: 4,
        }
    }
}

/// What a database has written since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Write operations that were committed.
    pub operations: u64,
    /// Transactions that they shared.
    pub commits: u64,
    /// Times that the log was synced for them. Folding the log into the file, every few thousand pages, takes two more.
    pub syncs: u64,
}

/// An open database file.
pub(crate) struct Sqlite {
    // The writer comes last: dropped after the readers, its connection is the last one, which folds the log into the
    // file.
    path: PathBuf,
    readers: Arc<Readers>,
    scanner: Arc<Reader>,
    writer: Writer,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, mut options: SqliteOptions) -> Result<Self> {
        let write = file::open_writer(path, &mut options)?;
        let readers = Arc::new(Readers::open(path, &options)?);
        let scanner = Arc::new(Reader::open(path, &options)?);
        let writer = Writer::start(write, path, &options, scanner.clone())?;
        Ok(Self { path: path.to_owned(), readers, scanner, writer })
    }

    pub(crate) fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|db| operations::get(db, label, key))
    }

    pub(crate) fn exists(&self, label: &str, key: &str) -> Result<bool> {
        self.read(|db| operations::exists(db, label, key))
    }

    pub(crate) fn get_many(&self, label: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.read(|db| operations::get_many(db, label, keys))
    }

    fn read<T>(&self, read: impl Fn(&Connection) -> Result<T, Failure>) -> Result<T> {
        match self.writer.try_read(&read) {
            Some(outcome) => outcome.map_err(|failure| failure.explain(&self.path)),
            None => self.readers.with(read),
        }
    }

    /// Takes as long as the store is large, so it has a thread and a connection of its own.
    pub(crate) async fn keys(&self, label: &str) -> Result<Vec<String>> {
        let (scanner, label) = (self.scanner.clone(), label.to_owned());
        tokio::task::spawn_blocking(move || scanner.with(|db| operations::keys(db, &label)))
            .await
            .unwrap_or(Err(crate::Error::Closed)) // the runtime is shutting down
    }

    pub(crate) async fn set_many(&self, label: &Arc<str>, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        let (label, size) = (label.clone(), pairs.iter().map(|(key, value)| key.len() + value.len()).sum());
        self.writer.write(size, move |db| operations::set_many(db, &label, &pairs)).await
    }

    pub(crate) async fn delete_many(&self, label: &Arc<str>, keys: Vec<String>) -> Result<()> {
        let (label, size) = (label.clone(), keys.iter().map(String::len).sum());
        self.writer.write(size, move |db| operations::delete_many(db, &label, &keys)).await
    }

    pub(crate) async fn increment(&self, label: &Arc<str>, key: &str, delta: i64) -> Result<i64> {
        let (label, key) = (label.clone(), key.to_owned());
        self.writer.write(key.len(), move |db| operations::increment(db, &label, &key, delta)).await
    }

    pub(crate) async fn compare_and_swap(
        &self,
        label: &Arc<str>,
        key: &str,
        expected: Option<&[u8]>,
        new: Vec<u8>,
    ) -> Result<Swap> {
        let (label, key, expected) = (label.clone(), key.to_owned(), expected.map(<[u8]>::to_vec));
        let size = key.len() + new.len();
        self.writer
            .write(size, move |db| operations::compare_and_swap(db, &label, &key, expected.as_deref(), &new))
            .await
    }

    pub(crate) async fn synced(&self) -> Result<()> {
        self.writer.synced().await
    }

    pub(crate) fn write_stats(&self) -> WriteStats {
        self.writer.stats()
    }

    pub(crate) async fn close(&self) -> Result<()> {
        // Readers first: the file can leave write-ahead logging only under its last connection.
        let (readers, scanner) = (self.readers.clone(), self.scanner.clone());
        let readers_closed = tokio::task::spawn_blocking(move || {
            readers.close();
            scanner.close();
        });
        readers_closed.await.map_err(|_| crate::Error::Closed)?;
        self.writer.close().await
    }
}
