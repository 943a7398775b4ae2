//! One workload with so many clients, each time on a fresh state directory with a fresh host.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use longhaul_tests::app::Launch;
use serde::Serialize;

use super::workload::{Requests, Workload};
use crate::client::{self, Client};
use crate::fsyncs::Syncs;
use crate::host::{self, Host};
use crate::latency::{Percentiles, milliseconds};
use crate::load::{Amount, drive};
use crate::statistics::Share;
use crate::usage;

/// How long a host runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// The same, where only syncs are counted.
const SHORT_WARM_UP: Duration = Duration::from_millis(300);
/// For how long syncs are counted.
const SYNCS: Duration = Duration::from_secs(1);
/// For how long is submitted without waiting, at most.
const FLOOD: Duration = Duration::from_secs(2);
/// How much work may be submitted: as much as takes so many seconds.
const BACKLOG_SECONDS: f64 = 3.0;

/// What is measured, and how.
pub struct Setting {
    /// The command.
    pub binary: PathBuf,
    /// The connection string of the table that is queried.
    pub table: String,
    /// For how long is measured.
    pub time: Duration,
    /// At which intervals is polled.
    pub polling: Duration,
}

impl Setting {
    fn launch(&self, workload: Workload, state: &Path) -> Launch {
        match workload {
            Workload::W7 => Launch::new(&self.binary, state).querying(&self.table),
            _ => host::program(&self.binary, state),
        }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    pub workload: Workload,
    pub clients: usize,
    /// How many instances were run while it was measured.
    pub instances: usize,
    pub instances_per_second: f64,
    pub activities_per_second: f64,
    /// From the start of an instance until its end was seen.
    pub latency: Percentiles,
    /// From the request of a start until it was answered, by clients that then wait for the end; none if none started
    /// another.
    pub submit: Option<Percentiles>,
    /// How many starts this was measured with.
    pub submitted: usize,
    /// The same by clients that wait for nothing.
    pub flood: Percentiles,
    /// How many starts this was measured with.
    pub flooded: usize,
    /// What an instance asks of the store. Those of the warm-up count as well, and whoever waits for its end.
    pub operations: Share,
    /// How often files are synced for an instance, if that can be counted: those that the store counts, each with as many
    /// as strace has counted for one (folding the log into the file takes some that the store does not count).
    pub syncs: Option<f64>,
    /// The same as strace has counted it. Who is watched is slower, and shares fewer commits.
    pub syncs_watched: Option<f64>,
    /// CPU time for an instance: of the host and of the clients, if known.
    pub host_cpu_ms: Option<f64>,
    pub driver_cpu_ms: Option<f64>,
    /// The most memory that the host had.
    pub peak_bytes: Option<u64>,
    /// How long the store is for an instance, and with how many instances.
    pub store_bytes: f64,
    pub stored: usize,
}

/// Measures it.
pub async fn measure(setting: &Setting, requests: &Requests, clients: usize) -> anyhow::Result<Cell> {
    let workload = requests.workload();
    let state = tempfile::tempdir()?;
    let launch = setting.launch(workload, state.path());
    let one = async |client: &mut Client| requests.one(client).await;

    let host = Host::start(launch.clone(), state.path()).await?;
    let mut connections = client::connect(host.base(), clients, setting.polling).await?;
    let warm = drive(&mut connections, Amount::time(WARM_UP), one).await.context("warming up")?;
    let cpu = (host.cpu_time(), usage::cpu_time(std::process::id()));
    let load = drive(&mut connections, Amount::time(setting.time), one).await.context("under load")?;
    let cpu_ms = |before: Option<Duration>, now: Option<Duration>| {
        Some(milliseconds(now?.saturating_sub(before?)) / load.count())
    };
    let host_cpu_ms = cpu_ms(cpu.0, host.cpu_time());
    let driver_cpu_ms = cpu_ms(cpu.1, usage::cpu_time(std::process::id()));
    let peak_bytes = host.peak_memory();
    drop(connections);
    let statistics = host.stop().await?;
    let stored = warm.took.len() + load.took.len();
    let store_bytes = host::store_bytes(state.path())? as f64 / stored as f64;

    // The store goes on as it is: what finished before is not in the way.
    let host = Host::start(launch, state.path()).await?;
    let mut connections = client::connect(host.base(), clients, setting.polling).await?;
    let submitted = submit(setting, requests, &mut connections).await.context("submitting")?;
    let most = (load.per_second() * BACKLOG_SECONDS) as usize;
    let flooded = flood(requests, &mut connections, most).await.context("submitting without waiting")?;
    drop(connections);
    host.stop().await?;

    let operations = statistics.each(stored as f64);
    let watched = watch(setting, requests, clients).await.context("counting syncs")?;
    Ok(Cell {
        workload,
        clients,
        instances: load.took.len(),
        instances_per_second: load.per_second(),
        activities_per_second: load.per_second() * workload.activities() as f64,
        operations,
        syncs: watched.as_ref().map(|watched| watched.of_a_counted_one * operations.syncs),
        syncs_watched: watched.map(|watched| watched.of_an_instance),
        host_cpu_ms,
        driver_cpu_ms,
        peak_bytes,
        store_bytes,
        stored,
        submitted: submitted.len(),
        submit: Percentiles::of(submitted),
        flooded: flooded.len(),
        flood: Percentiles::of(flooded).context("each client submits")?,
        latency: Percentiles::of(load.took).context("each client runs an instance")?,
    })
}

/// Starts instances and waits for their ends, and answers how long each start took after warming up, when the clients
/// no longer come all at once.
async fn submit(
    setting: &Setting,
    requests: &Requests,
    connections: &mut [Client],
) -> anyhow::Result<Vec<Duration>> {
    let (warm, submitted) = (Instant::now() + WARM_UP, RefCell::new(Vec::new()));
    let one = async |client: &mut Client| {
        let begin = Instant::now();
        let id = requests.start(client).await?;
        if begin >= warm {
            submitted.borrow_mut().push(begin.elapsed());
        }
        requests.finish(client, &id).await?;
        Ok(begin.elapsed())
    };
    drive(connections, Amount::time(WARM_UP + setting.time), one).await?;
    Ok(submitted.into_inner())
}

/// Starts instances without waiting for their ends, and answers how long each start took. Afterwards all are seen to
/// have completed.
async fn flood(
    requests: &Requests,
    connections: &mut [Client],
    most: usize,
) -> anyhow::Result<Vec<Duration>> {
    let ids = RefCell::new(Vec::new());
    let submit = async |client: &mut Client| {
        let begin = Instant::now();
        let id = requests.start(client).await?;
        let took = begin.elapsed();
        ids.borrow_mut().push(id);
        Ok(took)
    };
    let submitted = drive(connections, Amount { time: FLOOD, most }, submit).await?;
    let finish = async |client: &mut Client| {
        let begin = Instant::now();
        let next = ids.borrow_mut().pop();
        if let Some(id) = next {
            requests.finish(client, &id).await?;
        }
        Ok(begin.elapsed())
    };
    drive(connections, Amount::count(submitted.took.len()), finish).await?;
    Ok(submitted.took)
}

/// How often files are synced while strace watches.
struct Watched {
    of_an_instance: f64,
    of_a_counted_one: f64,
}

/// Counts syncs, in a run of its own.
async fn watch(setting: &Setting, requests: &Requests, clients: usize) -> anyhow::Result<Option<Watched>> {
    let state = tempfile::tempdir()?;
    let Some(syncs) = Syncs::into_log(state.path().join("syncs.txt")) else { return Ok(None) };
    let launch = setting.launch(requests.workload(), state.path()).under(syncs.command());
    // A system may have strace, and let nobody be traced.
    let Ok(host) = Host::start(launch, state.path()).await else { return Ok(None) };
    // Making the file, and leaving it in the end, takes syncs that are of no commit.
    let at_start = syncs.count()?;
    let mut connections = client::connect(host.base(), clients, setting.polling).await?;
    let one = async |client: &mut Client| requests.one(client).await;
    drive(&mut connections, Amount::time(SHORT_WARM_UP), one).await?;
    let before = syncs.count()?;
    let load = drive(&mut connections, Amount::time(SYNCS), one).await?;
    let after = syncs.count()?;
    drop(connections);
    let statistics = host.stop().await?;
    Ok(Some(Watched {
        of_an_instance: (after - before) as f64 / load.count(),
        of_a_counted_one: (after - at_start) as f64 / statistics.syncs as f64,
    }))
}

#[cfg(test)]
impl Cell {
    /// A cell of W1 with these figures.
    pub(crate) fn example(clients: usize, instances_per_second: f64, p50_ms: f64) -> Self {
        let percentiles = Percentiles { p50_ms, p95_ms: p50_ms, p99_ms: p50_ms };
        Self {
            workload: Workload::W1,
            clients,
            instances: 1000,
            instances_per_second,
            activities_per_second: instances_per_second * 5.0,
            latency: percentiles,
            submit: Some(percentiles),
            submitted: 1000,
            flood: percentiles,
            flooded: 1000,
            operations: Share { reads: 8.0, writes: 8.0, deletes: 0.0, commits: 8.0, syncs: 8.0 },
            syncs: Some(8.0),
            syncs_watched: Some(8.0),
            host_cpu_ms: None,
            driver_cpu_ms: None,
            peak_bytes: None,
            store_bytes: 1000.0,
            stored: 1000,
        }
    }
}
