//! With many instances that sleep until a timer fires.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use longhaul::EventKind;
use serde::Serialize;
use serde_json::json;

use super::local::Local;
use crate::client::{self, Client};
use crate::host::{self, Host};
use crate::latency::{Percentiles, milliseconds};
use crate::load::{Amount, drive};
use crate::statistics::{Share, Statistics};

const CLIENTS: usize = 32;
const POLLING: Duration = Duration::from_millis(100);
/// From the first start until the first timer fires: by then all are started, and the measurements of sleep are over.
const LEAD: Duration = Duration::from_secs(90);
/// How long after each other the timers fire.
const APART: Duration = Duration::from_millis(3);
/// How long a host runs before sleep is measured, and for how long it is.
const SETTLE: Duration = Duration::from_secs(10);
const SLEEP: Duration = Duration::from_secs(10);

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub timers: usize,
    /// While all of them sleep: CPU time of the host a second, and what it asks of its store a second.
    pub cpu_ms_per_second: Option<f64>,
    pub operations_per_second: Share,
    /// What a host that is started asks of its store until it sleeps.
    pub to_settle: Statistics,
    /// How late timers fire, which are a few milliseconds apart, and how late the last one was.
    pub late: Percentiles,
    pub latest_ms: f64,
    pub peak_bytes: Option<u64>,
}

/// Measures it.
pub async fn measure(binary: &Path, count: usize) -> anyhow::Result<Measured> {
    let state = tempfile::tempdir()?;
    let launch = host::program(binary, state.path());
    let begin = Instant::now();
    let host = Host::start(launch.clone(), state.path()).await?;
    let ids = start(&host, count, begin).await?;
    host.stop().await?;
    eprintln!("{count} timers");

    // What a host asks of its store it says when it stops. So two sleep, the second one longer.
    let host = Host::start(launch.clone(), state.path()).await?;
    tokio::time::sleep(SETTLE).await;
    let to_settle = host.stop().await?;
    let host = Host::start(launch.clone(), state.path()).await?;
    tokio::time::sleep(SETTLE).await;
    let before = host.cpu_time();
    tokio::time::sleep(SLEEP).await;
    let cpu = host.cpu_time().zip(before).map(|(now, before)| milliseconds(now - before));
    let asleep = host.stop().await?.since(to_settle);
    ensure!(begin.elapsed() < LEAD, "timers have fired before their sleep was measured; take fewer");

    let host = Host::start(launch, state.path()).await?;
    tokio::time::sleep_until((begin + LEAD + APART * u32::try_from(count)?).into()).await;
    let ended = RefCell::new(ids.clone());
    let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
    let end = async |client: &mut Client| {
        let begin = Instant::now();
        let next = ended.borrow_mut().pop();
        if let Some(id) = next {
            client.completed(&id).await?;
        }
        Ok(begin.elapsed())
    };
    drive(&mut connections, Amount::count(count), end).await?;
    drop(connections);
    let peak_bytes = host.peak_memory();
    host.stop().await?;

    let late = lateness(state.path(), &ids).await?;
    let latest_ms = late.iter().max().copied().map_or(f64::NAN, milliseconds);
    Ok(Measured {
        timers: count,
        cpu_ms_per_second: cpu.map(|ms| ms / SLEEP.as_secs_f64()),
        operations_per_second: asleep.each(SLEEP.as_secs_f64()),
        to_settle,
        late: Percentiles::of(late).context("there are timers")?,
        latest_ms,
        peak_bytes,
    })
}

/// Starts instances whose timers fire one after the other, `LEAD` after the beginning.
async fn start(host: &Host, count: usize, begin: Instant) -> anyhow::Result<Vec<String>> {
    let ids = RefCell::new(Vec::with_capacity(count));
    let next = RefCell::new(0..u32::try_from(count)?);
    let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
    let one = async |client: &mut Client| {
        let sent = Instant::now();
        let number = next.borrow_mut().next();
        if let Some(number) = number {
            let fires = (LEAD + APART * number).saturating_sub(begin.elapsed());
            let input = json!({"program": {"op": "timer", "ms": fires.as_millis() as u64}, "n": 0});
            let id = client.start(Bytes::from(input.to_string())).await?;
            ids.borrow_mut().push(id);
        }
        Ok(sent.elapsed())
    };
    drive(&mut connections, Amount::count(count), one).await?;
    Ok(ids.into_inner())
}

/// How late each timer fired, as the histories say.
async fn lateness(state: &Path, ids: &[String]) -> anyhow::Result<Vec<Duration>> {
    let local = Local::open(state)?;
    let mut late = Vec::with_capacity(ids.len());
    for id in ids {
        let history = local.completed(id).await?.history.context("it was wanted")?;
        let fired = history.iter().find_map(|event| match &event.event {
            EventKind::TimerFired { fire_at, .. } => Some(event.at.duration_since(*fire_at)),
            _ => None,
        });
        let fired = fired.with_context(|| format!("the timer of {id} has not fired"))?;
        late.push(Duration::try_from(fired).with_context(|| format!("the timer of {id} fired early"))?);
    }
    local.close().await?;
    Ok(late)
}

/// Prints it.
pub fn print(measured: &Measured) {
    let Share { reads, writes, deletes, commits, syncs } = measured.operations_per_second;
    println!();
    println!("{} instances sleep until a timer fires:", measured.timers);
    let cpu = measured.cpu_ms_per_second.map_or("unknown".to_owned(), |ms| format!("{ms:.1} ms"));
    println!(
        "- asleep, a second: CPU time {cpu}, {reads:.1} reads, {writes:.1} writes, {deletes:.1} deletes, {commits:.1} commits, {syncs:.1} syncs"
    );
    println!(
        "- late: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, at most {:.1} ms, with one every {} ms",
        measured.late.p50_ms,
        measured.late.p95_ms,
        measured.late.p99_ms,
        measured.latest_ms,
        APART.as_millis()
    );
    let Statistics { reads, writes, .. } = measured.to_settle;
    println!("- a host that is started asks for {reads} reads and {writes} writes until it sleeps");
    if let Some(bytes) = measured.peak_bytes {
        println!("- peak memory {:.0} MB", bytes as f64 / 1e6);
    }
}
