//! With many finished instances in the store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tempfile::TempDir;

use super::local::Local;
use crate::client::{self, Client};
use crate::host::{self, Host};
use crate::latency::{Percentiles, median, milliseconds};
use crate::load::{Amount, drive};
use crate::target::Target;
use crate::workloads::workload::{Requests, Wait, Workload};

const CLIENTS: usize = 32;
const WARM_UP: Duration = Duration::from_secs(1);
const POLLING: Duration = Duration::from_millis(5);
/// How many statuses are asked for.
const STATUSES: usize = 500;
/// How much throughput may suffer: a tenth.
const MOST_GROWTH: f64 = 0.9;

/// How often each store is measured, in turns, so that what slows the machine down for a while hits all of them.
const ROUNDS: usize = 5;

/// What was measured with so many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub finished: u64,
    /// W2, with 32 clients: the median of the rounds.
    pub instances_per_second: f64,
    /// The median of what the rounds gave, each divided by what the same round gave with the fewest instances.
    pub throughput_of_first: f64,
    pub latency: Percentiles,
    /// One look at the status of an instance, by one client: of those that finished first, and of new ones.
    pub old_status: Percentiles,
    pub new_status: Percentiles,
    /// As for throughput, of the medians of all looks of a round.
    pub status_of_first: f64,
    /// From the start of the host until it served, the first time.
    pub start_ms: f64,
    pub peak_bytes: Option<u64>,
    pub store_bytes: u64,
    /// How long it took to fill the store, in this process.
    pub filled_in_seconds: f64,
}

/// A store with finished instances.
struct Filled {
    state: TempDir,
    finished: u64,
    /// Some of them.
    old: Vec<String>,
    filled_in_seconds: f64,
    store_bytes: u64,
    rounds: Vec<Round>,
}

struct Round {
    instances_per_second: f64,
    latency: Vec<Duration>,
    old_status: Vec<Duration>,
    new_status: Vec<Duration>,
    start_ms: f64,
    peak_bytes: Option<u64>,
}

/// Fills a store for each of the counts, and measures them in turns.
pub async fn measure(binary: &Path, counts: &[u64], time: Duration) -> anyhow::Result<Vec<Measured>> {
    let requests = Requests::of(Workload::W2, Wait::Start, 0);
    let mut stores: Vec<Filled> = Vec::new();
    for &count in counts {
        let filled = fill(&requests, stores.last(), count).await?;
        eprintln!("{} finished instances", filled.finished);
        stores.push(filled);
    }
    for round in 1..=ROUNDS {
        for store in &mut stores {
            store.rounds.push(one_round(binary, &requests, store, time).await?);
        }
        eprintln!("round {round} of {ROUNDS}");
    }
    let first = stores.first().map(|first| first.rounds.iter().map(Round::figures).collect::<Vec<_>>());
    stores.iter().map(|store| store.measured(first.as_deref().unwrap_or_default())).collect()
}

/// A store with what `previous` has, and so many instances in all.
async fn fill(requests: &Requests, previous: Option<&Filled>, count: u64) -> anyhow::Result<Filled> {
    let begin = Instant::now();
    let state = tempfile::tempdir()?;
    let (mut old, mut finished) = (Vec::new(), 0);
    if let Some(previous) = previous {
        for entry in std::fs::read_dir(previous.state.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), state.path().join(entry.file_name()))?;
            }
        }
        (old, finished) = (previous.old.clone(), previous.finished);
    }
    let local = Local::open(state.path())?;
    let missing = count.saturating_sub(finished);
    let every = (missing / STATUSES as u64).max(1);
    let filled = local.finish(requests.input(), missing, every).await.context("filling the store")?;
    old.extend(filled.iter().map(ToString::to_string));
    local.close().await?;
    Ok(Filled {
        finished: finished + missing,
        old,
        filled_in_seconds: begin.elapsed().as_secs_f64(),
        store_bytes: host::store_bytes(state.path())?,
        state,
        rounds: Vec::new(),
    })
}

