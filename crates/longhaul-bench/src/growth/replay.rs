//! With long histories.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::local::Local;
use crate::client::{Client, PATIENCE};
use crate::host::{self, Host};
use crate::latency::{median, milliseconds};
use crate::workloads::workload::{Requests, Wait, Workload};

/// How many instances with such a history are measured; the median counts.
const INSTANCES: usize = 3;
const POLLING: Duration = Duration::from_millis(1);
const EVENT: &str = "go";
/// What an instance shows when only the last step is left.
const READY: &str = "ready";

/// What was measured with such a history.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Events of activities and timers that are recorded before the last step.
    pub events: usize,
    /// All events in the history at its end, those that say when a turn began included.
    pub history: usize,
    /// From the raising of the event until the end was seen, on a host that has only just been started.
    pub last_step_ms: f64,
    /// Replaying that history in this process, natively, with all of it in memory.
    pub replay_ms: f64,
}

/// As many activities and timers, one after the other, as have so many events: asked for and ended.
fn program(events: usize) -> (Value, Value) {
    let (mut steps, mut outputs) = (Vec::new(), Vec::new());
    for number in 0..events / 2 {
        let (step, output) = match number % 2 {
            0 => (json!({"op": "activity", "name": "echo", "input": number}), json!(number)),
            _ => (json!({"op": "timer", "ms": 1}), Value::Null),
        };
        steps.push(step);
        outputs.push(output);
    }
    steps.extend([json!({"op": "status", "value": READY}), json!({"op": "event", "name": EVENT})]);
    outputs.extend([Value::Null, json!("gone")]);
    (json!({"program": {"op": "sequence", "steps": steps}, "n": 0}), json!(outputs))
}

/// Measures it.
pub async fn measure(binary: &Path, lengths: &[usize]) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for &events in lengths {
        measured.push(with(binary, events).await.with_context(|| format!("with {events} events"))?);
        eprintln!("a history of {events} events");
    }
    Ok(measured)
}

async fn with(binary: &Path, events: usize) -> anyhow::Result<Measured> {
    let state = tempfile::tempdir()?;
    let launch = host::program(binary, state.path());
    let (input, expected) = program(events);
    let (input, expected) = (Bytes::from(input.to_string()), Bytes::from(expected.to_string()));

    let host = Host::start(launch.clone(), state.path()).await?;
    let mut client = Client::connect(host.base(), Duration::from_millis(50)).await?;
    let mut ids = Vec::new();
    for _ in 0..INSTANCES {
        ids.push(client.start(input.clone()).await?);
    }
    for id in &ids {
        let patience = PATIENCE + Duration::from_millis(20) * u32::try_from(events * INSTANCES)?;
        client.shows(id, READY, patience).await?;
    }
    drop(client);
    host.stop().await?;

    let host = Host::start(launch, state.path()).await?;
    let mut client = Client::connect(host.base(), POLLING).await?;
    // The components are started by another instance.
    Requests::of(Workload::W2, Wait::Start, 0).one(&mut client).await?;
    let mut took = Vec::new();
    for id in &ids {
        let begin = Instant::now();
        client.raise(id, EVENT, Bytes::from_static(b"\"gone\"")).await?;
        let output = client.completed(id).await?;
        took.push(milliseconds(begin.elapsed()));
        ensure!(output == expected, "a sequence gave something else");
    }
    drop(client);
    host.stop().await?;

    let local = Local::open(state.path())?;
    let (mut replayed, mut history) = (Vec::new(), 0);
    for id in &ids {
        let details = local.completed(id).await?;
        history = details.history.as_ref().map_or(0, Vec::len);
        replayed.push(milliseconds(local.replay(&details)?));
    }
    local.close().await?;
    Ok(Measured { events, history, last_step_ms: median(took), replay_ms: median(replayed) })
}

/// Prints it.
pub fn print(measured: &[Measured]) {
    println!();
    println!("| events | history in all | last step ms | replay natively ms |");
    println!("| --- | --- | --- | --- |");
    for row in measured {
        println!("| {} | {} | {:.2} | {:.2} |", row.events, row.history, row.last_step_ms, row.replay_ms);
    }
}

#[cfg(test)]
mod tests {
    use longhaul_program::{Input, allows};

    use super::*;

    #[test]
    fn the_program_records_so_many_events_before_it_waits() {
        let (input, expected) = program(100);
        let input: Input = serde_json::from_value(input).unwrap();
        assert_eq!(allows(&input.program, &[(EVENT.into(), json!("gone"))], &Ok(expected)), Ok(()));
        let longhaul_program::Program::Sequence { steps } = &input.program else { panic!("{input:?}") };
        assert_eq!(steps.len(), 50 + 2);
    }
}
