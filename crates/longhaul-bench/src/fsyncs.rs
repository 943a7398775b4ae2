//! How often a process syncs a file to disk, as strace sees it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// A log that strace writes of a process, a line for each call.
pub struct Syncs {
    log: PathBuf,
}

impl Syncs {
    /// One in this file, or none where there is no strace.
    pub fn into_log(log: PathBuf) -> Option<Self> {
        let mut strace = Command::new("strace");
        let there =
            strace.arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        there.is_ok_and(|status| status.success()).then_some(Self { log })
    }

    /// What a command line begins with whose process is to be watched. The process has the id of the command, and runs at
    /// its own pace between the calls that are counted.
    pub fn command(&self) -> Vec<String> {
        let log = self.log.display().to_string();
        let arguments = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none"];
        let arguments = arguments.into_iter().chain(["-e", "trace=fsync,fdatasync", "-o", &log]);
        arguments.map(str::to_owned).collect()
    }

    /// How many calls there were so far.
    pub fn count(&self) -> anyhow::Result<u64> {
        count(&self.log)
    }
}

fn count(log: &Path) -> anyhow::Result<u64> {
    let log = std::fs::read_to_string(log).context("strace has written nothing")?;
    Ok(log.lines().filter(|line| is_call(line)).count() as u64)
}

/// Whether a line tells that a call ended well. One that another thread's call interrupts takes two lines.
fn is_call(line: &str) -> bool {
    let called = ["fsync(", "fdatasync(", "fsync resumed>", "fdatasync resumed>"];
    called.iter().any(|call| line.contains(call)) && line.trim_end().ends_with("= 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_and_when_it_ends_well() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines = "17 fdatasync(3)                      = 0\n\
            18 fsync(12 <unfinished ...>\n\
            17 fdatasync(3)                      = 0\n\
            18 <... fsync resumed>)               = 0\n\
            17 fdatasync(9)                      = -1 EBADF (Bad file descriptor)\n\
            18 +++ exited with 0 +++\n";
        std::fs::write(&log, lines).unwrap();
        assert_eq!(count(log.path()).unwrap(), 3);
    }

    #[test]
    fn the_syncs_of_a_process_are_counted_where_there_is_strace() {
        let directory = tempfile::tempdir().unwrap();
        let Some(syncs) = Syncs::into_log(directory.path().join("log")) else { return };
        let file = directory.path().join("synced");
        let command = syncs.command();
        let mut dd = Command::new(&command[0]);
        dd.args(&command[1..]).args(["dd", "if=/dev/zero", "bs=1", "count=1", "conv=fsync", "status=none"]);
        let output = dd.arg(format!("of={}", file.display())).output().unwrap();
        if !output.status.success() {
            // A system that lets nobody be traced.
            return;
        }
        let waited = std::time::Instant::now();
        while syncs.count().unwrap_or(0) != 1 {
            assert!(waited.elapsed().as_secs() < 20, "{}", std::fs::read_to_string(&syncs.log).unwrap());
            std::thread::yield_now();
        }
    }
}
