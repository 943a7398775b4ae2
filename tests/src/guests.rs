//! The WebAssembly components that the tests run, built once for each test run.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "component";

/// Builds these packages of the workspace for WebAssembly, and answers the directory with their `.wasm` files (named
/// after the packages, with `_` for `-`). What is built is not built again.
///
/// # Errors
///
/// When cargo fails; what it says goes to standard error.
pub fn build(packages: &[&str]) -> anyhow::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests are in a workspace")?;
    let target_dir = match env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => workspace.join(directory),
        None => workspace.join("target"),
    };
    fs::create_dir_all(&target_dir).with_context(|| format!("cannot make {}", target_dir.display()))?;
    // Test binaries that run side by side would report each other's waiting for cargo's own lock.
    let lock = File::create(target_dir.join("guests.lock")).context("cannot make a lock file")?;
    lock.lock().context("cannot lock the target directory")?;

    ensure_target(workspace)?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(workspace).args(["build", "--quiet", "--profile", PROFILE, "--target", TARGET]);
    // Settings for the host's code, such as sanitizers or coverage, are not for the components.
    cargo.env("CARGO_TARGET_DIR", &target_dir).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    for package in packages {
        cargo.args(["-p", package]);
    }
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "building {packages:?} for {TARGET} failed ({status})");
    Ok(target_dir.join(TARGET).join(PROFILE))
}

/// Adds the target where rustup lacks it. Toolchains without rustup are left to cargo's own message.
fn ensure_target(workspace: &Path) -> anyhow::Result<()> {
    let rustup = |arguments: &[&str]| Command::new("rustup").args(arguments).current_dir(workspace).output();
    let Ok(installed) = rustup(&["target", "list", "--installed"]) else { return Ok(()) };
    if String::from_utf8_lossy(&installed.stdout).lines().any(|target| target.trim() == TARGET) {
        return Ok(());
    }
    let added = rustup(&["target", "add", TARGET]).context("cannot run rustup")?;
    ensure!(added.status.success(), "rustup target add {TARGET}: {}", String::from_utf8_lossy(&added.stderr));
    Ok(())
}
