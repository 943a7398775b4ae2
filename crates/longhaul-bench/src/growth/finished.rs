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
const WARM_UP: Duration = Duration::from_secs(2);
const POLLING: Duration = Duration::from_millis(5);
/// How long the load on one store lasts before it is the next one's turn: what slows the machine down for a while hits
/// all of them.
const TURN: Duration = Duration::from_secs(1);
/// How many statuses of old instances are asked for, and as many of new ones.
const STATUSES: usize = 1000;
/// How many new instances these are of.
const NEW: usize = 50;
/// How much throughput may suffer: a tenth.
const MOST_GROWTH: f64 = 0.9;

/// What was measured with so many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub finished: u64,
    /// W2, with 32 clients: the median of the turns.
    pub instances_per_second: f64,
    /// The median of what the turns gave, each divided by what the turn of the fewest instances in the same round gave.
    pub throughput_of_first: f64,
    pub latency: Percentiles,
    /// One look at the status of an instance, by one client: of those that finished first, and of new ones.
    pub old_status: Percentiles,
    pub new_status: Percentiles,
    /// The median of all looks, divided by that with the fewest instances.
    pub status_of_first: f64,
    /// From the start of the host until it served.
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
}

/// A store that is measured: a host on it, and what came of it.
struct Running<'a> {
    store: &'a Filled,
    host: Host,
    connections: Vec<Client>,
    /// Of each turn.
    instances_per_second: Vec<f64>,
    latency: Vec<Duration>,
    old_status: Vec<Duration>,
    new_status: Vec<Duration>,
}

/// Fills a store for each of the counts, and measures all of them at the same time, in turns, each for so long in all.
pub async fn measure(binary: &Path, counts: &[u64], time: Duration) -> anyhow::Result<Vec<Measured>> {
    let requests = Requests::of(Workload::W2, Wait::Start, 0);
    let mut stores: Vec<Filled> = Vec::new();
    for &count in counts {
        let filled = fill(&requests, stores.last(), count).await?;
        eprintln!("{} finished instances", filled.finished);
        stores.push(filled);
    }
    let mut running = Vec::new();
    for store in &stores {
        running.push(Running::start(binary, store, &requests).await?);
    }
    let rounds = (time.as_secs_f64() / TURN.as_secs_f64()).ceil() as usize;
    for round in 0..rounds {
        for store in turns(&mut running, round) {
            store.load(&requests).await?;
        }
    }
    let mut new = Vec::new();
    for store in &mut running {
        new.push(store.make(&requests).await?);
    }
    let with_new: Vec<_> = running.iter_mut().zip(&new).collect();
    look(with_new).await?;
    let mut measured = Vec::new();
    let first = running.first().map(|first| (first.instances_per_second.clone(), first.status_ms()));
    for store in running {
        measured.push(store.stop(first.as_ref().context("there is one at least")?).await?);
    }
    Ok(measured)
}

/// The order of a round: each begins with another one.
fn turns<T>(all: &mut [T], round: usize) -> impl Iterator<Item = &mut T> {
    let (before, from) = all.split_at_mut(round % all.len().max(1));
    from.iter_mut().chain(before)
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
    })
}

impl<'a> Running<'a> {
    async fn start(binary: &Path, store: &'a Filled, requests: &Requests) -> anyhow::Result<Self> {
        let state = store.state.path();
        let host = Host::start(host::program(binary, state), state).await?;
        let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
        let one = async |client: &mut Client| requests.one(client).await;
        drive(&mut connections, Amount::time(WARM_UP), one).await?;
        Ok(Self {
            store,
            host,
            connections,
            instances_per_second: Vec::new(),
            latency: Vec::new(),
            old_status: Vec::new(),
            new_status: Vec::new(),
        })
    }

    /// One turn. Its instances stay in the store.
    async fn load(&mut self, requests: &Requests) -> anyhow::Result<()> {
        let one = async |client: &mut Client| requests.one(client).await;
        let load = drive(&mut self.connections, Amount::time(TURN), one).await?;
        self.instances_per_second.push(load.per_second());
        self.latency.extend(load.took);
        Ok(())
    }

    /// The first of the clients.
    fn client(&mut self) -> &mut Client {
        &mut self.connections[0]
    }

    /// Runs some instances, and answers their ids.
    async fn make(&mut self, requests: &Requests) -> anyhow::Result<Vec<String>> {
        let mut new = Vec::new();
        for _ in 0..NEW {
            let id = requests.start(self.client()).await?;
            requests.finish(self.client(), &id).await?;
            new.push(id);
        }
        Ok(new)
    }

    /// The median of all looks.
    fn status_ms(&self) -> f64 {
        median([&self.old_status[..], &self.new_status].concat().into_iter().map(milliseconds).collect())
    }

    /// Ends it; `first` are throughput and [`Running::status_ms`] of the fewest instances.
    async fn stop(self, first: &(Vec<f64>, f64)) -> anyhow::Result<Measured> {
        let percentiles =
            |took: &[Duration]| Percentiles::of(took.to_vec()).context("each of them was measured");
        let ratios = self.instances_per_second.iter().zip(&first.0).map(|(here, first)| here / first);
        let measured = Measured {
            finished: self.store.finished,
            instances_per_second: median(self.instances_per_second.clone()),
            throughput_of_first: median(ratios.collect()),
            latency: percentiles(&self.latency)?,
            old_status: percentiles(&self.old_status)?,
            new_status: percentiles(&self.new_status)?,
            status_of_first: self.status_ms() / first.1,
            start_ms: milliseconds(self.host.start),
            peak_bytes: self.host.peak_memory(),
            store_bytes: self.store.store_bytes,
            filled_in_seconds: self.store.filled_in_seconds,
        };
        drop(self.connections);
        self.host.stop().await?;
        Ok(measured)
    }
}

/// Looks at instances that have completed, old and new ones, one after the other, at each store in turn.
async fn look(mut stores: Vec<(&mut Running<'_>, &Vec<String>)>) -> anyhow::Result<()> {
    for round in 0..STATUSES {
        for (running, new) in turns(&mut stores, round) {
            let old = &running.store.old[round * running.store.old.len() / STATUSES];
            let took = look_at(running.client(), old).await?;
            running.old_status.push(took);
            let took = look_at(running.client(), &new[round % new.len()]).await?;
            running.new_status.push(took);
        }
    }
    Ok(())
}

async fn look_at(client: &mut Client, id: &str) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let output = client.output(id).await?;
    let took = begin.elapsed();
    ensure!(output.is_some(), "{id} has not completed");
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
