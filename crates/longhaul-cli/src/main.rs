//! The `longhaul` command.
//!
//! `longhaul up` runs the application of a `spin.toml`, with the flags of `spin up`. It exits with 0 when it was asked to
//! stop (Ctrl-C, SIGTERM), and with 1 and one message when something is wrong.
//!
//! `longhaul replay` checks that the application's orchestrators still do what histories say: before a deployment, those
//! of instances that it will have to go on with. It exits with 0 only if all of them do.
//!
//! `longhaul instances` is the management API for people, of this or any other server. `longhaul completions` writes
//! what a shell needs to complete the command line.

mod application;
mod banner;
mod build;
mod completions;
mod demo;
mod instances;
mod replay;
mod start;
mod up;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Requests are many short-lived allocations on several threads, for which the usual allocators of C libraries take
/// several times as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Durable functions for WebAssembly: runs Spin applications with durable state.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run an application until Ctrl-C.
    Up(up::Up),
    /// Check that orchestrators still do what histories say, without effect on anything.
    Replay(replay::Replay),
    /// List, show, start and operate instances, through the management API of any server.
    Instances(instances::Instances),
    /// Write the completions for a shell, such as: source <(longhaul completions bash).
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,longhaul=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();

    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = match cli.command {
        Command::Up(up) => runtime.block_on(up.run()).map(|()| ExitCode::SUCCESS),
        Command::Replay(replay) => runtime.block_on(replay.run()).map(|()| ExitCode::SUCCESS),
        Command::Instances(instances) => Ok(runtime.block_on(instances.run())),
        Command::Completions(completions) => completions.run(Cli::command()).map(|()| ExitCode::SUCCESS),
    };
    // Components that still work in the background must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
