//! What is to be reached on two cores, with durable writes, and clients and host on the same cores.

use super::cell::Cell;
use super::workload::Workload;
use crate::peers::{Compared, Peer};
use crate::target::Target;

/// With how many clients throughput counts.
pub const CLIENTS: usize = 32;

/// The targets about what was measured.
pub fn of(cells: &[Cell], peers: &[Peer]) -> Vec<Target> {
    let cell = |workload, clients| {
        cells.iter().find(move |cell| cell.workload == workload && cell.clients == clients)
    };
    let mut targets = Vec::new();
    for (workload, wanted) in [(Workload::W1, 600.0), (Workload::W2, 1600.0), (Workload::W3, 60.0)] {
        if let Some(cell) = cell(workload, CLIENTS) {
            let what = format!("{workload:?}, {CLIENTS} clients: instances a second");
            targets.push(Target::at_least(what, cell.instances_per_second, wanted));
        }
    }
    for (workload, wanted) in [(Workload::W1, 6.0), (Workload::W2, 3.0)] {
        if let Some(cell) = cell(workload, 1) {
            let what = format!("{workload:?}, 1 client: start to end seen, p50 in ms");
            targets.push(Target::below(what, cell.latency.p50_ms, wanted));
        }
    }
    for workload in [Workload::W1, Workload::W2, Workload::W3] {
        if let Some(cell) = cell(workload, CLIENTS) {
            for (kind, submit) in [("submit", cell.submit), ("flood", Some(cell.flood))] {
                let Some(submit) = submit else { continue };
                let what = format!("{workload:?}, {CLIENTS} clients: {kind}, p99 in ms");
                targets.push(Target::below(what, submit.p99_ms, 20.0));
            }
        }
    }
    for (clients, wanted) in [(1, 8.0), (CLIENTS, 2.0)] {
        if let Some(syncs) = cell(Workload::W1, clients).and_then(|cell| cell.syncs) {
            let what = format!("W1, {clients} clients: syncs an instance");
            targets.push(Target::at_most(what, syncs, wanted));
        }
    }
    for peer in peers.iter().filter(|peer| peer.syncs_commits()) {
        let Compared { throughput, .. } = peer.compared(cells);
        if let Some(times) = throughput {
            let what = format!("{}: times the throughput of {}", peer.workload, peer.name());
            targets.push(Target::at_least(what, times, 1.0));
        }
    }
    targets
}
