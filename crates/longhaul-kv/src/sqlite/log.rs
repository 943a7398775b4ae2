//! The write-ahead log of a database whose writes are answered before they are on disk: a thread that syncs it when
//! somebody waits for that.
//!
//! SQLite, told not to sync at each commit (`synchronous = NORMAL`), keeps what a power cut must not break: the log is
//! valid up to some commit, and is synced before any of it is folded. When to sync it otherwise is left to us. A sync
//! covers all commits before it, whoever made them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::{Error, Result};

/// How long a commit that nobody waits for may be missing on disk.
const LAG: Duration = Duration::from_millis(20);

/// The length of the log, in bytes, at which it is folded into the file: long enough that a page that is written over
/// and over is copied seldom.
const FOLD_AT: u64 = 16 << 20;

/// About what a commit adds to the log besides the values, in bytes: whole pages of the table and of its index.
const COMMIT_OVERHEAD: u64 = 12 << 10;

/// How far the log is on disk.
pub(super) struct Log {
    /// Commits that others may have seen: those made, and the one that is being made.
    seen: AtomicU64,
    /// Commits made.
    committed: AtomicU64,
    /// Commits that somebody has waited for.
    wanted: AtomicU64,
    /// What they have added to the log since it was folded, in bytes, about.
    length: AtomicU64,
    /// Whether the thread knows that there is something to sync.
    is_told: AtomicBool,
    progress: watch::Sender<Progress>,
    syncs: AtomicU64,
    thread: mpsc::Sender<Message>,
}

#[derive(Debug, Clone, Default)]
struct Progress {
    /// Commits that are on disk.
    synced: u64,
    /// Why no more will be. What the system has failed to write once, it may have forgotten.
    failed: Option<Error>,
}

enum Message {
    /// There is a commit that is not on disk.
    Committed,
    /// Somebody waits for it.
    Wanted,
}

impl Log {
    /// The log of the database file `path`, which is open; and what its thread has to do.
    pub(super) fn of(path: &Path) -> Result<(Arc<Self>, Thread)> {
        let failed = |problem: &str, error: std::io::Error| Error::Storage {
            path: path.to_owned(),
            detail: format!("{problem}: {error}"),
        };
        // SQLite follows links before it names the log.
        let mut name = std::fs::canonicalize(path)
            .map_err(|error| failed("it cannot be found", error))?
            .into_os_string();
        name.push("-wal");
        // Nobody locks the log itself, so that closing this handle takes no lock away, as it would for the database.
        let file = File::options().write(true).open(name);
        let file = file.map_err(|error| failed("its log cannot be opened", error))?;
        // A process that was killed may have left commits that are not on disk yet, and are read from now on.
        file.sync_data().map_err(|error| failed("its log cannot be synced", error))?;
        let (thread, messages) = mpsc::channel();
        let log = Arc::new(Self {
            seen: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            length: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            progress: watch::Sender::default(),
            syncs: AtomicU64::new(0),
            thread,
        });
        let thread = Thread { log: Arc::downgrade(&log), file, path: path.to_owned(), messages };
        Ok((log, thread))
    }

    /// Says that a commit is going to be made, and that all before have been.
    pub(super) fn committing(&self) {
        self.seen.fetch_add(1, Ordering::SeqCst);
    }

    /// Says that the commit was made, or has failed, with values of `bytes` bytes. Answers whether the log is long enough
    /// to be folded into the file: once, and from then on as if it were folded.
    pub(super) fn committed(&self, bytes: usize) -> bool {
        self.committed.store(self.seen.load(Ordering::SeqCst), Ordering::SeqCst);
        if !self.is_told.swap(true, Ordering::SeqCst) {
            let _ = self.thread.send(Message::Committed);
        }
        let added = bytes as u64 + COMMIT_OVERHEAD;
        let is_long = self.length.fetch_add(added, Ordering::Relaxed) + added >= FOLD_AT;
        if is_long {
            self.length.store(0, Ordering::Relaxed);
        }
        is_long
    }

