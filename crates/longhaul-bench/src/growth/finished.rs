//! With many finished instances in the store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::local::Local;
use crate::client::{self, Client};
use crate::host::{self, Host};
use crate::latency::{Percentiles, milliseconds};
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

/// What was measured with so many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub finished: u64,
    /// W2, with 32 clients.
    pub instances_per_second: f64,
    pub latency: Percentiles,
    /// One look at the status of an instance, by one client: of those that finished first, and of new ones.
    pub old_status: Percentiles,
    pub new_status: Percentiles,
    /// From the start of the host until it served.
    pub start_ms: f64,
    pub peak_bytes: Option<u64>,
    pub store_bytes: u64,
    /// How long it took to fill the store, in this process.
    pub filled_in_seconds: f64,
}

/// Measures it, with a store that is filled further each time.
pub async fn measure(binary: &Path, counts: &[u64], time: Duration) -> anyhow::Result<Vec<Measured>> {
    let state = tempfile::tempdir()?;
    let requests = Requests::of(Workload::W2, Wait::Start, 0);
    let (mut measured, mut old) = (Vec::new(), Vec::new());
    let mut finished = 0;
    for &count in counts {
        let begin = Instant::now();
        let local = Local::open(state.path())?;
        let missing = count.saturating_sub(finished);
        let every = (missing / STATUSES as u64).max(1);
        let filled = local.finish(requests.input(), missing, every).await.context("filling the store")?;
        old.extend(filled.iter().map(ToString::to_string));
        local.close().await?;
        finished += missing;
        let filled_in_seconds = begin.elapsed().as_secs_f64();
        eprintln!("{finished} finished instances");

        let host = Host::start(host::program(binary, state.path()), state.path()).await?;
        let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
        let one = async |client: &mut Client| requests.one(client).await;
        let warm = drive(&mut connections, Amount::time(WARM_UP), one).await?;
        let load = drive(&mut connections, Amount::time(time), one).await?;
        let mut client = connections.pop().context("there are several")?;
        drop(connections);
        let mut new = Vec::new();
        for _ in 0..STATUSES.min(50) {
            let id = requests.start(&mut client).await?;
            requests.finish(&mut client, &id).await?;
            new.push(id);
        }
        let old_status = statuses(&mut client, &old).await?;
        let new_status = statuses(&mut client, &new).await?;
        drop(client);
        let (start_ms, peak_bytes) = (milliseconds(host.start), host.peak_memory());
        host.stop().await?;
        measured.push(Measured {
            finished,
            instances_per_second: load.per_second(),
            latency: Percentiles::of(load.took.clone()).context("each client runs an instance")?,
            old_status,
            new_status,
            start_ms,
            peak_bytes,
            store_bytes: host::store_bytes(state.path())?,
            filled_in_seconds,
        });
        finished += (warm.took.len() + load.took.len() + new.len()) as u64;
    }
    Ok(measured)
}

/// Looks at instances that have completed, one after the other.
async fn statuses(client: &mut Client, ids: &[String]) -> anyhow::Result<Percentiles> {
    let mut took = Vec::new();
    for id in ids.iter().cycle().take(STATUSES) {
        let begin = Instant::now();
        let output = client.output(id).await?;
        took.push(begin.elapsed());
        ensure!(output.is_some(), "{id} has not completed");
    }
    Percentiles::of(took).context("there are instances")
}

/// Prints it.
pub fn print(measured: &[Measured]) {
    println!();
    println!(
        "| finished | W2/s | p50 / p99 ms | old status p50 / p99 ms | new status p50 / p99 ms | cold start ms | peak MB | store MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in measured {
        let pair = |of: &Percentiles| format!("{:.2} / {:.2}", of.p50_ms, of.p99_ms);
        println!(
            "| {} | {:.0} | {} | {} | {} | {:.0} | {} | {:.0} |",
            row.finished,
            row.instances_per_second,
            pair(&row.latency),
            pair(&row.old_status),
            pair(&row.new_status),
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
        let status = row.old_status.p50_ms.max(row.new_status.p50_ms);
        let first_status = first.old_status.p50_ms.max(first.new_status.p50_ms);
        [
            Target::at_least(
                format!("W2 throughput with {compared}"),
                row.instances_per_second / first.instances_per_second,
                MOST_GROWTH,
            ),
            Target::at_most(format!("status latency with {compared}"), status / first_status, 1.1),
        ]
    };
    more.iter().flat_map(of).collect()
}
