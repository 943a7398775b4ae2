//! `longhaul up`: from the command line to a running application.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, value_parser};
use longhaul_host::{App, Config, Host, Server};
use longhaul_manifest::{RuntimeConfig, VariableArgument, VariableSources};
use tokio::signal::unix::{SignalKind, signal};

use crate::demo::Demo;
use crate::{banner, build, start};

#[derive(Args)]
pub struct Up {
    /// The application: a spin.toml, or the directory that has one
    #[arg(short, long, value_name = "FILE OR DIRECTORY", default_value = ".")]
    from: PathBuf,

    /// Build the components first, with the commands of the manifest
    #[arg(short, long)]
    build: bool,

    /// The address to serve on; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", env = "SPIN_HTTP_LISTEN_ADDR")]
    listen: SocketAddr,

    /// Where stores and the values of variables come from
    #[arg(long, value_name = "FILE", env = "RUNTIME_CONFIG_FILE")]
    runtime_config_file: Option<PathBuf>,

    /// The directory for state and logs [default: .spin beside the manifest]
    #[arg(long, value_name = "DIRECTORY")]
    state_dir: Option<PathBuf>,

    /// The value of a variable: name=value, name=@file, or a @file.json or @file.toml of several
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<VariableArgument>,

    /// An environment variable for all components
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    env: Vec<(String, String)>,

    /// Serve a demonstration table for the application to query (a development aid)
    #[arg(long)]
    demo: bool,

    /// How long the demonstration table takes over each page
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "demo", value_parser = value_parser!(jiff::SignedDuration))]
    demo_latency: jiff::SignedDuration,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Up {
    pub async fn run(self) -> anyhow::Result<()> {
        let manifest_file = if self.from.is_dir() { self.from.join("spin.toml") } else { self.from.clone() };
        let manifest = longhaul_manifest::load(&manifest_file)?;
        if self.build {
            build::components(&manifest).await?;
        }
        let runtime_config = match &self.runtime_config_file {
            Some(file) => RuntimeConfig::load(file)?,
            None => RuntimeConfig::default(),
        };
        let mut command_line = Vec::new();
        for argument in &self.variable {
            command_line.extend(argument.read()?);
        }
        let mut variables = VariableSources::of_process(command_line, &runtime_config);
        let demo = match self.demo {
            true => Some(Demo::start(&manifest, &mut variables, self.demo_latency).await?),
            false => None,
        };

        let mut config = Config::new(self.state_dir(&manifest_file, &runtime_config));
        config.environment = self.env.iter().cloned().collect();
        let app = App { manifest: manifest.clone(), runtime_config, variables };
        let host = Arc::new(Host::load(app, config).await?);
        let server = Server::bind(Arc::clone(&host), self.listen).await?;
        let shutdown = shutdown_signal()?;

        banner::print(&manifest, &server, &host);
        if let Some(demo) = &demo {
            demo.print(server.address());
        }
        if let Some(call) = manifest.start.clone() {
            tokio::spawn(start::call(Arc::clone(&host), call));
        }
        server.run(shutdown).await;

        tracing::info!(target: "longhaul", "stopping");
        host.close().await.context("the stores could not be closed")?;
        Ok(())
    }

    fn state_dir(&self, manifest_file: &Path, runtime_config: &RuntimeConfig) -> PathBuf {
        let beside_manifest = || manifest_file.parent().unwrap_or(Path::new("")).join(".spin");
        self.state_dir.clone().or_else(|| runtime_config.state_dir.clone()).unwrap_or_else(beside_manifest)
    }
}

/// Resolves at the first Ctrl-C or SIGTERM. A second one ends the process at once.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(1);
        });
    })
}
