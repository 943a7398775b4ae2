//! Reads a Spin application: `spin.toml` (manifest version 2), `runtime-config.toml` and the variables of a deployment.
//!
//! Text comes in, validated types go out; nothing inside the host parses configuration again. In order:
//!
//! 1. [`load`] (or [`Manifest::parse`]) reads the manifest, [`RuntimeConfig::load`] (or [`RuntimeConfig::parse`]) the
//!    runtime configuration;
//! 2. [`RuntimeConfig::check_stores`] and [`Resolver::new`] refuse to start an application whose stores or variables
//!    are not all there;
//! 3. [`Router::new`] maps paths to components, [`request_headers`] computes the `spin-*` headers of a request;
//! 4. [`Resolver::component_variables`] and [`Resolver::allowed_hosts`] give each component what it may see and reach.
//!
//! It promises:
//! - a key that this host does not support, or does not know, is an error that names the file, the line and the key, and
//!   says what to do; nothing is ignored in silence (tool sections other than `tool.longhaul` belong to other tools and
//!   are passed over, as Spin does);
//! - the value of a variable marked `secret = true` appears in no `Debug` or `Display` output and in no error;
//! - [`AllowedHosts`] denies whatever no entry allows.
//!
//! It never opens a socket, a database or a component, and reads no file but those it is told to: [`load`],
//! [`RuntimeConfig::load`] and [`VariableArgument::read`] are the only functions that do.

mod allowed_hosts;
mod error;
mod headers;
mod manifest;
mod names;
mod quantity;
mod route;
mod router;
mod runtime_config;
mod settings;
mod suggest;
mod template;
mod toml_reader;
mod variables;

pub use allowed_hosts::{AllowedHosts, AllowedHostsError, service_chaining_target};
pub use error::{Error, Location};
pub use headers::{CHAINED_CLIENT, Request, request_headers};
pub use manifest::{Build, Component, HttpTrigger, Manifest, VariableDecl, load};
pub use names::{ComponentId, InvalidName, VariableName};
pub use quantity::ByteSize;
pub use route::{InvalidRoute, Route, RoutePattern};
pub use router::{DuplicateRoute, RouteMatch, Router};
pub use runtime_config::{KeyValueStore, RuntimeConfig};
pub use settings::{StartCall, ToolSettings};
pub use template::{InvalidTemplate, Template};
pub use variables::{
    InvalidArgument, MissingVariable, Resolver, Value, VariableArgument, VariableError, VariableSources,
};
