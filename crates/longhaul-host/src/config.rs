//! What is run, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use longhaul_manifest::{Manifest, RuntimeConfig, VariableSources};

/// An application and what its deployment gives it.
#[derive(Clone, Debug)]
pub struct App {
    /// The application.
    pub manifest: Manifest,
    /// Its stores and variables providers.
    pub runtime_config: RuntimeConfig,
    /// Where the values of its variables come from.
    pub variables: VariableSources,
}

/// How this host runs an application.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory for state: stores without a path of their own, and logs.
    pub state_dir: PathBuf,
    /// The directory for what components print; `None`: `logs` in the state directory.
    pub log_dir: Option<PathBuf>,
    /// The directory for compiled components; `None`: wasmtime's in the user's cache directory.
    pub cache_dir: Option<PathBuf>,
    /// Environment variables that every component gets, over those of its manifest.
    pub environment: BTreeMap<String, String>,
    /// PEM files of certificate authorities that outbound requests trust, besides those of the web.
    pub ca_certificates: Vec<PathBuf>,
    /// Whether what components print is shown on this process's standard output and error too.
    pub show_output: bool,
    /// How long a request waits for a free instance before it is answered with 503.
    pub admission_timeout: Duration,
}

impl Config {
    /// The usual settings: output is shown, and a request waits up to 30 s for an instance.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            log_dir: None,
            cache_dir: None,
            environment: BTreeMap::new(),
            ca_certificates: Vec::new(),
            show_output: true,
            admission_timeout: Duration::from_secs(30),
        }
    }
}
