//! What every database promises: the same cases, run against each kind.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use longhaul_kv::{Database, Durability, Error, SqliteOptions, Store, Stores, Swap};
use tokio::task::JoinSet;

/// Makes a test of each case for each kind of database.
macro_rules! conformance {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(longhaul_kv::Database::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let directory = tempfile::tempdir().unwrap();
                super::$case(longhaul_kv::Database::in_state_dir(directory.path()).unwrap()).await;
            })*
        }
        mod sqlite_on_demand {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let directory = tempfile::tempdir().unwrap();
                super::$case(super::on_demand(&directory.path().join("kv.db"))).await;
            })*
        }
    };
}

conformance! {
    a_missing_key_is_missing_to_every_operation
    every_value_comes_back_as_it_was_set
    every_key_is_a_key_of_its_own
    a_later_value_replaces_an_earlier_one
    keys_lists_every_key_of_the_store_in_order
    get_many_answers_at_each_place
    delete_removes_the_key_alone
    increment_keeps_an_8_byte_little_endian_integer
    increment_refuses_what_is_not_a_counter
    increment_refuses_to_overflow
    concurrent_increments_have_distinct_answers
    compare_and_swap_compares_the_value
    concurrent_swaps_have_one_winner
    concurrent_creations_have_one_creator
    set_many_is_seen_whole_or_not_at_all
    delete_many_is_seen_whole_or_not_at_all
    labels_do_not_see_each_other
    a_write_is_seen_by_every_read_after_it
    only_declared_labels_open
    a_closed_database_refuses_everything
}

fn on_demand(path: &Path) -> Database {
    let options = SqliteOptions { durability: Durability::OnDemand, ..SqliteOptions::default() };
    Database::sqlite_with(path, options).unwrap()
}

fn store(db: &Database) -> Store {
    db.store("default")
}

async fn a_missing_key_is_missing_to_every_operation(db: Database) {
    let store = store(&db);
    assert_eq!(store.get("k").await.unwrap(), None);
    assert!(!store.exists("k").await.unwrap());
    assert_eq!(store.keys().await.unwrap(), [""; 0]);
    assert_eq!(store.get_many(&["k".into(), "l".into()]).await.unwrap(), [None, None]);
    store.delete("k").await.expect("deleting it is no error");
    store.delete_many(vec!["k".into(), "l".into()]).await.expect("deleting them is no error");
    assert_eq!(store.compare_and_swap("k", Some(b""), b"v".to_vec()).await.unwrap(), Swap::Changed(None));
    assert!(!store.exists("k").await.unwrap(), "none of this made it");

    store.set_many(vec![]).await.unwrap();
    store.delete_many(vec![]).await.unwrap();
    assert!(store.get_many(&[]).await.unwrap().is_empty());
}

