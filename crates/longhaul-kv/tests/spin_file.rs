//! The file is Spin's: a state directory moves between the two hosts, both ways.

use std::path::Path;
use std::time::Duration;

use longhaul_kv::{Database, Durability, Error, FILE_NAME, SqliteOptions, Swap};
use rusqlite::{Connection, params};
use tempfile::TempDir;

/// The statement with which Spin makes its table, as it stands there.
const SPIN_CREATES: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
                           store TEXT NOT NULL,
                           key   TEXT NOT NULL,
                           value BLOB NOT NULL,

                           PRIMARY KEY (store, key)
                        )";

/// Opens the file as Spin does: no pragmas.
fn open_as_spin(directory: &TempDir) -> Connection {
    let db = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    db.execute(SPIN_CREATES, []).unwrap();
    db
}

fn insert_as_spin(db: &Connection, store: &str, key: &str, value: &[u8]) {
    db.execute(
        "INSERT INTO spin_key_value (store, key, value) VALUES ($1, $2, $3)
         ON CONFLICT(store, key) DO UPDATE SET value=$3",
        params![store, key, value],
    )
    .unwrap();
}

fn get_as_spin(db: &Connection, store: &str, key: &str) -> Vec<u8> {
    let select = "SELECT value FROM spin_key_value WHERE store=$1 AND key=$2";
    db.query_row(select, [store, key], |row| row.get(0)).unwrap()
}

fn journal_mode(db: &Connection) -> String {
    db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_that_spin_made_is_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let spin = open_as_spin(&directory);
    insert_as_spin(&spin, "default", "k", b"from spin");
    insert_as_spin(&spin, "default", "n", &41_i64.to_le_bytes());
    insert_as_spin(&spin, "other", "k", &[0xff]);
    drop(spin);

    let db = Database::in_state_dir(directory.path()).unwrap();
    let store = db.store("default");
    assert_eq!(store.keys().await.unwrap(), ["k", "n"]);
    assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"from spin"[..]));
    assert_eq!(store.increment("n", 1).await.unwrap(), 42);
    assert_eq!(store.compare_and_swap("k", Some(b"from spin"), b"ours".to_vec()).await.unwrap(), Swap::Done);
    assert_eq!(db.store("other").get("k").await.unwrap(), Some(vec![0xff]));
}

#[tokio::test]
async fn a_file_that_we_closed_is_one_file_that_spin_uses() {
    let directory = tempfile::tempdir().unwrap();
    let db = Database::in_state_dir(directory.path()).unwrap();
    db.store("default").set("k", b"ours".to_vec()).await.unwrap();
    db.store("default").increment("n", 42).await.unwrap();
    db.store("other").set("k", vec![]).await.unwrap();
    db.close().await.unwrap();

    assert_eq!(files(directory.path()), [FILE_NAME], "no log is left beside it");
    let spin = open_as_spin(&directory);
    assert_eq!(journal_mode(&spin), "delete");
    assert_eq!(get_as_spin(&spin, "default", "k"), b"ours");
    assert_eq!(get_as_spin(&spin, "default", "n"), 42_i64.to_le_bytes());
    assert_eq!(get_as_spin(&spin, "other", "k"), b"");
    insert_as_spin(&spin, "default", "k", b"from spin");
    drop(spin);

    let db = Database::in_state_dir(directory.path()).unwrap();
    assert_eq!(db.store("default").get("k").await.unwrap().as_deref(), Some(&b"from spin"[..]));
}

#[tokio::test]
async fn a_file_that_was_not_closed_is_used_by_spin_with_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let db = Database::in_state_dir(directory.path()).unwrap();
    db.store("default").set("k", b"ours".to_vec()).await.unwrap();

    let crashed = tempfile::tempdir().unwrap(); // what a crash leaves: a copy of the files as they are now
    for name in files(directory.path()).iter().filter(|name| !name.ends_with("-shm")) {
        std::fs::copy(directory.path().join(name), crashed.path().join(name)).unwrap();
    }
    let spin = open_as_spin(&crashed);
    assert_eq!(journal_mode(&spin), "wal");
    assert_eq!(get_as_spin(&spin, "default", "k"), b"ours");
    insert_as_spin(&spin, "default", "k", b"from spin");
    drop(spin);

    let db = Database::in_state_dir(crashed.path()).unwrap();
    assert_eq!(db.store("default").get("k").await.unwrap().as_deref(), Some(&b"from spin"[..]));
}

#[tokio::test]
async fn a_connection_beside_ours_sees_what_is_acknowledged_and_survives_our_close() {
    let directory = tempfile::tempdir().unwrap();
    let db = Database::in_state_dir(directory.path()).unwrap();
    let shell = open_as_spin(&directory);
    db.store("default").set("k", b"1".to_vec()).await.unwrap();
    assert_eq!(get_as_spin(&shell, "default", "k"), b"1");
    insert_as_spin(&shell, "default", "k", b"2");
    assert_eq!(db.store("default").get("k").await.unwrap().as_deref(), Some(&b"2"[..]));

    db.close().await.expect("another connection is no reason to fail");
    assert_eq!(get_as_spin(&shell, "default", "k"), b"2");
}

