//! Orchestrations of every kind, run by the built components under the real host: what the test application does with
//! programs, and with everything that its API tells their instances.

mod activities;
mod operations;
mod random;
mod rounds_and_children;

use longhaul_tests::app::{App, Launch};
use longhaul_tests::programs::Programs;
use tempfile::TempDir;

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

/// The running test application, and its state.
struct Scene {
    programs: Programs,
    _app: App,
    state: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let app = start(Launch::program(HOST, state.path())).await;
        Self { programs: Programs::of(&app), _app: app, state }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return say_what_was_logged(&self.state);
        }
        // What the engine mends would else pass unnoticed. Only the activity component traps on demand.
        let log = std::fs::read_to_string(self.state.path().join("host_stderr.txt")).unwrap_or_default();
        let stopped: Vec<_> = log.lines().filter(|line| line.contains("an instance was stopped")).collect();
        let untoward = stopped.iter().any(|line| !line.contains("component activity"));
        assert!(!untoward, "a component has trapped:\n{log}");
    }
}

/// What the host and the components have said, for whoever looks at a test that failed.
fn say_what_was_logged(state: &TempDir) {
    let logs = std::fs::read_dir(state.path().join("logs")).into_iter().flatten().flatten();
    for file in logs.map(|entry| entry.path()).chain([state.path().join("host_stderr.txt")]) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        println!("{}:\n{}", file.display(), lines[lines.len().saturating_sub(100)..].join("\n"));
    }
}

async fn start(launch: Launch) -> App {
    tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap()
}
