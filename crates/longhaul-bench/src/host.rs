//! A host that is measured: a process of its own, on a state directory of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use longhaul_tests::app::{App, Launch};

use crate::client::KEY;
use crate::statistics::Statistics;
use crate::usage;

/// The name of the file that the host keeps its state in, and what those beside it begin with.
const STORE: &str = longhaul_kv::FILE_NAME;

/// A running host.
pub struct Host {
    app: App,
    state: PathBuf,
    /// From the start of the process until it served.
    pub start: Duration,
}

/// The test application, on this state directory.
pub fn program(binary: &Path, state: &Path) -> Launch {
    Launch::program(binary, state).variable("management_key", KEY)
}

impl Host {
    /// Starts it with the state in `state`, which `launch` names too.
    pub async fn start(launch: Launch, state: &Path) -> anyhow::Result<Self> {
        let started = tokio::task::spawn_blocking(move || {
            let app = launch.start()?;
            let start = app.started.elapsed();
            anyhow::Ok((app, start))
        });
        let (app, start) = started.await??;
        Ok(Self { app, state: state.to_owned(), start })
    }

    pub fn base(&self) -> &str {
        self.app.base()
    }

    /// CPU time that it has used so far.
    pub fn cpu_time(&self) -> Option<Duration> {
        usage::cpu_time(self.app.process())
    }

    /// Memory that it has resident now, in bytes.
    pub fn memory(&self) -> Option<u64> {
        usage::memory(self.app.process())
    }

    /// The most memory that it has had resident, in bytes.
    pub fn peak_memory(&self) -> Option<u64> {
        usage::peak_memory(self.app.process())
    }

    /// Asks it to end, and answers what was asked of its store. The clients are gone by then, or it waits for them.
    pub async fn stop(self) -> anyhow::Result<Statistics> {
        let Self { app, state, .. } = self;
        let status = tokio::task::spawn_blocking(move || app.terminate()).await??;
        ensure!(status.success(), "the host ended with {status}");
        Statistics::of_log(&state.join("host_stderr.txt"))
    }
}

/// How many bytes the store in a state directory takes, its log included.
pub fn store_bytes(state: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(state)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(STORE) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
