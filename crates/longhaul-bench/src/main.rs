//! Benchmarks of Longhaul, each a subcommand that builds and starts all that it measures.
//!
//! | subcommand | what it measures |
//! | --- | --- |
//! | `workloads`, or none | throughput, latency and costs of seven workloads, side by side with peers where they are present |
//! | `growth` | how cost grows with finished instances, histories, timers and instances in flight |
//! | `query` | the query of the application, Azure's Python SDK, and the mere fetching of the same pages |
//! | `entities` | signals to one entity from 1, 32 and 256 clients at a time |
//!
//! What is measured runs in processes of its own, so that CPU time and peak memory are those of one part alone.

mod build;
mod client;
mod entities;
mod floor;
mod fsyncs;
mod growth;
mod host;
mod latency;
mod load;
mod peers;
mod python;
mod query;
mod report;
mod service;
mod statistics;
mod target;
mod usage;
mod workloads;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "longhaul-bench", about = "Benchmarks of Longhaul", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    workloads: workloads::Options,
}

#[derive(Subcommand)]
enum Command {
    /// Throughput, latency and costs of seven workloads (also without a subcommand).
    Workloads(workloads::Options),
    /// How cost grows: with finished instances, histories, sleeping timers, and instances in flight.
    Growth(growth::Options),
    /// The distinct count of a table, from the submission to the result.
    Query(query::Options),
    /// Signals to one entity from many clients.
    Entities(entities::Options),
    /// Serves the table; for this program's own use.
    #[command(hide = true)]
    Serve(service::Options),
    /// Fetches pages and throws them away; for this program's own use.
    #[command(hide = true)]
    Fetch,
}

fn main() -> anyhow::Result<()> {
    let Arguments { command, workloads } = Arguments::parse();
    match command.unwrap_or(Command::Workloads(workloads)) {
        Command::Workloads(options) => on_one_thread(workloads::run(options)),
        Command::Growth(options) => on_one_thread(growth::run(options)),
        Command::Query(options) => on_all_cores(query::run(options)),
        Command::Entities(options) => on_all_cores(entities::run(options)),
        Command::Serve(options) => on_all_cores(service::serve(options)),
        Command::Fetch => on_all_cores(floor::fetch()),
    }
}

/// For clients that share the cores with what they measure.
fn on_one_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn on_all_cores(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
