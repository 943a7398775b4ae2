//! What was acknowledged survives `kill -9`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use longhaul_kv::{Database, Durability, FILE_NAME, SqliteOptions, Store, Swap};

/// Set for the process that is killed: the state directory it writes to.
const STATE_DIR: &str = "LONGHAUL_KV_KILL_STATE_DIR";

/// The tests, each of which runs itself again as the process to be killed.
const EACH_WRITE: &str = "what_was_acknowledged_survives_kill_9";
const ON_DEMAND: &str = "what_was_acknowledged_before_it_was_synced_survives_kill_9";
const ROUNDS: u32 = 8;
const TASKS: usize = 8;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    survives(EACH_WRITE, Durability::EachWrite);
}

#[test]
fn what_was_acknowledged_before_it_was_synced_survives_kill_9() {
    survives(ON_DEMAND, Durability::OnDemand);
}

/// The process is killed at the moment when so many acknowledgements were read. More are under way then, which may or may
/// not have been made.
fn survives(test: &str, durability: Durability) {
    if let Some(state_dir) = std::env::var_os(STATE_DIR) {
        return write_until_killed(Path::new(&state_dir), durability);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    for round in 0..ROUNDS {
        let count = 1 + getrandom::u32().unwrap() % 300;
        run_and_kill(test, directory.path(), count, &mut acknowledged);
        check(directory.path(), &mut acknowledged, &format!("round {round}, killed after {count} more"));
    }
}

/// Writes from several tasks and prints `key number` when the key is known to have reached the number.
fn write_until_killed(state_dir: &Path, durability: Durability) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteOptions { durability, ..SqliteOptions::default() };
        let db = Database::sqlite_with(&state_dir.join(FILE_NAME), options).unwrap();
        let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(write(db.store("default"), task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Each task uses its own way of writing, on a key of its own.
async fn write(store: Store, task: usize) {
    let key = format!("key-{task}");
    let stored = store.get(&key).await.unwrap();
    let mut n = stored.as_deref().map_or(0, number);
    loop {
        let (old, new) = (n.to_le_bytes(), (n + 1).to_le_bytes().to_vec());
        match task % 4 {
            0 => store.set(&key, new).await.unwrap(),
            1 => assert_eq!(store.increment(&key, 1).await.unwrap(), n + 1),
            2 => store
                .set_many(vec![(key.clone(), new), (format!("large-{task}"), vec![7; 10_000])])
                .await
                .unwrap(),
            _ => {
                let expected = (n > 0).then_some(&old[..]);
                assert_eq!(store.compare_and_swap(&key, expected, new).await.unwrap(), Swap::Done);
            }
        }
        n += 1;
        println!("ack {key} {n}"); // standard output is line-buffered: it is out before the next write begins
    }
}

fn number(value: &[u8]) -> i64 {
    i64::from_le_bytes(value.try_into().expect("every value is a number of 8 bytes"))
}

/// Runs the writing process, kills it after `count` acknowledgements, and takes down all that it printed.
fn run_and_kill(test: &str, state_dir: &Path, count: u32, acknowledged: &mut HashMap<String, i64>) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(STATE_DIR, state_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = 0;
    for line in BufReader::new(process.stdout.take().expect("it is piped")).lines() {
        let Ok(line) = line else { break };
        // The test runner prints something too, and the kill cuts a line in two.
        let mut words = line.split_whitespace().skip_while(|word| *word != "ack").skip(1);
        let (Some(key), Some(Ok(n))) = (words.next(), words.next().map(str::parse::<i64>)) else { continue };
        let latest = acknowledged.entry(key.to_owned()).or_insert(0);
        *latest = n.max(*latest);
        seen += 1;
        if seen == count {
            process.kill().unwrap(); // SIGKILL; what is in the pipe is read on
        }
    }
    assert!(!process.wait().unwrap().success(), "the process ended by itself");
    assert!(seen >= count, "the process ended by itself after {seen} writes");
}

/// Checks that all that was acknowledged is there. What is found counts as acknowledged from then on.
fn check(state_dir: &Path, acknowledged: &mut HashMap<String, i64>, when: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Database::in_state_dir(state_dir).unwrap();
        let store = db.store("default");
        for task in 0..TASKS {
            let key = format!("key-{task}");
            let stored = store.get(&key).await.unwrap().as_deref().map_or(0, number);
            let latest = acknowledged.get(&key).copied().unwrap_or(0);
            // Each task had at most one write under way.
            let right = latest..=latest + 1;
            assert!(right.contains(&stored), "{when}: {key} is {stored}, and {latest} was acknowledged");
            acknowledged.insert(key, stored);
        }
    });
    // Not closed: the next round finds the log as it is.
}
