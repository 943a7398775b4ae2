//! When what was written is on disk.

use std::path::Path;
use std::time::{Duration, Instant};

use longhaul_kv::{Database, Durability, SqliteOptions};
use tempfile::TempDir;

fn open(directory: &TempDir, durability: Durability) -> Database {
    let options = SqliteOptions { durability, ..SqliteOptions::default() };
    Database::sqlite_with(&directory.path().join("kv.db"), options).unwrap()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what} does not come to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_write_is_synced_before_it_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory, Durability::EachWrite);
    for n in 1..=5 {
        db.store("default").set("k", vec![n]).await.unwrap();
        assert_eq!(db.statistics().syncs, u64::from(n));
        db.synced().await.unwrap();
    }
    assert_eq!(db.statistics().syncs, 5, "there is nothing to wait for");
}

#[tokio::test]
async fn on_demand_one_sync_covers_all_writes_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory, Durability::OnDemand);
    let store = db.store("default");
    db.synced().await.unwrap();
    assert_eq!(db.statistics().syncs, 0, "nothing was written");
    for round in 1..=3 {
        let before = db.statistics();
        for n in 0..20 {
            store.set("k", vec![round, n]).await.unwrap();
        }
        db.synced().await.unwrap();
        let now = db.statistics();
        assert_eq!(now.commits - before.commits, 20);
        // One for whoever waits, and perhaps those of writes that nobody had waited for yet.
        let syncs = now.syncs - before.syncs;
        assert!((1..20).contains(&syncs), "{syncs} syncs");
        db.synced().await.unwrap();
        assert_eq!(db.statistics().syncs, now.syncs, "all is on disk");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_synced_a_moment_later() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory, Durability::OnDemand);
    for n in 1..=3 {
        db.store("default").set("k", vec![n]).await.unwrap();
        until("a sync", || db.statistics().syncs == u64::from(n)).await;
    }
}

#[tokio::test]
async fn all_who_wait_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory, Durability::OnDemand);
    let waiting = (0..100_u8).map(|n| {
        let db = db.clone();
        async move {
            db.store("default").set(&format!("{n}"), vec![n]).await.unwrap();
            db.synced().await.unwrap();
        }
    });
    tokio::time::timeout(Duration::from_secs(20), futures::future::join_all(waiting)).await.unwrap();
}

/// The length of the log beside the file.
fn log_length(directory: &Path) -> u64 {
    std::fs::metadata(directory.join("kv.db-wal")).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_synced_on_demand_does_not_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory, Durability::OnDemand);
    let writers = (0..4_u8).map(|task| {
        let store = db.store("default");
        tokio::spawn(async move {
            for n in 0..1500_u16 {
                // The same few pages, over and over: 100 MB in all.
                store.set(&format!("{task} {}", n % 50), vec![task; 16 << 10]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let length = log_length(directory.path());
    assert!(length < 64 << 20, "the log has {length} bytes");
    let file = std::fs::metadata(directory.path().join("kv.db")).unwrap().len();
    assert!(file > 2 << 20, "it was folded into the file, which has {file} bytes");
    db.close().await.unwrap();
    db.synced().await.expect("what is closed is on disk");
}
