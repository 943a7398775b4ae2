//! What the host programs against: databases, their stores, and the labels of an application.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::memory::Memory;
use crate::sqlite::{Sqlite, SqliteOptions, WriteStats};
use crate::statistics::{Counters, Statistics};
use crate::{Error, Result};

/// Runs `$call` on whichever backend `$self` is; the asynchronous one is awaited.
macro_rules! on_backend {
    ($self:ident, $db:ident => $memory:expr, $sqlite:expr) => {
        match &$self.database.backend {
            Backend::Memory($db) => $memory,
            Backend::Sqlite($db) => $sqlite,
        }
    };
}

/// One place where values live, under any number of labels. Clones are handles to the same one.
#[derive(Clone)]
pub struct Database {
    backend: Backend,
    counters: Arc<Counters>,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<Memory>),
    Sqlite(Arc<Sqlite>),
}

impl Database {
    /// A new, empty database in memory.
    pub fn memory() -> Self {
        Self::on(Backend::Memory(Arc::default()))
    }

    /// Opens, or creates with its directories, the database file `path`.
    ///
    /// A file that Spin made is used as it is. This blocks for a few disk writes.
    pub fn sqlite(path: &Path) -> Result<Self> {
        Self::sqlite_with(path, SqliteOptions::default())
    }

    /// Like [`Database::sqlite`], in the file that Spin uses in this state directory ([`crate::FILE_NAME`]).
    pub fn in_state_dir(state_dir: &Path) -> Result<Self> {
        Self::sqlite(&state_dir.join(crate::FILE_NAME))
    }

    /// Like [`Database::sqlite`], with options.
    pub fn sqlite_with(path: &Path, options: SqliteOptions) -> Result<Self> {
        Ok(Self::on(Backend::Sqlite(Arc::new(Sqlite::open(path, options)?))))
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counters, &other.counters)
    }

    fn on(backend: Backend) -> Self {
        Self { backend, counters: Arc::default() }
    }

    /// The store under `label`. Every label exists; whether a component may use it is the caller's to decide.
    pub fn store(&self, label: &str) -> Store {
        Store { database: self.clone(), label: label.into() }
    }

    /// What the database has written since it was opened; zeroes for one in memory.
    pub fn write_stats(&self) -> WriteStats {
        match &self.backend {
            Backend::Memory(_) => WriteStats::default(),
            Backend::Sqlite(db) => db.write_stats(),
        }
    }

    /// What was asked of the database since it was opened, under all of its labels.
    pub fn statistics(&self) -> Statistics {
        self.counters.with(self.write_stats())
    }

    /// Resolves when every write that was answered before is on disk: at once, unless the database was opened with
    /// [`Durability::OnDemand`](crate::Durability). What is in memory never is, and is not waited for.
    ///
    /// # Errors
    /// [`Error::Storage`] when the log could not be synced; every later write fails then too, since nobody knows what of
    /// the log is on disk.
    pub async fn synced(&self) -> Result<()> {
        match &self.backend {
            Backend::Memory(_) => Ok(()),
            Backend::Sqlite(db) => db.synced().await,
        }
    }

    /// Finishes the writes that are waiting, and leaves one file that any SQLite reads, without a log beside it.
    ///
    /// Every handle answers [`Error::Closed`] from then on, and closing once more does nothing. A database that is
    /// dropped or killed without this has lost nothing: what it acknowledged is in the file and its log.
    pub async fn close(&self) -> Result<()> {
        match &self.backend {
            Backend::Memory(db) => db.close(),
            Backend::Sqlite(db) => db.close().await?,
        }
        Ok(())
    }
}

/// How a compare-and-swap ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The key had the expected value, or was missing as expected, and has the new value now.
    Done,
    /// The key had this value instead (`None`: it was missing). Nothing was changed.
    Changed(Option<Vec<u8>>),
}

/// The keys and values under one label of a database. Clones are handles to the same store.
///
/// Writes go on when their future is dropped: whether one that was cancelled is made is unknown.
#[derive(Clone)]
pub struct Store {
    database: Database,
    label: Arc<str>,
}

