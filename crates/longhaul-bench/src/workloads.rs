//! How fast the engine and the host are: the built components under `longhaul up`, every acknowledged write durable,
//! driven over HTTP by this process.

pub mod cell;
mod cold;
mod table;
pub mod targets;
pub mod workload;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum as _;
use serde_json::json;

use crate::service::Service;
use crate::{build, peers, target};
use cell::Setting;
use workload::{Requests, Wait, Workload};

/// What is measured.
#[derive(clap::Args)]
pub struct Options {
    /// Which workloads; all, if none are named.
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// How many clients there are at the same time, each of which waits for its instance.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256])]
    clients: Vec<usize>,
    /// For how many seconds each is measured, after a second of warming up.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Poll the status of instances, instead of waiting by the start where that can be.
    #[arg(long)]
    poll: bool,
    /// At which intervals is polled, in milliseconds; a start that waits is given it too.
    #[arg(long, default_value_t = 5)]
    polling_interval: u64,
    /// How many rows the table has that W7 queries.
    #[arg(long, default_value_t = 2000)]
    rows: u64,
    /// Also run the peers that the script `run.sh` in this directory measures, and compare.
    #[arg(long, value_name = "DIRECTORY")]
    peers: Option<PathBuf>,
    /// Which peers, as the script names them.
    #[arg(long, value_delimiter = ',', default_values_t = ["all".to_owned()], requires = "peers")]
    peer: Vec<String>,
    /// Also write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Runs it, and prints the figures.
pub async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(!options.clients.contains(&0), "there is one client at least");
    let target = build::release().await?;
    let service = Service::start(options.rows).await?;
    let setting = Setting {
        binary: target.join("release/longhaul"),
        table: service.connection_string.clone(),
        time: Duration::try_from_secs_f64(options.seconds).context("--seconds is a time")?,
        polling: Duration::from_millis(options.polling_interval),
    };
    let workloads = match options.workloads.as_slice() {
        [] => Workload::value_variants(),
        named => named,
    };
    let wait = if options.poll { Wait::Poll } else { Wait::Start };
    let interval = options.polling_interval;
    let waiting = match wait {
        Wait::Start => format!(
            "starts that wait (timeout=120, pollingInterval of {interval} ms); W5: its status polled every {interval} \
             ms; W7: status requests that wait"
        ),
        Wait::Poll => format!("the status polled every {interval} ms; W7: status requests that wait"),
    };

    let cold = cold::measure(&setting.binary, setting.polling).await.context("cold starts")?;
    let (mut cells, mut failures) = (Vec::new(), Vec::new());
    for &workload in workloads {
        let requests = Requests::of(workload, wait, service.expected.distinct);
        for &clients in &options.clients {
            match cell::measure(&setting, &requests, clients).await {
                Ok(cell) => {
                    eprintln!(
                        "{workload:?}, {clients} clients: {:.0} instances/s, p50 {:.2} ms",
                        cell.instances_per_second, cell.latency.p50_ms
                    );
                    cells.push(cell);
                }
                Err(error) => {
                    let failure = format!("{workload:?}, {clients} clients: {error:#}");
                    eprintln!("{failure}");
                    failures.push(failure);
                }
            }
        }
    }
    let peers = match &options.peers {
        Some(directory) => peers::run(directory, &options.peer).await?,
        None => Vec::new(),
    };

    println!("\nThe end of an instance is seen by {waiting}.");
    table::cells(&cells);
    table::cold(&cold);
    if !peers.is_empty() {
        table::peers(&peers, &cells);
    }
    let targets = targets::of(&cells, &peers);
    target::print(&targets);
    if let Some(path) = &options.json {
        let compared = peers.iter().map(|peer| json!({"peer": peer, "ours": peer.compared(&cells)}));
        let all = json!({
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "seconds": options.seconds,
            "waiting": waiting,
            "cells": cells,
            "cold": cold,
            "peers": compared.collect::<Vec<_>>(),
            "targets": targets,
            "failures": failures,
        });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    ensure!(failures.is_empty(), "not measured: {}", failures.join("; "));
    Ok(())
}
