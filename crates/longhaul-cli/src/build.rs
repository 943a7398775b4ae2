//! `--build`: runs the components' build commands.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use longhaul_manifest::{Build, ComponentId, Manifest};
use tokio::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Builds the components one after the other. A command that several of them share, in the same directory, runs once.
pub async fn components(manifest: &Manifest) -> anyhow::Result<()> {
    let mut done = BTreeSet::new();
    for (id, component) in &manifest.components {
        let Some(build) = &component.build else { continue };
        for command in &build.commands {
            if done.insert((command, &build.workdir)) {
                run(id, build, command).await?;
            }
        }
    }
    Ok(())
}

async fn run(id: &ComponentId, build: &Build, command: &str) -> anyhow::Result<()> {
    let directory = directory(build);
    if command.contains("cargo") && command.contains(TARGET) {
        ensure_target(directory).await?;
    }
    println!("Building {id}: {command}");
    // As in Spin, the command line is the shell's.
    let status =
        Command::new("sh").args(["-c", command]).current_dir(directory).status().await.with_context(
            || format!("component {id}: cannot run its build command in {}", directory.display()),
        )?;
    if !status.success() {
        bail!("component {id}: its build command failed ({status}): {command}");
    }
    Ok(())
}

/// An empty path is the current directory, which the system calls by another name.
fn directory(build: &Build) -> &Path {
    if build.workdir.as_os_str().is_empty() { Path::new(".") } else { &build.workdir }
}

/// Adds the WebAssembly target to the Rust toolchain that is used in `directory`, unless it is there.
async fn ensure_target(directory: &Path) -> anyhow::Result<()> {
    let installed =
        Command::new("rustup").args(["target", "list", "--installed"]).current_dir(directory).output().await;
    match installed {
        Ok(output) if output.status.success() => {
            if String::from_utf8_lossy(&output.stdout).lines().any(|target| target.trim() == TARGET) {
                return Ok(());
            }
            println!("Adding the target {TARGET} to the Rust toolchain");
            let status = Command::new("rustup")
                .args(["target", "add", TARGET])
                .current_dir(directory)
                .status()
                .await
                .context("cannot run rustup")?;
            if !status.success() {
                bail!(
                    "`rustup target add {TARGET}` failed ({status}); components cannot be built without it"
                );
            }
            Ok(())
        }
        // A toolchain that rustup does not manage must bring the target itself.
        _ => {
            let output = Command::new("rustc")
                .args(["--print", "target-libdir", "--target", TARGET])
                .current_dir(directory)
                .output()
                .await
                .context("cannot run rustc; install Rust from https://rustup.rs")?;
            let libraries = String::from_utf8_lossy(&output.stdout);
            if output.status.success() && Path::new(libraries.trim()).is_dir() {
                return Ok(());
            }
            bail!(
                "the Rust toolchain lacks the target {TARGET}, and there is no rustup to add it; \
                 install the package of the standard library for {TARGET}, or Rust from https://rustup.rs"
            )
        }
    }
}
