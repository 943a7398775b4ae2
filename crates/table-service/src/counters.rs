//! What the service has done since it started.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the service has done since it started, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests received, of any kind and outcome.
    pub requests: u64,
    /// Pages answered, empty and cut-off ones included.
    pub pages: u64,
    /// Rows in those pages.
    pub rows: u64,
    /// Requests refused with `ServerBusy`.
    pub throttled: u64,
    /// Continuations refused as expired.
    pub expired: u64,
    /// Connections dropped.
    pub dropped: u64,
}

/// The live counters behind [`Counts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    pages: AtomicU64,
    rows: AtomicU64,
    throttled: AtomicU64,
    expired: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    pub fn snapshot(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            pages: read(&self.pages),
            rows: read(&self.rows),
            throttled: read(&self.throttled),
            expired: read(&self.expired),
            dropped: read(&self.dropped),
        }
    }

    /// Counts a request and returns how many there have been, this one included.
    pub fn request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn page(&self, rows: usize) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub fn expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}