async fn every_value_comes_back_as_it_was_set(db: Database) {
    let store = store(&db);
    let values: [(&str, Vec<u8>); 6] = [
        ("empty", vec![]),
        ("zero", vec![0]),
        ("every byte", (0..=255).collect()),
        ("not UTF-8", vec![0xff, 0xfe, 0x80]),
        ("text", "größer".into()),
        ("1 MiB", (0..1 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ];
    for (name, value) in &values {
        store.set(name, value.clone()).await.unwrap();
    }
    for (name, value) in &values {
        assert!(store.get(name).await.unwrap().as_ref() == Some(value), "{name}");
        assert!(store.exists(name).await.unwrap(), "{name}");
    }
}

async fn every_key_is_a_key_of_its_own(db: Database) {
    let store = store(&db);
    let long = "k".repeat(10_000);
    let keys = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "a\0",
        "a\0b",
        "a/b",
        "%",
        "_",
        "'",
        "\"",
        "--",
        ";",
        "\\",
        "\n",
        "é",
        "e\u{301}",
        "日本",
        "\u{10ffff}",
        "1",
        "01",
        "1.0",
        "NULL",
        &long,
    ];
    for key in keys {
        store.set(key, key.into()).await.unwrap();
    }
    for key in keys {
        assert_eq!(store.get(key).await.unwrap().as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    assert_eq!(store.keys().await.unwrap().len(), keys.len());
}

async fn a_later_value_replaces_an_earlier_one(db: Database) {
    let store = store(&db);
    for value in ["one", "two", ""] {
        store.set("k", value.into()).await.unwrap();
        assert_eq!(store.get("k").await.unwrap().as_deref(), Some(value.as_bytes()));
    }
    store.set_many(vec![("k".into(), b"first".to_vec()), ("k".into(), b"last".to_vec())]).await.unwrap();
    assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"last"[..]));
}

async fn keys_lists_every_key_of_the_store_in_order(db: Database) {
    let store = store(&db);
    for key in ["b", "é", "a/2", "a", "B", "a/10"] {
        store.set(key, vec![]).await.unwrap();
    }
    assert_eq!(store.keys().await.unwrap(), ["B", "a", "a/10", "a/2", "b", "é"]);
}

async fn get_many_answers_at_each_place(db: Database) {
    let store = store(&db);
    store.set("a", b"1".to_vec()).await.unwrap();
    store.set("b", vec![]).await.unwrap();
    let keys = ["b", "missing", "a", "b"].map(String::from);
    let values = store.get_many(&keys).await.unwrap();
    assert_eq!(values, [Some(vec![]), None, Some(b"1".to_vec()), Some(vec![])]);
}

async fn delete_removes_the_key_alone(db: Database) {
    let store = store(&db);
    for key in ["a", "ab", "b", "c"] {
        store.set(key, vec![1]).await.unwrap();
    }
    store.delete("a").await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap(), ["ab", "b", "c"]);
    store.delete_many(vec!["c".into(), "missing".into(), "b".into()]).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), ["ab"]);
}

async fn increment_keeps_an_8_byte_little_endian_integer(db: Database) {
    let store = store(&db);
    let steps = [(5, 5_i64), (0, 5), (-7, -2), (1 << 40, (1 << 40) - 2), (-(1 << 40), -2)];
    for (delta, now) in steps {
        assert_eq!(store.increment("n", delta).await.unwrap(), now);
        assert_eq!(store.get("n").await.unwrap().as_deref(), Some(&now.to_le_bytes()[..]));
    }
    assert_eq!(store.increment("zero", 0).await.unwrap(), 0);
    assert!(store.exists("zero").await.unwrap(), "adding nothing makes the counter all the same");

    store.set("set", 258_i64.to_le_bytes().to_vec()).await.unwrap();
    assert_eq!(store.increment("set", 1).await.unwrap(), 259);
}

async fn increment_refuses_what_is_not_a_counter(db: Database) {
    let store = store(&db);
    for value in [&b""[..], b"7", b"1234567", b"123456789"] {
        store.set("n", value.into()).await.unwrap();
        let error = store.increment("n", 1).await.unwrap_err();
        assert!(
            matches!(&error, Error::NotACounter { key, length } if key == "n" && *length == value.len()),
            "{error}"
        );
        assert_eq!(store.get("n").await.unwrap().as_deref(), Some(value), "it is left as it was");
    }
}

async fn increment_refuses_to_overflow(db: Database) {
    let store = store(&db);
    for (value, delta) in [(i64::MAX, 1), (i64::MIN, -1), (1, i64::MAX)] {
        store.set("n", value.to_le_bytes().to_vec()).await.unwrap();
        let error = store.increment("n", delta).await.unwrap_err();
        assert!(matches!(error, Error::CounterOverflow { .. }), "{error}");
        assert_eq!(store.increment("n", 0).await.unwrap(), value, "it is left as it was");
    }
}

/// Runs `count` tasks and answers what they answered.
async fn together<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    (0..count).map(task).collect::<JoinSet<T>>().join_all().await
}