    /// Resolves when all that anybody can have seen is on disk.
    pub(super) async fn synced(&self) -> Result<()> {
        let wanted = self.seen.load(Ordering::SeqCst);
        if self.progress.borrow().synced >= wanted {
            return Ok(());
        }
        self.wanted.fetch_max(wanted, Ordering::SeqCst);
        let mut progress = self.progress.subscribe();
        let _ = self.thread.send(Message::Wanted);
        let reached = progress.wait_for(|now| now.synced >= wanted || now.failed.is_some()).await;
        let now = reached.map_err(|_| Error::Closed)?;
        match &now.failed {
            Some(failed) if now.synced < wanted => Err(failed.clone()),
            _ => Ok(()),
        }
    }

    /// Why nothing more can be written, if so.
    pub(super) fn failure(&self) -> Option<Error> {
        self.progress.borrow().failed.clone()
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > self.progress.borrow().synced
    }

    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Says that the file is closed, and so on disk as a whole.
    pub(super) fn closed(&self) {
        let all = self.seen.load(Ordering::SeqCst);
        self.progress.send_modify(|progress| progress.synced = all);
    }
}

/// What the log's thread works with.
pub(super) struct Thread {
    log: Weak<Log>,
    file: File,
    path: PathBuf,
    messages: mpsc::Receiver<Message>,
}

impl Thread {
    /// Runs until the log is dropped.
    pub(super) fn run(self) {
        while let Ok(message) = self.messages.recv() {
            // The commit may be one for which somebody has waited since before it was made.
            let wanted = self.log.upgrade().is_some_and(|log| log.is_wanted());
            if let Message::Committed = message
                && !wanted
                && let Err(RecvTimeoutError::Disconnected) = self.messages.recv_timeout(LAG)
            {
                return;
            }
            let Some(log) = self.log.upgrade() else { return };
            log.is_told.store(false, Ordering::SeqCst);
            self.sync(&log);
        }
    }

    fn sync(&self, log: &Log) {
        let committed = log.committed.load(Ordering::SeqCst);
        if log.progress.borrow().synced >= committed {
            return;
        }
        let synced = self.file.sync_data();
        log.syncs.fetch_add(1, Ordering::Relaxed);
        log.progress.send_modify(|progress| match synced {
            _ if progress.failed.is_some() => {}
            Ok(()) => progress.synced = progress.synced.max(committed),
            Err(error) => {
                let detail = format!("its log cannot be synced: {error}");
                tracing::error!(path = %self.path.display(), "{detail}; nothing more is written");
                progress.failed = Some(Error::Storage { path: self.path.clone(), detail });
            }
        });
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A log beside an empty file.
    fn log() -> (Arc<Log>, Thread, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kv.db");
        for name in ["kv.db", "kv.db-wal"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let (log, thread) = Log::of(&path).unwrap();
        (log, thread, directory)
    }

    #[tokio::test]
    async fn a_commit_that_is_being_made_is_waited_for() {
        let (log, thread, _directory) = log();
        std::thread::spawn(move || thread.run());
        for syncs in 1..=3 {
            log.committing();
            let mut synced = std::pin::pin!(log.synced());
            // Its values may be read from now on, and it is not in the log yet.
            let early = tokio::time::timeout(Duration::from_millis(30), synced.as_mut()).await;
            assert!(early.is_err(), "it is not made yet");
            log.committed(1);
            synced.await.unwrap();
            assert_eq!(log.syncs(), syncs);
        }
    }

    #[tokio::test]
    async fn after_a_sync_that_failed_nothing_is_called_written() {
        let (log, mut thread, _directory) = log();
        let path = thread.path.clone();
        // Linux does not sync what is no file.
        thread.file = File::open("/dev/null").unwrap();
        std::thread::spawn(move || thread.run());
        log.synced().await.expect("nothing was written yet");
        log.committing();
        log.committed(1);
        for _ in 0..2 {
            let error = log.synced().await.unwrap_err();
            assert!(matches!(&error, Error::Storage { path: failed, .. } if *failed == path), "{error}");
            assert_eq!(log.failure().map(|failure| failure.to_string()), Some(error.to_string()));
        }
    }
}
