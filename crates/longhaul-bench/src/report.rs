//! What was measured: as a table for people, and as JSON.

use serde::Serialize;

use crate::target::{self, Target};

/// One way to make the query, with one latency.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Which way.
    pub way: &'static str,
    /// How long the service took over a page.
    pub latency_ms: u64,
    /// How long each run took, in order.
    pub seconds: Vec<f64>,
    /// The CPU time of a run, on average: of the process that makes the query.
    pub cpu_seconds: f64,
    /// The same of the table service.
    pub service_cpu_seconds: Option<f64>,
    /// The most memory that the process had.
    pub peak_bytes: u64,
}

impl Measured {
    /// The median of the runs.
    pub fn median(&self) -> f64 {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Prints all of it.
pub fn print(measured: &[Measured], targets: &[Target]) {
    println!();
    println!("| a page | way | median | runs | CPU | CPU of the service | peak memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for row in measured {
        let runs: Vec<_> = row.seconds.iter().map(|seconds| format!("{seconds:.3}")).collect();
        let service = row.service_cpu_seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.2} s"));
        println!(
            "| {} ms | {} | {:.3} s | {} | {:.2} s | {service} | {} MB |",
            row.latency_ms,
            row.way,
            row.median(),
            runs.join(" "),
            row.cpu_seconds,
            row.peak_bytes / 1_000_000
        );
    }
    target::print(targets);
}
