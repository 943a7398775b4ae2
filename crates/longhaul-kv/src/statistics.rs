//! How much a database is used: what an operator sees at the end, and a benchmark divides by its instances.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::WriteStats;

/// What was asked of a database since it was opened. An operation on many keys counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// `get`, `exists`, `get_many` and `keys`.
    pub reads: u64,
    /// `set`, `set_many`, `increment` and `compare_and_swap`, those that changed nothing included.
    pub writes: u64,
    /// `delete` and `delete_many`.
    pub deletes: u64,
    /// Transactions that writes and deletes shared; 0 for a database in memory.
    pub commits: u64,
    /// Times that the log was synced to disk for them; 0 for a database in memory.
    pub syncs: u64,
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, writes, deletes, commits, syncs } = self;
        write!(
            formatter,
            "{reads} reads, {writes} writes, {deletes} deletes, {commits} commits, {syncs} syncs"
        )
    }
}

/// The counters behind [`Statistics`]. Nothing is ordered by them.
#[derive(Default)]
pub(crate) struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    deletes: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn delete(&self) {
        self.deletes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn with(&self, WriteStats { commits, syncs, .. }: WriteStats) -> Statistics {
        Statistics {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            deletes: self.deletes.load(Ordering::Relaxed),
            commits,
            syncs,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Database, Statistics, Stores};

    #[tokio::test]
    async fn every_operation_counts_once() {
        let directory = tempfile::tempdir().unwrap();
        for (database, commits) in
            [(Database::memory(), 0), (Database::in_state_dir(directory.path()).unwrap(), 6)]
        {
            let store = database.store("default");
            store.set("a", vec![1]).await.unwrap();
            store.set_many(vec![("b".into(), vec![2]), ("c".into(), vec![3])]).await.unwrap();
            store.increment("n", 1).await.unwrap();
            store.compare_and_swap("a", None, vec![4]).await.unwrap();
            store.delete("a").await.unwrap();
            store.delete_many(vec!["b".into(), "c".into()]).await.unwrap();
            store.get("a").await.unwrap();
            store.get_many(&["a".into(), "b".into()]).await.unwrap();
            store.exists("a").await.unwrap();
            store.keys().await.unwrap();
            let expected = Statistics { reads: 4, writes: 4, deletes: 2, commits, syncs: commits };
            assert_eq!(database.statistics(), expected);
            assert_eq!(
                expected.to_string(),
                format!("4 reads, 4 writes, 2 deletes, {commits} commits, {commits} syncs")
            );
        }
    }

    #[tokio::test]
    async fn the_statistics_of_a_database_name_all_of_its_labels() {
        let (one, other) = (Database::memory(), Database::memory());
        let mut stores = Stores::in_database(&one, ["a", "c"]);
        stores.insert(other.store("b"));
        stores.open("c").unwrap().get("key").await.unwrap();
        let read = Statistics { reads: 1, ..Statistics::default() };
        assert_eq!(stores.statistics(), [(vec!["a", "c"], read), (vec!["b"], Statistics::default())]);
    }
}
