//! The floor: a native client that fetches the pages of the query with as many requests at a time, and throws them away.
//!
//! Which requests these are, a scan tells that is recorded before. Here none waits for another, as pages wait for the
//! continuation in the page before; so this is faster than any client of the service can be.

use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use azure_tables::{
    Clock, DistinctScan, Filter, HttpClient, PartitionRange, Query, ScanOptions, TableClient, TransportError,
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::{service, usage};

/// A request as it is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recorded {
    uri: String,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Work {
    concurrency: usize,
    requests: Vec<Recorded>,
}

/// What fetching took.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
    pub body_bytes: u64,
}

type Http = Client<HttpConnector, Full<Bytes>>;

fn http() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Records the requests of a scan.
struct Recorder {
    http: Http,
    requests: Mutex<Vec<Recorded>>,
}

impl HttpClient for Recorder {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let recorded = Recorded { uri: request.uri().to_string(), headers };
        self.requests.lock().expect("nothing panics here").push(recorded);
        let failed = |error: &dyn std::fmt::Display| TransportError::temporary(error.to_string());
        let response = self.http.request(request.map(Full::new)).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// The requests of the query, which are valid for a quarter of an hour, and how many values it finds.
pub async fn record(
    connection_string: &str,
    filter: &str,
    column: &str,
    concurrency: usize,
) -> anyhow::Result<(Vec<Recorded>, u64)> {
    let recorder = Recorder { http: http(), requests: Mutex::default() };
    let client = TableClient::new(connection_string.parse()?, &recorder, SystemClock);
    let query = Query::new(service::TABLE.parse()?).filter(Filter::new(filter)?);
    let range = PartitionRange::inclusive(service::DAYS[0], service::DAYS[1]);
    let mut scan = DistinctScan::new(&client, query, &range, column, ScanOptions { concurrency });
    let found = scan.finish().await?;
    drop(scan);
    drop(client);
    Ok((recorder.requests.into_inner().expect("nothing panics here"), found.distinct))
}

/// Has a process of its own fetch them.
pub async fn measure(requests: &[Recorded], concurrency: usize) -> anyhow::Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("fetch").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let work = serde_json::to_vec(&Work { concurrency, requests: requests.to_vec() })?;
    let mut input = child.stdin.take().context("its input is piped")?;
    input.write_all(&work).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "fetching failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Fetches what standard input says, and prints what it took.
pub async fn fetch() -> anyhow::Result<()> {
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await?;
    let work: Work = serde_json::from_slice(&input)?;
    let http = http();
    let me = std::process::id();
    let (before, begin) = (usage::cpu_time(me), Instant::now());
    let bodies = stream::iter(work.requests).map(|recorded| fetch_one(&http, recorded));
    let mut bodies = bodies.buffer_unordered(work.concurrency);
    let mut body_bytes = 0;
    while let Some(length) = bodies.next().await {
        body_bytes += length?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = usage::cpu_time(me).zip(before).map_or(Duration::ZERO, |(after, before)| after - before);
    let peak_bytes = usage::peak_memory(me).unwrap_or(0);
    let run = Run { seconds, cpu_seconds: cpu.as_secs_f64(), peak_bytes, body_bytes };
    println!("{}", serde_json::to_string(&run)?);
    Ok(())
}

async fn fetch_one(http: &Http, recorded: Recorded) -> anyhow::Result<u64> {
    let mut request = http::Request::get(recorded.uri);
    for (name, value) in recorded.headers {
        request = request.header(name, value);
    }
    let response = http.request(request.body(Full::default())?).await?;
    ensure!(response.status() == 200, "a page was refused: {}", response.status());
    let mut body = response.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(length)
}
