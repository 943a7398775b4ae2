//! What the SQLite database can do here: durable writes with and without shared transactions, and point reads on the
//! calling thread against reads handed to another one.
//!
//! `cargo run --release -p longhaul-kv --example bench [directory]`, on the disk that is to be measured.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use longhaul_kv::{Database, FILE_NAME, SqliteOptions};
use rusqlite::OptionalExtension;
use tokio::sync::oneshot;

const RUN: Duration = Duration::from_millis(500);
const TURNS: usize = 8;
const TASKS: [usize; 3] = [1, 8, 32];
/// About what an instance record of the engine takes.
const VALUE_BYTES: usize = 1024;
const KEYS: usize = 10_000;

#[tokio::main]
async fn main() {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(directory).expect("the directory can be written");

    println!("durable writes of {VALUE_BYTES} bytes to {KEYS} keys");
    println!(
        "{:>5}  {:<28} {:>9} {:>13} {:>8} {:>8}",
        "tasks", "", "writes/s", "writes/commit", "p50", "p99"
    );
    for tasks in TASKS {
        let ways = [("one transaction each", 1), ("shared transactions", 512)].map(|(name, max_group)| {
            let file = directory.path().join(format!("{tasks}-{max_group}"));
            let options = SqliteOptions { max_group, ..SqliteOptions::default() };
            (name, Database::sqlite_with(&file, options).expect("a new file opens"), Run::default())
        });
        for (name, db, mut run) in in_turns(tasks, ways, |db, n| async move {
            db.store("default").set(&key(n), new_value()).await.expect("it is written");
        })
        .await
        {
            let stats = db.write_stats();
            let (rate, p50, p99) = (run.rate(), run.percentile(50), run.percentile(99));
            let per_commit = stats.operations as f64 / stats.commits as f64;
            println!("{tasks:>5}  {name:<28} {rate:>9.0} {per_commit:>13.1} {p50:>8.2?} {p99:>8.2?}");
            db.close().await.expect("it closes");
        }
    }

    let db = Database::in_state_dir(directory.path()).expect("a new file opens");
    let pairs = (0..KEYS).map(|n| (key(n), new_value())).collect();
    db.store("default").set_many(pairs).await.expect("it is written");
    let thread = ReaderThread::start(&directory.path().join(FILE_NAME));

    println!("\npoint reads of {VALUE_BYTES} bytes");
    println!("{:>5}  {:<28} {:>9} {:>13} {:>8} {:>8}", "tasks", "", "reads/s", "", "p50", "p99");
    for tasks in TASKS {
        let store = db.store("default");
        let on_caller = move |n| {
            let store = store.clone();
            async move {
                store.get(&key(n)).await.expect("it is read").expect("it is there");
                tokio::task::yield_now().await;
            }
        };
        print_reads(tasks, "on the calling thread", run(tasks, on_caller).await);

        let thread = thread.clone();
        let on_thread = move |n| {
            let thread = thread.clone();
            async move { drop(thread.get(key(n)).await.expect("it is there")) }
        };
        print_reads(tasks, "on one reader thread", run(tasks, on_thread).await);

        let store = db.store("default");
        let on_blocking = move |n| {
            let (store, runtime) = (store.clone(), tokio::runtime::Handle::current());
            let read = move || runtime.block_on(store.get(&key(n)));
            async move {
                let value = tokio::task::spawn_blocking(read).await.expect("no panic");
                value.expect("it is read").expect("it is there");
            }
        };
        print_reads(tasks, "on spawn_blocking's threads", run(tasks, on_blocking).await);
    }
}

fn key(n: usize) -> String {
    format!("instance/{n:032x}")
}

/// A value like no other: setting the one that is there already writes nothing, and so needs no sync.
fn new_value() -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut value = COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes().to_vec();
    value.resize(VALUE_BYTES, 0x5a);
    value
}

fn print_reads(tasks: usize, name: &str, mut run: Run) {
    let (rate, p50, p99) = (run.rate(), run.percentile(50), run.percentile(99));
    println!("{tasks:>5}  {name:<28} {rate:>9.0} {:>13} {p50:>8.2?} {p99:>8.2?}", "");
}

/// Measures several ways to do the same in turns, so that all of them meet the same disturbances.
async fn in_turns<const N: usize, F>(
    tasks: usize,
    mut ways: [(&'static str, Database, Run); N],
    operation: impl Fn(Database, usize) -> F + Clone + Send + 'static,
) -> [(&'static str, Database, Run); N]
where
    F: Future<Output = ()> + Send,
{
    for _ in 0..TURNS {
        for (_, db, total) in &mut ways {
            let (db, operation) = (db.clone(), operation.clone());
            let turn = run(tasks, move |n| operation(db.clone(), n)).await;
            total.elapsed += turn.elapsed;
            total.latencies.extend(turn.latencies);
        }
    }
    ways
}

/// How long each operation of a run took.
#[derive(Default)]
struct Run {
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Run {
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}

/// Repeats `operation` on one key after another, in so many tasks, for the time of a run.
async fn run<F>(tasks: usize, operation: impl Fn(usize) -> F + Clone + Send + 'static) -> Run
where
    F: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let repeat = |task: usize| {
        let operation = operation.clone();
        async move {
            let (mut n, mut latencies) = (task * KEYS / tasks, vec![]);
            while start.elapsed() < RUN {
                let begin = Instant::now();
                operation(n).await;
                latencies.push(begin.elapsed());
                n = (n + 7919) % KEYS; // a prime: the keys come in no order that a cache likes
            }
            latencies
        }
    };
    let running: Vec<_> = (0..tasks).map(|task| tokio::spawn(repeat(task))).collect();
    let mut latencies = vec![];
    for task in running {
        latencies.extend(task.await.expect("no panic"));
    }
    Run { elapsed: start.elapsed(), latencies }
}

/// The other way to read: a thread that owns a connection and answers requests.
#[derive(Clone)]
struct ReaderThread(mpsc::Sender<(String, oneshot::Sender<Option<Vec<u8>>>)>);

impl ReaderThread {
    fn start(file: &Path) -> Self {
        let connection = rusqlite::Connection::open(file).expect("the file opens");
        let (requests, queue) = mpsc::channel::<(String, oneshot::Sender<_>)>();
        std::thread::spawn(move || {
            let select = "SELECT value FROM spin_key_value WHERE store = 'default' AND key = ?1";
            let mut select = connection.prepare(select).expect("the table is there");
            for (key, answer) in queue {
                let _ =
                    answer.send(select.query_row([key], |row| row.get(0)).optional().expect("it is read"));
            }
        });
        Self(requests)
    }

    async fn get(&self, key: String) -> Option<Vec<u8>> {
        let (answer, answered) = oneshot::channel();
        self.0.send((key, answer)).expect("the thread runs");
        answered.await.expect("the thread answers")
    }
}
