//! The query with Azure's SDK for Python, in an environment that is made for it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What a run found and took.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
    pub distinct: usize,
}

/// A Python with the SDK.
pub struct Python {
    interpreter: PathBuf,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

impl Python {
    /// Makes the environment in `directory`, unless it is there.
    pub async fn prepare(directory: &Path) -> anyhow::Result<Self> {
        let interpreter = directory.join("bin").join("python");
        let done = directory.join("requirements-installed");
        let requirements = sources().join("requirements.txt");
        if std::fs::read(&done).ok() != Some(std::fs::read(&requirements)?) {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory)).await?;
            let mut pip = Command::new(&interpreter);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
            run(pip.arg(&requirements)).await?;
            std::fs::copy(&requirements, &done)?;
        }
        Ok(Self { interpreter })
    }

    /// Runs the query.
    pub async fn query(
        &self,
        connection_string: &str,
        table: &str,
        filter: &str,
        column: &str,
    ) -> anyhow::Result<Run> {
        let mut python = Command::new(&self.interpreter);
        python
            .arg(sources().join("query.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = python.spawn()?;
        let request = serde_json::json!({
            "connectionString": connection_string, "table": table, "filter": filter, "column": column,
        });
        let mut input = child.stdin.take().context("its input is piped")?;
        input.write_all(request.to_string().as_bytes()).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        ensure!(output.status.success(), "the query in Python failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().await.context("Python cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