async fn concurrent_increments_have_distinct_answers(db: Database) {
    const TASKS: usize = 16;
    const EACH: usize = 20;
    let answers = together(TASKS, |_| {
        let store = store(&db);
        async move {
            let mut answers = vec![];
            for _ in 0..EACH {
                answers.push(store.increment("n", 1).await.unwrap());
            }
            assert!(answers.is_sorted(), "to one task, the counter only grows");
            answers
        }
    });
    let answers: Vec<i64> = answers.await.into_iter().flatten().collect();
    let distinct: BTreeSet<i64> = answers.iter().copied().collect();
    assert_eq!(distinct, (1..=(TASKS * EACH) as i64).collect(), "each number once, without holes");
    assert_eq!(answers.len(), distinct.len());
}

async fn compare_and_swap_compares_the_value(db: Database) {
    let store = store(&db);
    // What is stored, what is expected, and whether that swaps.
    type Case = (Option<&'static [u8]>, Option<&'static [u8]>, bool);
    let cases: [Case; 10] = [
        (None, None, true),
        (None, Some(b""), false),
        (None, Some(b"a"), false),
        (Some(b""), None, false),
        (Some(b""), Some(b""), true),
        (Some(b"a"), None, false),
        (Some(b"a"), Some(b"a"), true),
        (Some(b"a"), Some(b""), false),
        (Some(b"a"), Some(b"A"), false),
        (Some(b"a\0"), Some(b"a"), false),
    ];
    for (stored, expected, swaps) in cases {
        match stored {
            Some(value) => store.set("k", value.into()).await.unwrap(),
            None => store.delete("k").await.unwrap(),
        }
        let outcome = store.compare_and_swap("k", expected, b"new".to_vec()).await.unwrap();
        let stored = stored.map(<[u8]>::to_vec);
        let (right_outcome, right_value) = if swaps {
            (Swap::Done, Some(b"new".to_vec()))
        } else {
            (Swap::Changed(stored.clone()), stored.clone())
        };
        assert_eq!(outcome, right_outcome, "{stored:?} stored, {expected:?} expected");
        assert_eq!(store.get("k").await.unwrap(), right_value, "{stored:?} stored, {expected:?} expected");
    }
}

async fn concurrent_swaps_have_one_winner(db: Database) {
    for round in 0..20 {
        store(&db).set("k", b"old".to_vec()).await.unwrap();
        one_winner(&db, Some(b"old"), round).await;
    }
}

async fn concurrent_creations_have_one_creator(db: Database) {
    for round in 0..20 {
        store(&db).delete("k").await.unwrap();
        one_winner(&db, None, round).await;
    }
}

/// Checks that of many tasks which swap the same expected value, one does, and the others find what it wrote.
async fn one_winner(db: &Database, expected: Option<&'static [u8]>, round: usize) {
    let outcomes = together(8, |task| {
        let store = store(db);
        async move { (task, store.compare_and_swap("k", expected, vec![task as u8]).await.unwrap()) }
    });
    let (winners, losers): (Vec<_>, Vec<_>) =
        outcomes.await.into_iter().partition(|(_, outcome)| *outcome == Swap::Done);
    assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
    let won = Some(vec![winners[0].0 as u8]);
    assert_eq!(store(db).get("k").await.unwrap(), won);
    for (_, outcome) in losers {
        assert_eq!(outcome, Swap::Changed(won.clone()), "round {round}");
    }
}

