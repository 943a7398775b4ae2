//! The host: runs the components of a Spin application on wasmtime.
//!
//! A [`Host`] is a loaded application; a [`Server`] serves its public routes over HTTP/1.1.
//!
//! It promises:
//! - Components see what Spin offers, with Spin's semantics: WASI 0.2 and 0.3 (`wasi:http` handlers of both), the
//!   key-value interfaces, variables, outbound HTTP, service chaining, the `spin-*` request headers. An application that
//!   needs anything else does not start, and the error says what.
//! - A private route is reached only by other components of the application that list it in `allowed_outbound_hosts`,
//!   and by the host itself ([`Host::call`]). No client's `Host` or `spin-*` header changes that.
//! - A component reaches nothing that its manifest does not declare: hosts, stores, variables.
//! - Work that a handler goes on with after its response runs until it ends, however long that takes, or the process
//!   ends. A trap kills the instance it happens in, and nothing else; a busy guest yields every 10 ms.
//! - Clients are answered first: private components have threads of their own, and where answering keeps all of its
//!   threads busy, a request to one may wait 50 ms before it begins.
//! - What leaves the process (answers to clients, requests to others) tells of nothing that is not on disk. Components do
//!   not wait for the disk.
//! - The state directory belongs to one process at a time.
//!
//! Where it differs from Spin: client-sent `spin-*` headers are removed; compare-and-swap from a missing key never
//! overwrites; connections have no Nagle delay; requests that find no free instance wait, and after
//! [`Config::admission_timeout`] get 503.
//!
//! It never gives a component files, sockets or the host's environment, never builds anything, and ends no process.

mod bindings;
mod chain;
mod component;
mod config;
mod engine;
mod error;
mod host;
mod instance;
mod key_value;
mod logs;
mod outbound;
mod outgoing;
mod server;
mod state_dir;
mod stores;
mod threads;
mod variables;
mod worker;

pub use config::{App, Config};
pub use error::{LoadError, StateDirError};
pub use host::{CallError, Host};
pub use server::{Server, ServerError};
pub use state_dir::StateDir;

pub use longhaul_kv::Statistics;
