//! The query: (a) with Azure's Python SDK, (b) as the mere fetching of its pages, (c) by the application, from the
//! submission to the result.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use longhaul_tests::app::{App, Launch};
use serde_json::json;

use crate::python::Python;
use crate::report::{self, Measured};
use crate::service::{DAYS, Service, TABLE};
use crate::target::Target;
use crate::{build, floor, usage};

const FILTER: &str = "CertNumber ne ''";
const COLUMN: &str = "identificationNumber";

const SDK: &str = "(a) Python SDK, sequential";
const FLOOR: &str = "(b) fetching alone";
const OURS: &str = "(c) submit to Completed";

/// What is measured.
#[derive(clap::Args)]
pub struct Options {
    /// How many rows the table has.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// How long the service takes over a page, in milliseconds, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20, 100])]
    latencies: Vec<u64>,
    /// How many requests are under way at a time.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// How often each is run; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Where to write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Runs the benchmark.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let target = build::release().await?;
    let python = match Python::prepare(&target.join("bench-python")).await {
        Ok(python) => Some(python),
        Err(why) => {
            println!("{SDK}: skipped, since its environment cannot be made: {why:#}");
            None
        }
    };
    let mut service = Service::start(options.rows).await?;
    println!("{} rows, of which {:?}", options.rows, service.expected);
    let state = tempfile::tempdir()?;
    let launch = Launch::new(target.join("release").join("longhaul"), state.path())
        .querying(&service.connection_string)
        .variable("query_concurrency", &options.concurrency.to_string());
    let app = tokio::task::spawn_blocking(move || launch.start()).await??;

    let mut measured = Vec::new();
    for &latency in &options.latencies {
        service.set_latency(latency).await?;
        if let Some(python) = &python {
            measured.push(with_python(python, &service, latency, options.runs).await?);
        }
        measured.push(with_floor(&service, latency, &options).await?);
        measured.push(with_app(&app, &service, latency, options.runs).await?);
    }
    let targets = targets(&measured);
    report::print(&measured, &targets);
    if let Some(path) = &options.json {
        let all = json!({ "rows": options.rows, "concurrency": options.concurrency, "measured": measured, "targets": targets });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}

async fn with_python(
    python: &Python,
    service: &Service,
    latency: u64,
    runs: u32,
) -> anyhow::Result<Measured> {
    let filter = format!("PartitionKey ge '{}' and PartitionKey le '{}' and {FILTER}", DAYS[0], DAYS[1]);
    let before = usage::cpu_time(service.process());
    let (mut seconds, mut cpu, mut peak_bytes) = (Vec::new(), 0.0, 0);
    // It takes its time, and hardly varies.
    let runs = runs.min(3);
    for _ in 0..runs {
        let run = python.query(&service.connection_string, TABLE, &filter, COLUMN).await?;
        ensure!(run.distinct == service.expected.distinct, "the SDK found {} values", run.distinct);
        seconds.push(run.seconds);
        cpu += run.cpu_seconds;
        peak_bytes = peak_bytes.max(run.peak_bytes);
    }
    Ok(Measured {
        way: SDK,
        latency_ms: latency,
        seconds,
        cpu_seconds: cpu / f64::from(runs),
        service_cpu_seconds: per_run(before, service.process(), runs),
        peak_bytes,
    })
}

async fn with_floor(service: &Service, latency: u64, options: &Options) -> anyhow::Result<Measured> {
    let concurrency = options.concurrency;
    let (requests, distinct) = floor::record(&service.connection_string, FILTER, COLUMN, concurrency).await?;
    ensure!(distinct == service.expected.distinct as u64, "the scan found {distinct} values");
    println!("{latency} ms a page: {} pages", requests.len());
    let before = usage::cpu_time(service.process());
    let (mut seconds, mut cpu, mut peak_bytes) = (Vec::new(), 0.0, 0);
    for _ in 0..options.runs {
        let run = floor::measure(&requests, concurrency).await?;
        ensure!(run.body_bytes > 0, "the pages were empty");
        seconds.push(run.seconds);
        cpu += run.cpu_seconds;
        peak_bytes = peak_bytes.max(run.peak_bytes);
    }
    Ok(Measured {
        way: FLOOR,
        latency_ms: latency,
        seconds,
        cpu_seconds: cpu / f64::from(options.runs),
        service_cpu_seconds: per_run(before, service.process(), options.runs),
        peak_bytes,
    })
}

async fn with_app(app: &App, service: &Service, latency: u64, runs: u32) -> anyhow::Result<Measured> {
    // Once without being measured: the first run of a component pays for its start.
    query(app, service).await?;
    usage::forget_peak(app.process());
    let before = (usage::cpu_time(app.process()), usage::cpu_time(service.process()));
    let mut seconds = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        query(app, service).await?;
        seconds.push(begin.elapsed().as_secs_f64());
    }
    Ok(Measured {
        way: OURS,
        latency_ms: latency,
        seconds,
        cpu_seconds: per_run(before.0, app.process(), runs).unwrap_or(f64::NAN),
        service_cpu_seconds: per_run(before.1, service.process(), runs),
        peak_bytes: usage::peak_memory(app.process()).unwrap_or(0),
    })
}

async fn query(app: &App, service: &Service) -> anyhow::Result<()> {
    let status = app.query("16/07/2021", "15/10/2021").await?;
    ensure!(
        status["status"] == "Completed" && status["result"] == service.expected.distinct,
        "the application found {status}"
    );
    Ok(())
}

/// The CPU time that a process has used since, by run.
fn per_run(before: Option<Duration>, process: u32, runs: u32) -> Option<f64> {
    let used = usage::cpu_time(process)?.checked_sub(before?)?;
    Some(used.as_secs_f64() / f64::from(runs))
}

fn targets(measured: &[Measured]) -> Vec<Target> {
    let median = |way, latency| {
        measured.iter().find(|row| row.way == way && row.latency_ms == latency).map(Measured::median)
    };
    let at_least = |wanted: f64, latency| {
        let measured = median(SDK, latency)? / median(OURS, latency)?;
        Some(Target::at_least(format!("{latency} ms a page: times faster than the SDK"), measured, wanted))
    };
    let at_most = |wanted: f64, latency| {
        let measured = median(OURS, latency)? / median(FLOOR, latency)?;
        Some(Target::at_most(
            format!("{latency} ms a page: times as long as fetching alone"),
            measured,
            wanted,
        ))
    };
    [at_least(3.0, 0), at_most(1.3, 20), at_most(1.3, 100), at_least(10.0, 100)]
        .into_iter()
        .flatten()
        .collect()
}