async fn set_many_is_seen_whole_or_not_at_all(db: Database) {
    let keys: Vec<String> = (0..20).map(|i| format!("key {i}")).collect();
    let (store, stop) = (store(&db), Arc::new(AtomicBool::new(false)));
    let writer = tokio::spawn({
        let (store, stop, keys) = (store.clone(), stop.clone(), keys.clone());
        async move {
            let mut n = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let pairs = keys.iter().map(|key| (key.clone(), n.to_le_bytes().to_vec())).collect();
                store.set_many(pairs).await.unwrap();
            }
        }
    });
    let mut seen = BTreeSet::new();
    while seen.len() < 20 {
        let values = store.get_many(&keys).await.unwrap();
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        seen.insert(values[0].clone());
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

async fn delete_many_is_seen_whole_or_not_at_all(db: Database) {
    let keys: Vec<String> = (0..20).map(|i| format!("key {i}")).collect();
    let (store, stop) = (store(&db), Arc::new(AtomicBool::new(false)));
    let writer = tokio::spawn({
        let (store, stop, keys) = (store.clone(), stop.clone(), keys.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                store.set_many(keys.iter().map(|key| (key.clone(), vec![1])).collect()).await.unwrap();
                store.delete_many(keys.clone()).await.unwrap();
            }
        }
    });
    let (mut changes, mut last) = (0, 0);
    while changes < 20 {
        let there = store.keys().await.unwrap().len();
        assert!(there == 0 || there == keys.len(), "{there} keys");
        changes += usize::from(there != last);
        last = there;
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

async fn labels_do_not_see_each_other(db: Database) {
    let (a, b) = (db.store("a"), db.store("b"));
    a.set("k", b"of a".to_vec()).await.unwrap();
    assert_eq!(b.get("k").await.unwrap(), None);
    assert_eq!(b.compare_and_swap("k", None, b"of b".to_vec()).await.unwrap(), Swap::Done);
    assert_eq!((a.increment("n", 3).await.unwrap(), b.increment("n", 4).await.unwrap()), (3, 4));
    b.set("only in b", vec![]).await.unwrap();
    a.delete_many(vec!["n".into(), "only in b".into()]).await.unwrap();

    assert_eq!(a.get("k").await.unwrap().as_deref(), Some(&b"of a"[..]));
    assert_eq!(a.keys().await.unwrap(), ["k"]);
    assert_eq!(b.keys().await.unwrap(), ["k", "n", "only in b"]);
    assert_eq!(db.store("a").get("k").await.unwrap(), a.get("k").await.unwrap(), "a label is one store");
}

async fn a_write_is_seen_by_every_read_after_it(db: Database) {
    let failures = together(8, |task| {
        let store = store(&db);
        async move {
            let key = format!("key {task}");
            for n in 0..25_u8 {
                store.set(&key, vec![n]).await.unwrap();
                assert_eq!(store.get(&key).await.unwrap(), Some(vec![n]));
                assert!(store.keys().await.unwrap().contains(&key));
                store.delete(&key).await.unwrap();
                assert!(!store.exists(&key).await.unwrap());
            }
        }
    });
    failures.await;
}

async fn only_declared_labels_open(db: Database) {
    let stores = Stores::in_database(&db, ["default", "cache"]);
    assert_eq!(stores.labels().collect::<Vec<_>>(), ["cache", "default"]);
    assert_eq!(stores.open("cache").unwrap().label(), "cache");
    for label in ["", "Default", "other"] {
        assert!(stores.open(label).is_none(), "{label:?}");
    }
}

async fn a_closed_database_refuses_everything(db: Database) {
    let stores = Stores::in_database(&db, ["a", "b"]);
    let store = stores.open("a").unwrap();
    store.set("k", vec![]).await.unwrap();
    stores.close().await.expect("two labels of one database close it once");
    let errors = [
        store.get("k").await.unwrap_err(),
        store.exists("k").await.unwrap_err(),
        store.keys().await.unwrap_err(),
        store.get_many(&["k".into()]).await.unwrap_err(),
        store.set("k", vec![]).await.unwrap_err(),
        store.delete("k").await.unwrap_err(),
        store.increment("n", 1).await.unwrap_err(),
        store.compare_and_swap("k", None, vec![]).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Closed), "{error}");
    }
}
