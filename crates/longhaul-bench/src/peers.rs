//! Other engines, measured by a script: `run.sh [peer|all]` in some directory, which prints a line of JSON for each peer,
//! variant and workload.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::workloads::cell::Cell;
use crate::workloads::targets::CLIENTS;

/// One workload on one variant of a peer, as the script tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    pub peer: String,
    #[serde(default)]
    pub variant: String,
    /// `W1` and so on.
    pub workload: String,
    /// What is on disk when a commit is acknowledged, in words.
    #[serde(default)]
    pub durability: String,
    pub clients: usize,
    /// Instances and activities a second.
    pub orch_s: f64,
    pub act_s: f64,
    /// From start to end seen, one after the other, in milliseconds; none where that was not measured.
    pub lat_p50_ms: Option<f64>,
    pub lat_p95_ms: Option<f64>,
    pub lat_p99_ms: Option<f64>,
    #[serde(default)]
    pub errors: u64,
}

/// How often as fast ours is: the ratio of throughputs, and the inverse of that of medians of single runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Compared {
    pub throughput: Option<f64>,
    pub latency: Option<f64>,
}

impl Peer {
    /// What it is called in a table.
    pub fn name(&self) -> String {
        format!("{} {}", self.peer, self.variant).trim_end().to_owned()
    }

    /// Whether what it acknowledges is synced to disk, as ours is.
    pub fn syncs_commits(&self) -> bool {
        !self.durability.contains("no fsync")
    }

    /// Compares ours with it: with as many clients, or where it has fewer instances than clients, with those that it was
    /// to have.
    pub fn compared(&self, cells: &[Cell]) -> Compared {
        let ours = |clients| {
            let same =
                |cell: &&Cell| format!("{:?}", cell.workload) == self.workload && cell.clients == clients;
            cells.iter().find(same)
        };
        Compared {
            throughput: ours(self.clients)
                .or_else(|| ours(CLIENTS))
                .map(|cell| cell.instances_per_second / self.orch_s),
            latency: ours(1).and_then(|cell| Some(self.lat_p50_ms? / cell.latency.p50_ms)),
        }
    }
}

/// Runs the script in `directory` for these peers; its output and what it installs go where it likes.
pub async fn run(directory: &Path, names: &[String]) -> anyhow::Result<Vec<Peer>> {
    let mut peers = Vec::new();
    for name in names {
        let mut script = Command::new("bash");
        script.arg(directory.join("run.sh")).arg(name).env("CLIENTS", CLIENTS.to_string());
        script.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = script.spawn().context("bash cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        while let Some(line) = lines.next_line().await? {
            peers.extend(parse(&line));
            println!("{line}");
        }
        // What it has measured before it fails counts.
        if !child.wait().await?.success() {
            eprintln!("the script for the peer {name} has failed");
        }
    }
    ensure!(!peers.is_empty(), "the script has measured nothing");
    Ok(peers)
}

/// The line, if it is about a workload. Others are for people, or about the machine.
fn parse(line: &str) -> Option<Peer> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"peer": "other", "version": "1", "variant": "durable", "workload": "W1", "n": 500,
        "clients": 32, "wall_s": 5, "ok": 500, "errors": 0, "orch_s": 100.0, "act_s": 500.0, "load_p50_ms": 200,
        "lat_n": 200, "lat_p50_ms": 8.5, "lat_p95_ms": 9, "lat_p99_ms": null, "durability": "WAL: fsync per commit"}"#;

    #[test]
    fn lines_about_workloads_are_taken_and_others_are_not() {
        let peer = parse(LINE).unwrap();
        assert_eq!((peer.name().as_str(), peer.workload.as_str()), ("other durable", "W1"));
        assert_eq!((peer.orch_s, peer.lat_p50_ms, peer.lat_p99_ms), (100.0, Some(8.5), None));
        assert!(peer.syncs_commits());
        for line in [
            "",
            "peer  variant  load",
            r#"{"peer": "disk", "variant": "raw", "workload": "fdatasync", "p50_ms": 0.2, "p99_ms": 0.3}"#,
            r#"{"peer": "other", "variant": "durable", "workload": "fsyncs", "per_W1": {"1 client": 8.5}}"#,
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn what_says_that_it_does_not_sync_is_not_compared_with_what_does() {
        for (durability, syncs) in [
            ("WAL, synchronous=FULL: fsync per commit", true),
            ("RocksDB WAL fsynced for each batch of log appends (the default)", true),
            ("WAL, synchronous=NORMAL: no fsync per commit", false),
            ("rocksdb-disable-wal-fsync=true: no fsync", false),
        ] {
            let peer = Peer { durability: durability.into(), ..parse(LINE).unwrap() };
            assert_eq!(peer.syncs_commits(), syncs, "{durability}");
        }
    }

    #[test]
    fn ours_is_compared_with_the_same_workload_and_clients() {
        let peer = parse(LINE).unwrap();
        assert_eq!(peer.compared(&[]), Compared { throughput: None, latency: None });
        let cells = [Cell::example(1, 50.0, 2.0), Cell::example(32, 400.0, 80.0)];
        assert_eq!(peer.compared(&cells), Compared { throughput: Some(4.0), latency: Some(4.25) });
        let fewer = Peer { clients: 20, ..peer.clone() };
        assert_eq!(fewer.compared(&cells).throughput, Some(4.0), "ours with as many as it was to have");
        let other = Peer { workload: "W2".into(), ..peer };
        assert_eq!(other.compared(&cells), Compared { throughput: None, latency: None });
    }
}
