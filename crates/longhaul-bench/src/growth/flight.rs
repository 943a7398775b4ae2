//! With many instances in flight.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::{self, Client};
use crate::host::{self, Host};
use crate::load::{Amount, drive};
use crate::workloads::workload::{Requests, Wait, Workload};

const CLIENTS: usize = 32;
const POLLING: Duration = Duration::from_millis(100);
/// How long instances run before, so that all components have been started.
const SHORT: Duration = Duration::from_secs(1);
const EVENT: &str = "go";
const DATA: &str = "gone";
/// How long the host has after the last start, before memory is read.
const SETTLE: Duration = Duration::from_secs(5);
/// How long an activity sleeps: longer than all of this takes.
const NAP: Duration = Duration::from_secs(40);

/// What was measured, in bytes; unknown where the system does not tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Instances that wait for an event.
    pub waiting: Memory,
    /// Instances with an activity that sleeps.
    pub sleeping: Memory,
}

/// The memory of a host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    pub instances: usize,
    /// Before they were started, with one that had run.
    pub before_bytes: Option<u64>,
    /// With all of them started.
    pub with_bytes: Option<u64>,
    /// The most so far.
    pub peak_bytes: Option<u64>,
}

/// Measures it.
pub async fn measure(binary: &Path, waiting: usize, sleeping: usize) -> anyhow::Result<Measured> {
    let nap = json!({"ms": NAP.as_millis() as u64, "value": DATA});
    Ok(Measured {
        waiting: with(binary, waiting, &json!({"op": "event", "name": EVENT}), true).await?,
        sleeping: with(binary, sleeping, &json!({"op": "activity", "name": "sleep", "input": nap}), false)
            .await?,
    })
}

/// Starts so many instances of a program, which are told to end or end by themselves, and sees that all do.
async fn with(binary: &Path, count: usize, program: &Value, told: bool) -> anyhow::Result<Memory> {
    let state = tempfile::tempdir()?;
    let host = Host::start(host::program(binary, state.path()), state.path()).await?;
    let mut connections = client::connect(host.base(), CLIENTS, POLLING).await?;
    let one = async |client: &mut Client| Requests::of(Workload::W2, Wait::Start, 0).one(client).await;
    drive(&mut connections, Amount::time(SHORT), one).await?;
    let before_bytes = host.memory();

    let input = Bytes::from(json!({"program": program, "n": 0}).to_string());
    let ids = RefCell::new(Vec::with_capacity(count));
    let start = async |client: &mut Client| {
        let begin = Instant::now();
        let id = client.start(input.clone()).await?;
        ids.borrow_mut().push(id);
        Ok(begin.elapsed())
    };
    drive(&mut connections, Amount::count(count), start).await?;
    tokio::time::sleep(SETTLE).await;
    let (with_bytes, peak_bytes) = (host.memory(), host.peak_memory());

    let instances = ids.borrow().len();
    eprintln!("{instances} instances in flight");
    let end = async |client: &mut Client| {
        let begin = Instant::now();
        let next = ids.borrow_mut().pop();
        if let Some(id) = next {
            if told {
                client.raise(&id, EVENT, Bytes::from(json!(DATA).to_string())).await?;
            }
            let output = client.completed(&id).await?;
            ensure!(output == json!(DATA).to_string(), "an instance gave {}", client::text(&output));
        }
        Ok(begin.elapsed())
    };
    drive(&mut connections, Amount::count(instances), end).await?;
    drop(connections);
    host.stop().await?;
    Ok(Memory { instances, before_bytes, with_bytes, peak_bytes })
}

/// Prints it.
pub fn print(measured: &Measured) {
    println!();
    println!("| in flight | instances | before MB | with MB | peak MB | KB an instance |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (what, of) in [("waiting for an event", &measured.waiting), ("in an activity", &measured.sleeping)] {
        let megabytes =
            |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6));
        let each = of.with_bytes.zip(of.before_bytes).map_or("-".to_owned(), |(with, before)| {
            format!("{:.1}", with.saturating_sub(before) as f64 / 1e3 / of.instances as f64)
        });
        println!(
            "| {what} | {} | {} | {} | {} | {each} |",
            of.instances,
            megabytes(of.before_bytes),
            megabytes(of.with_bytes),
            megabytes(of.peak_bytes),
        );
    }
}
