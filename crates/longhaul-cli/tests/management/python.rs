//! Python, with the packages that `requirements.txt` pins, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, ensure};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The directory of the environment's programs. None: there is no Python on this machine, and it is not one that must
/// have it; then the reason is printed.
pub fn programs() -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        if Command::new("python3").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "python3 is missing, and in CI it must not be");
            println!("skipped: there is no python3");
            return None;
        }
        Some(install().expect("the packages can be installed"))
    });
    programs.as_deref()
}

fn install() -> anyhow::Result<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("management-python");
    let programs = home.join("bin");
    // Written last, so that an environment that has it is whole.
    let marker = home.join("installed.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(programs);
    }
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let requirements = home.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    run(Command::new(programs.join("pip")).args(["install", "--quiet", "--requirement"]).arg(requirements))?;
    std::fs::write(marker, REQUIREMENTS)?;
    Ok(programs)
}

/// Runs a command to its end, and answers what it said.
pub fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    ensure!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    Ok(said)
}
