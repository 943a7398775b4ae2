//! What was measured, as tables for people.

use super::cell::Cell;
use super::cold::Cold;
use crate::latency::Percentiles;
use crate::peers::{Compared, Peer};

/// Prints the cells: first how fast it is, then what an instance costs.
pub fn cells(cells: &[Cell]) {
    println!();
    println!(
        "| workload | clients | instances/s | activities/s | start to end seen p50 / p95 / p99 ms | submit p50 / p95 / p99 ms | flood p50 / p95 / p99 ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for cell in cells {
        println!(
            "| {:?} {} | {} | {:.0} | {:.0} | {} | {} | {} |",
            cell.workload,
            cell.workload.title(),
            cell.clients,
            cell.instances_per_second,
            cell.activities_per_second,
            percentiles(&cell.latency),
            cell.submit.as_ref().map_or("-".to_owned(), percentiles),
            percentiles(&cell.flood),
        );
    }
    println!();
    println!(
        "| workload | clients | reads | writes | deletes | commits | syncs | syncs watched | host CPU ms | driver CPU ms | peak MB | store bytes |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for cell in cells {
        let each = &cell.operations;
        println!(
            "| {:?} {} | {} | {:.1} | {:.1} | {:.1} | {:.2} | {} | {} | {} | {} | {} | {:.0} |",
            cell.workload,
            cell.workload.title(),
            cell.clients,
            each.reads,
            each.writes,
            each.deletes,
            each.commits,
            optional(cell.syncs, 2),
            optional(cell.syncs_watched, 2),
            optional(cell.host_cpu_ms, 2),
            optional(cell.driver_cpu_ms, 2),
            optional(cell.peak_bytes.map(|bytes| bytes as f64 / 1e6), 0),
            cell.store_bytes,
        );
    }
}

/// Prints cold starts.
pub fn cold(cold: &Cold) {
    println!();
    println!("Cold start of the host: {:.0} ms.", cold.host_ms);
    println!(
        "First answer of a component: {:.2} ms, second: {:.2} ms.",
        cold.first_answer_ms, cold.second_answer_ms
    );
    println!(
        "First orchestration of one activity: {:.2} ms, second: {:.2} ms.",
        cold.first_instance_ms, cold.second_instance_ms
    );
}

/// Prints the peers, and how ours compares with them.
pub fn peers(peers: &[Peer], cells: &[Cell]) {
    println!();
    println!(
        "| workload | peer | clients | instances/s | ours / theirs | alone p50 ms | theirs / ours | durability |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut peers: Vec<_> = peers.iter().collect();
    peers.sort_by(|one, other| one.workload.cmp(&other.workload));
    for peer in peers {
        let Compared { throughput, latency } = peer.compared(cells);
        println!(
            "| {} | {} | {} | {:.1} | {} | {} | {} | {} |",
            peer.workload,
            peer.name(),
            peer.clients,
            peer.orch_s,
            optional(throughput, 2),
            optional(peer.lat_p50_ms, 2),
            optional(latency, 2),
            peer.durability,
        );
    }
}

fn percentiles(of: &Percentiles) -> String {
    format!("{:.2} / {:.2} / {:.2}", of.p50_ms, of.p95_ms, of.p99_ms)
}

fn optional(figure: Option<f64>, digits: usize) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
}