/// Measures a store once. The instances of that stay in it.
async fn one_round(
    binary: &Path,
    requests: &Requests,
    store: &Filled,
    time: Duration,
) -> anyhow::Result<Round> {
    let state = store.state.path();
    let host = Host::start(host::program(binary, state), state).await?;
    let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
    let one = async |client: &mut Client| requests.one(client).await;
    drive(&mut connections, Amount::time(WARM_UP), one).await?;
    let load = drive(&mut connections, Amount::time(time), one).await?;
    let mut client = connections.pop().context("there are several")?;
    drop(connections);
    let mut new = Vec::new();
    for _ in 0..STATUSES.min(50) {
        let id = requests.start(&mut client).await?;
        requests.finish(&mut client, &id).await?;
        new.push(id);
    }
    let old_status = statuses(&mut client, &store.old).await?;
    let new_status = statuses(&mut client, &new).await?;
    drop(client);
    let (start_ms, peak_bytes) = (milliseconds(host.start), host.peak_memory());
    host.stop().await?;
    Ok(Round {
        instances_per_second: load.per_second(),
        latency: load.took,
        old_status,
        new_status,
        start_ms,
        peak_bytes,
    })
}

impl Round {
    /// Throughput, and the median of all looks in milliseconds.
    fn figures(&self) -> (f64, f64) {
        let looks = [&self.old_status[..], &self.new_status].concat();
        (self.instances_per_second, median(looks.into_iter().map(milliseconds).collect()))
    }
}

impl Filled {
    fn measured(&self, first: &[(f64, f64)]) -> anyhow::Result<Measured> {
        let all = |of: fn(&Round) -> &[Duration]| {
            let took = self.rounds.iter().flat_map(|round| of(round).iter().copied()).collect();
            Percentiles::of(took).context("each round has some")
        };
        let ratios = |of: fn((f64, f64)) -> f64| {
            let pairs = self.rounds.iter().map(Round::figures).zip(first);
            median(pairs.map(|(here, first)| of(here) / of(*first)).collect())
        };
        Ok(Measured {
            finished: self.finished,
            instances_per_second: median(
                self.rounds.iter().map(|round| round.instances_per_second).collect(),
            ),
            throughput_of_first: ratios(|(throughput, _)| throughput),
            latency: all(|round| &round.latency)?,
            old_status: all(|round| &round.old_status)?,
            new_status: all(|round| &round.new_status)?,
            status_of_first: ratios(|(_, status)| status),
            start_ms: self.rounds.first().map_or(f64::NAN, |round| round.start_ms),
            peak_bytes: self.rounds.iter().filter_map(|round| round.peak_bytes).max(),
            store_bytes: self.store_bytes,
            filled_in_seconds: self.filled_in_seconds,
        })
    }
}

/// Looks at instances that have completed, one after the other.
async fn statuses(client: &mut Client, ids: &[String]) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for id in ids.iter().cycle().take(STATUSES) {
        let begin = Instant::now();
        let output = client.output(id).await?;
        took.push(begin.elapsed());
        ensure!(output.is_some(), "{id} has not completed");
    }
    Ok(took)
}

/// Prints it.
pub fn print(measured: &[Measured]) {
    println!();
    println!(
        "| finished | W2/s | of the first | p50 / p99 ms | old status p50 / p99 ms | new status p50 / p99 ms | of the first | cold start ms | peak MB | store MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in measured {
        let pair = |of: &Percentiles| format!("{:.2} / {:.2}", of.p50_ms, of.p99_ms);
        println!(
            "| {} | {:.0} | {:.2} | {} | {} | {} | {:.2} | {:.0} | {} | {:.0} |",
            row.finished,
            row.instances_per_second,
            row.throughput_of_first,
            pair(&row.latency),
            pair(&row.old_status),
            pair(&row.new_status),
            row.status_of_first,
            row.start_ms,
            row.peak_bytes.map_or("-".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6)),
            row.store_bytes as f64 / 1e6,
        );
    }
}

/// Neither throughput nor the latency of statuses grows with them.
pub fn targets(measured: &[Measured]) -> Vec<Target> {
    let Some((first, more)) = measured.split_first() else { return Vec::new() };
    let of = |row: &Measured| {
        let compared = format!("{} finished instances, of that with {}", row.finished, first.finished);
        [
            Target::at_least(format!("W2 throughput with {compared}"), row.throughput_of_first, MOST_GROWTH),
            Target::at_most(format!("status latency with {compared}"), row.status_of_first, 1.1),
        ]
    };
    more.iter().flat_map(of).collect()
}
