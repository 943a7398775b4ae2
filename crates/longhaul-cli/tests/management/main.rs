//! The management API as the world uses it: by Azure's own Python client library, by an API tester, by plain requests,
//! through the real components under `longhaul up`.

mod client;
mod openapi;
mod plain;
mod python;

use longhaul_tests::app::{App, Launch};
use tempfile::TempDir;

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");
const KEY: &str = "sesame";

/// The running test application, and its state.
struct Scene {
    app: App,
    state: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let launch = Launch::program(HOST, state.path()).variable("management_key", KEY);
        let app = tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap();
        Self { app, state }
    }

    /// What the components have logged.
    fn logs(&self) -> String {
        let mut logs = String::new();
        let mut directories = vec![self.state.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => directories.push(entry.path()),
                    false if entry.path().extension().is_some_and(|extension| extension == "txt") => {
                        logs += &std::fs::read_to_string(entry.path()).unwrap_or_default();
                    }
                    false => {}
                }
            }
        }
        logs
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.logs());
        }
    }
}
