//! `longhaul instances`: the management API for people. It works against any server that speaks the HTTP API of Azure
//! Durable Functions.

mod arguments;
mod client;
mod detail;
mod failure;
mod filter;
mod list;
mod look;
mod model;
mod purge;
mod screen;
mod server;
mod show;
mod table;
mod tell;
mod text;
mod time;
mod timeline;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use client::Client;
use failure::Failure;

/// What the exit codes mean.
const EXIT_CODES: &str = "\
Exit codes:
  0  it was done; with --wait or --watch, the instance is Completed
  1  it was not done: the message says why
  2  the command line is wrong
  3  --wait, --watch: the instance is Failed
  4  --wait, --watch: the instance is Terminated or Canceled
  5  --timeout: the instance has not ended";

#[derive(Args)]
#[command(after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Instances {
    #[command(flatten)]
    server: server::ServerArgs,

    /// Write JSON, as the server gives it, for programs
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List instances, or count them
    List(list::List),
    /// Show an instance, its values and its history
    #[command(after_help = EXIT_CODES)]
    Show(show::Show),
    /// Start an instance; its id is written
    #[command(after_help = EXIT_CODES)]
    Start(show::Start),
    /// Raise an event for an instance
    Raise(tell::Raise),
    /// End instances, whatever they are doing
    Terminate(tell::Tell),
    /// Hold instances until they are resumed
    Suspend(tell::Tell),
    /// Let suspended instances go on
    Resume(tell::Tell),
    /// Let failed instances try again what failed
    Rewind(tell::Tell),
    /// Start an instance again with its input; the new id is written
    #[command(after_help = EXIT_CODES)]
    Restart(show::Restart),
    /// Delete all that is known of ended instances
    Purge(purge::Purge),
}

impl Instances {
    pub async fn run(self) -> ExitCode {
        match self.done().await {
            Ok(code) => code.into(),
            Err(failure) => {
                let code = failure.exit_code();
                if code != 0 {
                    eprintln!("Error: {failure}");
                }
                code.into()
            }
        }
    }

    async fn done(self) -> Result<u8, Failure> {
        let server = self.server.server()?;
        if server.tells_the_key_to_all() {
            tracing::warn!("the key goes to {server} without encryption: whoever is on the way can read it");
        }
        let client = Client::new(server)?;
        let json = self.json;
        match self.command {
            Command::List(list) => list.run(&client, json).await.map(|()| 0),
            Command::Show(show) => show.run(&client, json).await,
            Command::Start(start) => start.run(&client, json).await,
            Command::Raise(raise) => raise.run(&client, json).await.map(|()| 0),
            Command::Terminate(tell) => tell.run(&client, "terminate", json).await.map(|()| 0),
            Command::Suspend(tell) => tell.run(&client, "suspend", json).await.map(|()| 0),
            Command::Resume(tell) => tell.run(&client, "resume", json).await.map(|()| 0),
            Command::Rewind(tell) => tell.run(&client, "rewind", json).await.map(|()| 0),
            Command::Restart(restart) => restart.run(&client, json).await,
            Command::Purge(purge) => purge.run(&client, json).await.map(|()| 0),
        }
    }
}
