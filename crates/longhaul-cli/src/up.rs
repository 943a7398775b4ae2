//! `longhaul up`: from the command line to a running application.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, value_parser};
use longhaul_host::{App, Config, Host, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::application::{Application, Loaded};
use crate::demo::Demo;
use crate::{banner, start};

#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    application: Application,

    /// The address to serve on; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", env = "SPIN_HTTP_LISTEN_ADDR")]
    listen: SocketAddr,

    /// A certificate authority that outbound requests trust, besides those of the web: a PEM file (may be repeated)
    #[arg(long, value_name = "FILE", env = "LONGHAUL_CA_CERTIFICATE", value_delimiter = ':')]
    ca_certificate: Vec<PathBuf>,

    /// Serve a demonstration table for the application to query (a development aid)
    #[arg(long)]
    demo: bool,

    /// How long the demonstration table takes over each page
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "demo", value_parser = value_parser!(jiff::SignedDuration))]
    demo_latency: jiff::SignedDuration,
}

impl Up {
    pub async fn run(self) -> anyhow::Result<()> {
        let Loaded { manifest, runtime_config, mut variables, state_dir } = self.application.load().await?;
        let demo = match self.demo {
            true => Some(Demo::start(&manifest, &mut variables, self.demo_latency).await?),
            false => None,
        };

        let mut config = Config::new(state_dir);
        config.ca_certificates = self.ca_certificate;
        config.environment = self.application.env.iter().cloned().collect();
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
        for (labels, statistics) in host.statistics() {
            tracing::info!(target: "longhaul", "store {}: {statistics}", labels.join(", "));
        }
        Ok(())
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
