//! Benchmarks of Longhaul, each a subcommand that builds and starts all that it measures.
//!
//! | subcommand | what it compares |
//! | --- | --- |
//! | `entities` | signals to one entity from 1, 32 and 256 clients at a time |
//! | `query` | the query of the application with Azure's Python SDK, and with the mere fetching of the same pages |
//!
//! What is measured runs in processes of its own, so that CPU time and peak memory are those of one part alone.

mod build;
mod entities;
mod floor;
mod python;
mod query;
mod report;
mod service;
mod usage;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "longhaul-bench", about = "Benchmarks of Longhaul")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Query(options) => query::run(options).await,
        Command::Entities(options) => entities::run(options).await,
        Command::Serve(options) => service::serve(options).await,
        Command::Fetch => floor::fetch().await,
    }
}