impl Store {
    /// The label that this store is bound to.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value of `key`, or `None` if there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.database.counters.read();
        on_backend!(self, db => db.get(&self.label, key), db.get(&self.label, key))
    }

    /// Whether `key` has a value.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        self.database.counters.read();
        on_backend!(self, db => db.exists(&self.label, key), db.exists(&self.label, key))
    }

    /// All keys of the store, in ascending order of their bytes. Takes time and memory for each of them.
    pub async fn keys(&self) -> Result<Vec<String>> {
        self.database.counters.read();
        on_backend!(self, db => db.keys(&self.label), db.keys(&self.label).await)
    }

    /// The values of `keys`, each at its key's place, all as they were at one moment.
    pub async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.database.counters.read();
        on_backend!(self, db => db.get_many(&self.label, keys), db.get_many(&self.label, keys))
    }

    /// Gives `key` the value `value`.
    pub async fn set(&self, key: &str, value: Vec<u8>) -> Result<()> {
        self.set_many(vec![(key.to_owned(), value)]).await
    }

    /// Gives every key its value in one transaction: a reader sees all of them or none. Of two values for the same
    /// key the later counts.
    pub async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        self.database.counters.write();
        on_backend!(self, db => db.set_many(&self.label, pairs), db.set_many(&self.label, pairs).await)
    }

    /// Removes `key`. That it was missing is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_many(vec![key.to_owned()]).await
    }

    /// Removes every one of `keys` in one transaction.
    pub async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        self.database.counters.delete();
        on_backend!(self, db => db.delete_many(&self.label, keys), db.delete_many(&self.label, keys).await)
    }

    /// Adds `delta` to the counter `key`, which begins at 0, and answers what it is now.
    ///
    /// A counter is a signed 64-bit integer in 8 bytes, little-endian, as Spin's SQLite store keeps it.
    ///
    /// # Errors
    /// [`Error::NotACounter`] and [`Error::CounterOverflow`]; the value is left as it was.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64> {
        self.database.counters.write();
        on_backend!(self, db => db.increment(&self.label, key, delta), db.increment(&self.label, key, delta).await)
    }

    /// Gives `key` the value `new` if its value is `expected` (`None`: if it is missing), and tells what it found
    /// otherwise.
    pub async fn compare_and_swap(&self, key: &str, expected: Option<&[u8]>, new: Vec<u8>) -> Result<Swap> {
        self.database.counters.write();
        on_backend!(self,
            db => db.compare_and_swap(&self.label, key, expected, new),
            db.compare_and_swap(&self.label, key, expected, new).await)
    }
}

/// The stores of an application by label. An application may open no other.
#[derive(Clone, Default)]
pub struct Stores(BTreeMap<String, Store>);

impl Stores {
    /// No stores.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stores `labels`, all in `database`.
    pub fn in_database<L: AsRef<str>>(database: &Database, labels: impl IntoIterator<Item = L>) -> Self {
        let mut stores = Self::new();
        for label in labels {
            stores.insert(database.store(label.as_ref()));
        }
        stores
    }

    /// Adds `store` under its label, in place of one that had the same label.
    pub fn insert(&mut self, store: Store) {
        self.0.insert(store.label().to_owned(), store);
    }

    /// The store under `label`, or `None` if the application has none of that name.
    pub fn open(&self, label: &str) -> Option<Store> {
        self.0.get(label).cloned()
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The databases that the stores are in, each once.
    pub fn databases(&self) -> Vec<Database> {
        let mut databases: Vec<Database> = Vec::new();
        for Store { database, .. } in self.0.values() {
            if !databases.iter().any(|known| known.is(database)) {
                databases.push(database.clone());
            }
        }
        databases
    }

    /// The statistics of each database, with the labels that are in it, in order.
    pub fn statistics(&self) -> Vec<(Vec<&str>, Statistics)> {
        let labels_in = |database: &Database| {
            let stores = self.0.iter().filter(|(_, store)| store.database.is(database));
            stores.map(|(label, _)| label.as_str()).collect()
        };
        let databases = self.databases();
        databases.iter().map(|database| (labels_in(database), database.statistics())).collect()
    }

    /// Closes the databases of all stores, even if one of them fails, and answers the first failure.
    pub async fn close(&self) -> Result<()> {
        let mut outcome = Ok(());
        for database in self.databases() {
            outcome = outcome.and(database.close().await);
        }
        outcome
    }
}

/// Reads a stored counter and adds to it.
pub(crate) fn add_to_counter(key: &str, stored: Option<&[u8]>, delta: i64) -> Result<i64> {
    let value = match stored {
        None => 0,
        Some(bytes) => i64::from_le_bytes(
            bytes.try_into().map_err(|_| Error::NotACounter { key: key.to_owned(), length: bytes.len() })?,
        ),
    };
    value.checked_add(delta).ok_or_else(|| Error::CounterOverflow { key: key.to_owned(), value, delta })
}
