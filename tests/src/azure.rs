//! A double of Entra ID, App Configuration and Key Vault, and of a storage account that takes tokens: nothing that
//! emulates these can be had. It checks what the real services check, and refuses as they refuse.
//!
//! All of it is served at one https origin, whose certificate a certificate authority made for this double alone; the
//! endpoints of managed identities are plain http, as they are in Azure. What the services are asked for is counted.

mod app_configuration;
mod authority;
mod key_vault;
mod server;
mod storage;
mod tls;
mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use crate::app::Launch;
pub use world::{AppKey, Counts, SettingEntry, Trouble, World};

/// A running double. It ends when this is dropped.
#[derive(Debug)]
pub struct AzureDouble {
    world: Arc<Mutex<World>>,
    ca: String,
    secure: SocketAddr,
    plain: SocketAddr,
    serving: Vec<JoinHandle<()>>,
}

impl AzureDouble {
    /// Starts it, in front of the Table service at `connection_string`.
    ///
    /// # Errors
    /// When it cannot listen, or makes no certificate.
    pub async fn start(connection_string: &str) -> anyhow::Result<Self> {
        let tls = tls::Identity::new()?;
        let (secure, plain) = (server::listen().await?, server::listen().await?);
        let (secure_at, plain_at) = (secure.local_addr()?, plain.local_addr()?);
        let world = Arc::new(Mutex::new(World::new(secure_at, connection_string)));
        let serving = vec![
            tokio::spawn(server::serve(secure, Some(tls.acceptor), Arc::clone(&world))),
            tokio::spawn(server::serve(plain, None, Arc::clone(&world))),
        ];
        Ok(Self { world, ca: tls.ca, secure: secure_at, plain: plain_at, serving })
    }

    /// What it knows, to be looked at and changed.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where everything is served over TLS.
    pub fn origin(&self) -> String {
        format!("https://{}", self.secure)
    }

    /// Where managed identities are served.
    pub fn plain_origin(&self) -> String {
        format!("http://{}", self.plain)
    }

    /// The Table service, for tokens.
    pub fn table_endpoint(&self) -> String {
        format!("{}/{}", self.origin(), self.world().account)
    }

    /// The address of a secret, with a version or without.
    pub fn secret_id(&self, name: &str, version: Option<&str>) -> String {
        let version = version.map(|version| format!("/{version}")).unwrap_or_default();
        format!("{}/secrets/{name}{version}", self.origin())
    }

    /// The certificate authority as a file in this directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ca_file(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let file = directory.join("ca.pem");
        std::fs::write(&file, &self.ca)?;
        Ok(file)
    }

    /// An application that may reach and trusts it. `directory` is for the authority's file.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn reached_by(&self, launch: Launch, directory: &Path) -> anyhow::Result<Launch> {
        let ca = self.ca_file(directory)?;
        Ok(launch
            .argument("--ca-certificate")
            .argument(&ca.display().to_string())
            .variable("azure_authority_host", &self.origin())
            .variable("azure_private_host", &self.origin())
            .variable("identity_host", &self.plain_origin()))
    }
}

impl Drop for AzureDouble {
    fn drop(&mut self) {
        for task in &self.serving {
            task.abort();
        }
    }
}
