//! What is measured is built first.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Builds the command in release, and answers the target directory. The components are built when it is started.
pub async fn release() -> anyhow::Result<PathBuf> {
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the crate is in a workspace")?;
    let mut cargo = tokio::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(workspace).args(["build", "--release", "-p", "longhaul-cli"]);
    ensure!(cargo.status().await.context("cannot run cargo")?.success(), "the command cannot be built");
    Ok(std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |target| workspace.join(target)))
}
