//! Many clients, and one entity that all of them signal.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use longhaul_tests::app::{App, Launch};
use serde::Serialize;

use crate::{build, usage};

const KEY: &str = "bench";
/// How long the entity may take over what is left when the clients have stopped.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(clap::Args)]
pub struct Options {
    /// How many clients signal at the same time, each waiting for its answer.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256])]
    clients: Vec<usize>,
    /// For how many seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Also write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

/// What came of so many clients.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    clients: usize,
    /// Signals that were acknowledged, each of which is stored durably by then.
    signals_per_second: f64,
    /// How long one took, half of them and all but one in a hundred, in milliseconds.
    p50_ms: f64,
    p99_ms: f64,
    /// How long after the last answer the last signal was carried out.
    applied_after_ms: f64,
    /// CPU time of the host for a signal, its being carried out included.
    cpu_ms: Option<f64>,
}

/// Runs it, and prints the figures.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let target = build::release().await?;
    let state = tempfile::tempdir()?;
    let launch =
        Launch::program(target.join("release/longhaul"), state.path()).variable("management_key", KEY);
    let app = tokio::task::spawn_blocking(move || launch.start()).await??;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http = Client::builder(TokioExecutor::new()).build(connector);
    let mut measured = Vec::new();
    for &clients in &options.clients {
        measured.push(measure(&http, &app, clients, Duration::from_secs(options.seconds)).await?);
    }
    println!();
    println!("| clients | signals/s | p50 | p99 | applied after | host CPU a signal |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in &measured {
        let cpu = row.cpu_ms.map_or("-".to_owned(), |ms| format!("{ms:.2} ms"));
        println!(
            "| {} | {:.0} | {:.1} ms | {:.1} ms | {:.0} ms | {cpu} |",
            row.clients, row.signals_per_second, row.p50_ms, row.p99_ms, row.applied_after_ms
        );
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&measured)?)?;
    }
    Ok(())
}

type Http = Client<HttpConnector, Full<Bytes>>;

async fn measure(http: &Http, app: &App, clients: usize, duration: Duration) -> anyhow::Result<Measured> {
    let path = format!("{}/runtime/webhooks/durabletask/entities/counter/of-{clients}", app.base());
    // The first one creates the entity, and starts the components.
    signal(http, &path).await?;
    applied(http, &path, 1).await?;
    let before = usage::cpu_time(app.process());
    let begin = Instant::now();
    let client = || async {
        let mut took = Vec::new();
        while begin.elapsed() < duration {
            let sent = Instant::now();
            signal(http, &path).await?;
            took.push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        anyhow::Ok(took)
    };
    let took = futures::future::try_join_all((0..clients).map(|_| client())).await?;
    let (elapsed, answered) = (begin.elapsed(), Instant::now());
    let mut took: Vec<_> = took.into_iter().flatten().collect();
    took.sort_by(f64::total_cmp);
    applied(http, &path, took.len() as u64 + 1).await?;
    let applied_after_ms = answered.elapsed().as_secs_f64() * 1000.0;
    let cpu = usage::cpu_time(app.process()).zip(before).map(|(now, before)| now - before);
    let count = took.len() as f64;
    let at = |part: f64| took.get((count * part) as usize).copied().unwrap_or(f64::NAN);
    Ok(Measured {
        clients,
        signals_per_second: count / elapsed.as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        applied_after_ms,
        cpu_ms: cpu.map(|cpu| cpu.as_secs_f64() * 1000.0 / count),
    })
}

async fn signal(http: &Http, path: &str) -> anyhow::Result<()> {
    let (status, body) = send(http, Method::POST, &format!("{path}?op=add"), "1").await?;
    ensure!(status == StatusCode::ACCEPTED, "a signal was answered {status}: {body}");
    Ok(())
}

/// Waits until exactly so many signals are carried out.
async fn applied(http: &Http, path: &str, count: u64) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let (_, state) = send(http, Method::GET, path, "").await?;
        let done = state.parse::<u64>().unwrap_or(0);
        ensure!(done <= count, "{done} signals were carried out, and {count} were sent");
        if done == count {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "of {count} signals {done} are carried out");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn send(
    http: &Http,
    method: Method,
    uri: &str,
    body: &'static str,
) -> anyhow::Result<(StatusCode, String)> {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("x-functions-key", KEY)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from_static(body.as_bytes())))?;
    let response = http.request(request).await.context("the host gave no answer")?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