#[tokio::test]
async fn a_value_that_was_put_in_as_text_is_read_as_its_bytes() {
    let directory = tempfile::tempdir().unwrap();
    open_as_spin(&directory)
        .execute("INSERT INTO spin_key_value VALUES ('default', 'k', 'by hand')", [])
        .unwrap();
    let db = Database::in_state_dir(directory.path()).unwrap();
    assert_eq!(db.store("default").get("k").await.unwrap().as_deref(), Some(&b"by hand"[..]));
}

#[test]
fn missing_directories_are_made() {
    let directory = tempfile::tempdir().unwrap();
    Database::in_state_dir(&directory.path().join("a/b")).unwrap();
    assert!(directory.path().join("a/b").join(FILE_NAME).exists());
}

#[test]
fn what_cannot_be_used_is_told_apart_and_left_alone() {
    type Case = (&'static str, fn(&Path), fn(&Error) -> bool);
    let cases: [Case; 6] = [
        (
            "not a database",
            |file| {
                std::fs::write(file, "not a database, but long enough to look into. ".repeat(100)).unwrap()
            },
            |error| matches!(error, Error::Corrupt { .. }),
        ),
        (
            "a table of another shape",
            |file| {
                Connection::open(file)
                    .unwrap()
                    .execute("CREATE TABLE spin_key_value (key TEXT)", [])
                    .map(drop)
                    .unwrap()
            },
            |error| matches!(error, Error::Corrupt { detail, .. } if detail.contains("store")),
        ),
        (
            "a table without the primary key",
            |file| {
                let create = "CREATE TABLE spin_key_value (store TEXT, key TEXT, value BLOB)";
                Connection::open(file).unwrap().execute(create, []).map(drop).unwrap();
            },
            |error| matches!(error, Error::Corrupt { detail, .. } if detail.contains("ON CONFLICT")),
        ),
        (
            "a newer format to read",
            |file| set_format_versions(file, 9, 9),
            |error| matches!(error, Error::Corrupt { .. }),
        ),
        (
            "a newer format to write",
            |file| set_format_versions(file, 9, 1),
            |error| matches!(error, Error::ReadOnly { .. }),
        ),
        (
            "a directory",
            |file| std::fs::create_dir(file).unwrap(),
            |error| matches!(error, Error::Storage { .. }),
        ),
    ];
    for (name, spoil, is_right) in cases {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE_NAME);
        spoil(&file);
        let before = std::fs::read(&file).ok();
        let Err(error) = Database::in_state_dir(directory.path()) else { panic!("{name}: it opened") };
        assert!(is_right(&error), "{name}: {error:?}");
        assert!(error.to_string().contains(FILE_NAME), "{name}: {error}");
        if !name.starts_with("a table") {
            assert!(std::fs::read(&file).ok() == before, "{name}: the file was changed");
        }
    }
}

/// Makes a valid file say that it needs at least these versions of the format to be written and read.
fn set_format_versions(file: &Path, write: u8, read: u8) {
    Connection::open(file).unwrap().execute(SPIN_CREATES, []).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    (bytes[18], bytes[19]) = (write, read); // section 1.3 of SQLite's file format
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_lock_that_another_program_holds_is_told_and_gets_over() {
    let directory = tempfile::tempdir().unwrap();
    for durability in [Durability::EachWrite, Durability::OnDemand] {
        let options =
            SqliteOptions { durability, busy_timeout: Duration::from_millis(20), ..Default::default() };
        let db = Database::sqlite_with(&directory.path().join(FILE_NAME), options).unwrap();
        let store = db.store("default");
        store.set("k", b"1".to_vec()).await.unwrap();

        let shell = open_as_spin(&directory);
        shell.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = store.set("k", b"2".to_vec()).await.unwrap_err();
        assert!(matches!(&error, Error::Locked { path } if path.ends_with(FILE_NAME)), "{error}");
        assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"1"[..]), "reads go on");

        shell.execute_batch("ROLLBACK").unwrap();
        store.set("k", b"3".to_vec()).await.unwrap();
        assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"3"[..]));
        drop(shell);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_that_is_given_back_in_time_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    for durability in [Durability::EachWrite, Durability::OnDemand] {
        let options = SqliteOptions { durability, ..SqliteOptions::default() };
        let db = Database::sqlite_with(&directory.path().join(FILE_NAME), options).unwrap();
        let shell = open_as_spin(&directory);
        shell.execute_batch("BEGIN IMMEDIATE").unwrap();
        let store = db.store("default");
        let writes = futures::future::join(store.set("a", vec![1]), store.set("b", vec![2]));
        let mut writes = std::pin::pin!(writes);
        // Nobody waits on this thread, or the lock were never given back.
        assert!(futures::poll!(writes.as_mut()).is_pending());
        shell.execute_batch("COMMIT").unwrap();
        let (a, b) = writes.await;
        a.unwrap();
        b.unwrap();
        drop(shell);
        db.close().await.unwrap();
    }
}
