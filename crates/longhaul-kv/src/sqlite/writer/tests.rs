//! Operations that share a transaction, and what the failure of one means to the others. Failures are SQLite's own,
//! raised by triggers.

use std::sync::mpsc;

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::sqlite::{SqliteOptions, operations};
use crate::store::Swap;

const LABEL: &str = "default";

/// A writer on a new file, in which a write of the key `bad` fails, and one of the key `fatal` takes the whole
/// transaction with it.
struct Fixture {
    directory: TempDir,
    writer: Writer,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let path = directory.path().join("kv.db");
        let mut options = SqliteOptions::default();
        let db = file::open_writer(&path, &mut options).expect("a new file opens");
        db.execute_batch(
            "CREATE TEMP TRIGGER bad BEFORE INSERT ON main.spin_key_value WHEN NEW.key = 'bad'
                BEGIN SELECT RAISE(ABORT, 'refused'); END;
             CREATE TEMP TRIGGER fatal BEFORE INSERT ON main.spin_key_value WHEN NEW.key = 'fatal'
                BEGIN SELECT RAISE(ROLLBACK, 'broken'); END;",
        )
        .expect("the triggers are well-formed");
        let folder = Arc::new(Reader::open(&path, &options).expect("the file opens"));
        let writer = Writer::start(db, &path, &options, folder).expect("the thread starts");
        Self { directory, writer }
    }

    async fn set(&self, keys: &[&str]) -> Result<()> {
        let pairs: Vec<_> = keys.iter().map(|key| (key.to_string(), b"new".to_vec())).collect();
        self.writer.write(1, move |db| operations::set_many(db, LABEL, &pairs)).await
    }

    async fn increment(&self, key: &'static str) -> Result<i64> {
        self.writer.write(1, move |db| operations::increment(db, LABEL, key, 1)).await
    }

    async fn create(&self, key: &'static str) -> Result<Swap> {
        self.writer.write(1, move |db| operations::compare_and_swap(db, LABEL, key, None, b"mine")).await
    }

    /// Keeps the thread busy until the answer is used, so that what is written meanwhile forms one group.
    async fn hold(&self) -> impl FnOnce() {
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let (answer, _) = oneshot::channel();
        let operation = move |_: &Connection| -> Result<(), Failure> {
            let _ = started.send(());
            let _ = released.recv();
            Ok(())
        };
        let job = Operation { size: 0, state: State::Waiting(operation), answer };
        self.writer.desk.take(Message::Write(Box::new(job))).expect("it is open");
        has_started.await.expect("the thread runs the operation");
        move || drop(release)
    }

    fn keys(&self) -> Vec<String> {
        let path = self.directory.path().join("kv.db");
        let db = file::open_reader(&path, &SqliteOptions::default()).expect("the file opens");
        operations::keys(&db, LABEL).expect("the keys are read")
    }
}

#[tokio::test]
async fn operations_that_wait_together_share_one_commit() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let (a, b, c, d, ()) = tokio::join!(
        fixture.set(&["a"]),
        fixture.increment("n"),
        fixture.increment("n"),
        fixture.create("a"),
        async { release() }
    );
    a.unwrap();
    assert_eq!((b.unwrap(), c.unwrap()), (1, 2), "each sees what those before it wrote");
    assert_eq!(d.unwrap(), Swap::Changed(Some(b"new".to_vec())));
    assert_eq!(
        fixture.writer.stats(),
        WriteStats { operations: 5, commits: 2, syncs: 2 },
        "one commit is the holder's"
    );
}

#[tokio::test]
async fn an_operation_that_fails_undoes_itself_and_nothing_else() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let (before, bad, counter, after, ()) = tokio::join!(
        fixture.set(&["before"]),
        fixture.set(&["half", "bad", "rest"]),
        fixture.increment("before"),
        fixture.set(&["after", "wards"]),
        async { release() }
    );
    assert!(matches!(bad, Err(Error::Storage { detail, .. }) if detail == "refused"));
    assert!(matches!(counter, Err(Error::NotACounter { length: 3, .. })));
    before.unwrap();
    after.unwrap();
    assert_eq!(fixture.keys(), ["after", "before", "wards"]);
    assert_eq!(fixture.writer.stats().commits, 2);
}

#[tokio::test]
async fn a_failure_that_ends_the_transaction_is_told_to_all_that_shared_it() {
    for fatal in [&["fatal"][..], &["half", "fatal"]] {
        let fixture = Fixture::new();
        let release = fixture.hold().await;
        let (before, fatal, after, ()) =
            tokio::join!(fixture.set(&["before"]), fixture.set(fatal), fixture.set(&["after"]), async {
                release()
            });
        for outcome in [before, fatal, after] {
            assert!(
                matches!(&outcome, Err(Error::Storage { detail, .. }) if detail == "broken"),
                "{outcome:?}"
            );
        }
        assert_eq!(fixture.keys(), [""; 0], "nothing of the group is left");

        fixture.set(&["next"]).await.expect("the next transaction is not affected");
        assert_eq!(fixture.keys(), ["next"]);
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_all_that_shared_it() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    // A deferred constraint is checked by COMMIT, which fails and leaves the transaction open.
    let spoil = fixture.writer.write(1, |db| {
        db.execute_batch(
            "PRAGMA defer_foreign_keys = ON;
             CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER REFERENCES parent (id));
             INSERT INTO child VALUES (1);",
        )?;
        Ok(())
    });
    let (before, spoil, after, ()) =
        tokio::join!(fixture.set(&["before"]), spoil, fixture.set(&["after"]), async { release() });
    for outcome in [before, spoil, after] {
        assert!(matches!(&outcome, Err(Error::Storage { .. })), "{outcome:?}");
    }
    fixture.set(&["next"]).await.expect("the transaction that failed was ended");
    assert_eq!(fixture.keys(), ["next"]);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_what_comes() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let (waiting, closed, late, ()) =
        tokio::join!(fixture.set(&["waiting"]), fixture.writer.close(), fixture.set(&["late"]), async {
            release()
        });
    waiting.unwrap();
    closed.unwrap();
    assert!(matches!(late, Err(Error::Closed)));
    assert!(matches!(fixture.set(&["later"]).await, Err(Error::Closed)));
    fixture.writer.close().await.expect("closing twice is no error");
    assert_eq!(fixture.keys(), ["waiting"]);
}
