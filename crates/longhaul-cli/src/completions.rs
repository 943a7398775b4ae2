//! `longhaul completions`: scripts that let a shell complete the command line.

use std::io;

use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Writes the script for `command`.
    pub fn run(self, mut command: Command) -> anyhow::Result<()> {
        // Not written directly: the generator panics when nobody reads on.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "longhaul", &mut script);
        io::Write::write_all(&mut io::stdout(), &script)?;
        Ok(())
    }
}
