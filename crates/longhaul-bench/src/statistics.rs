//! What a host says of its stores when it stops.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// What was asked of a store, as `longhaul up` logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    pub reads: u64,
    pub writes: u64,
    pub deletes: u64,
    pub commits: u64,
    pub syncs: u64,
}

/// The same, for each instance or second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    pub reads: f64,
    pub writes: f64,
    pub deletes: f64,
    pub commits: f64,
    pub syncs: f64,
}

impl Statistics {
    /// Those of the last host that has logged to this file, of the store `default`.
    pub fn of_log(log: &Path) -> anyhow::Result<Self> {
        let said = std::fs::read_to_string(log)?;
        said.lines().rev().find_map(Self::parse).context("the host has not said what was asked of its store")
    }

    /// Those in a line such as `INFO store default: 4 reads, 3 writes, 2 deletes, 1 commits, 1 syncs`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.split_once("store default: ")?;
        let mut counts = counts.split(", ");
        let mut count = |what: &str| counts.next()?.trim().strip_suffix(what)?.trim_end().parse().ok();
        Some(Self {
            reads: count("reads")?,
            writes: count("writes")?,
            deletes: count("deletes")?,
            commits: count("commits")?,
            syncs: count("syncs")?,
        })
    }

    /// What came beyond those of another host, which did less.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(earlier.reads),
            writes: self.writes.saturating_sub(earlier.writes),
            deletes: self.deletes.saturating_sub(earlier.deletes),
            commits: self.commits.saturating_sub(earlier.commits),
            syncs: self.syncs.saturating_sub(earlier.syncs),
        }
    }

    /// The part of each of `count`.
    pub fn each(self, count: f64) -> Share {
        let share = |all: u64| all as f64 / count;
        Share {
            reads: share(self.reads),
            writes: share(self.writes),
            deletes: share(self.deletes),
            commits: share(self.commits),
            syncs: share(self.syncs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_about_the_store_counts() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let said = "2026-01-01T00:00:00Z  INFO stopping\n\
            2026-01-01T00:00:00Z  INFO store default: 1 reads, 1 writes, 1 deletes, 1 commits, 1 syncs\n\
            2026-01-01T00:00:09Z  INFO store default: 40 reads, 30 writes, 20 deletes, 10 commits, 5 syncs\n\
            2026-01-01T00:00:09Z  INFO store other: 2 reads, 2 writes, 2 deletes, 2 commits, 2 syncs\n";
        std::fs::write(&log, said).unwrap();
        let statistics = Statistics::of_log(log.path()).unwrap();
        assert_eq!(statistics, Statistics { reads: 40, writes: 30, deletes: 20, commits: 10, syncs: 5 });
        assert_eq!(
            statistics.each(10.0),
            Share { reads: 4.0, writes: 3.0, deletes: 2.0, commits: 1.0, syncs: 0.5 }
        );
        std::fs::write(&log, "INFO stopping").unwrap();
        assert!(Statistics::of_log(log.path()).is_err());
    }

    #[test]
    fn what_the_host_writes_is_understood() {
        let written = longhaul_kv::Statistics { reads: 4, writes: 3, deletes: 2, commits: 1, syncs: 1 };
        let expected = Statistics { reads: 4, writes: 3, deletes: 2, commits: 1, syncs: 1 };
        assert_eq!(Statistics::parse(&format!("INFO store default: {written}")), Some(expected));
        for line in ["", "store default: 4 reads", "store default: x reads, 3 writes, 2 deletes, 1 commits"] {
            assert_eq!(Statistics::parse(line), None, "{line}");
        }
    }
}
