//! How cost grows: with finished instances in the store, with the length of a history, with sleeping timers and with
//! instances in flight.

mod buffered;
mod finished;
mod flight;
mod local;
mod replay;
mod timers;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::{build, target};

/// How growing is measured.
#[derive(clap::Args)]
pub struct Options {
    /// What is measured.
    #[arg(long, value_delimiter = ',', default_values_t = [Part::Finished, Part::Replay, Part::Timers, Part::Flight])]
    parts: Vec<Part>,
    /// How many finished instances are in the store, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    instances: Vec<u64>,
    /// How many events a history has before the last step.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    events: Vec<usize>,
    /// How many instances sleep until a timer fires.
    #[arg(long, default_value_t = 10_000)]
    timers: usize,
    /// How many instances wait for an event at the same time.
    #[arg(long, default_value_t = 10_000)]
    waiting: usize,
    /// How many instances have an activity that sleeps, each in the hands of the host.
    #[arg(long, default_value_t = 500)]
    sleeping: usize,
    /// For how many seconds throughput is measured with each number of finished instances.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Also write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What can grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Finished instances in the store
    Finished,
    /// The history that is replayed
    Replay,
    /// Timers that sleep
    Timers,
    /// Instances in flight
    Flight,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value().expect("none is skipped");
        formatter.write_str(value.get_name())
    }
}

/// Runs it, and prints the figures.
pub async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.instances.is_sorted(), "--instances grow, since the store is filled further each time");
    let binary = build::release().await?.join("release/longhaul");
    let time = Duration::try_from_secs_f64(options.seconds).context("--seconds is a time")?;
    let (mut all, mut targets) = (Map::new(), Vec::new());
    let mut keep = |part: Part, figures: serde_json::Result<Value>| {
        all.insert(part.to_string(), figures?);
        anyhow::Ok(())
    };
    for &part in &options.parts {
        match part {
            Part::Finished => {
                let measured = finished::measure(&binary, &options.instances, time).await?;
                finished::print(&measured);
                targets.extend(finished::targets(&measured));
                keep(part, serde_json::to_value(measured))?;
            }
            Part::Replay => {
                let measured = replay::measure(&binary, &options.events).await?;
                replay::print(&measured);
                keep(part, serde_json::to_value(measured))?;
            }
            Part::Timers => {
                let measured = timers::measure(&binary, options.timers).await?;
                timers::print(&measured);
                keep(part, serde_json::to_value(measured))?;
            }
            Part::Flight => {
                let measured = flight::measure(&binary, options.waiting, options.sleeping).await?;
                flight::print(&measured);
                keep(part, serde_json::to_value(measured))?;
            }
        }
    }
    target::print(&targets);
    if let Some(path) = &options.json {
        let all = json!({"measured": all, "targets": targets});
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}
