//! Why an application cannot be run.

use std::io;
use std::path::PathBuf;

use longhaul_manifest::{AllowedHostsError, ComponentId, DuplicateRoute, VariableError};

/// Why an application could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The state directory could not be taken.
    #[error(transparent)]
    State(#[from] StateDirError),
    /// The runtime configuration lacks a store.
    #[error(transparent)]
    Configuration(#[from] longhaul_manifest::Error),
    /// Variables have no value, or do not exist.
    #[error(transparent)]
    Variables(#[from] VariableError),
    /// Two triggers answer the same paths.
    #[error(transparent)]
    Routes(#[from] DuplicateRoute),
    /// An entry of `allowed_outbound_hosts` is none.
    #[error("component {component}: allowed_outbound_hosts: {source}")]
    AllowedHosts {
        /// The component.
        component: ComponentId,
        /// What is wrong with the entry.
        source: AllowedHostsError,
    },
    /// A component's file does not exist.
    #[error("component {component}: there is no file {}; build the application first (longhaul up --build)", source_file.display())]
    SourceMissing {
        /// The component.
        component: ComponentId,
        /// The file that the manifest names.
        source_file: PathBuf,
    },
    /// A component's file is no component.
    #[error("component {component}: {} is not a WebAssembly component that this host can run: {problem}", source_file.display())]
    InvalidComponent {
        /// The component.
        component: ComponentId,
        /// Its file.
        source_file: PathBuf,
        /// What wasmtime said.
        problem: String,
    },
    /// A component imports what the host does not have.
    #[error("component {component} needs what this host does not offer: {problem}")]
    Imports {
        /// The component.
        component: ComponentId,
        /// Which interface or function.
        problem: String,
    },
    /// A component handles no HTTP requests.
    #[error(
        "component {component} handles no HTTP requests: it exports neither wasi:http/handler@0.3.0 nor \
         wasi:http/incoming-handler@0.2 but [{exports}]"
    )]
    NotAHandler {
        /// The component.
        component: ComponentId,
        /// What it exports.
        exports: String,
    },
    /// A key-value store could not be opened.
    #[error("key-value store {label:?}: {source}")]
    Store {
        /// The store's label.
        label: String,
        /// Why not.
        source: longhaul_kv::Error,
    },
    /// A log file could not be opened.
    #[error("cannot write the logs of component {component} in {}: {source}", directory.display())]
    Logs {
        /// The component.
        component: ComponentId,
        /// Where the logs are.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate authority's file cannot be used.
    #[error("cannot trust the certificate authority in {}: {problem}; it must be a PEM file", file.display())]
    CaCertificate {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// wasmtime could not be set up.
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}

/// Why a state directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another process has it.
    #[error(
        "another process uses the state directory {}; stop it, or choose another directory with --state-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made or locked.
    #[error("cannot use the state directory {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
