//! The engine in Spin components.
//!
//! The adapters between the engine's traits and what a Spin host gives a component, and the private components'
//! handlers, so that a component is a few lines: it names its functions and hands the request over.
//!
//! - [`orchestrator::serve`], [`activity::serve`], [`scheduler::serve`] answer the private routes.
//! - [`hub::engine`] is the engine over the component's `default` store, for client functions; [`kick`] sends what a
//!   started instance wants sent.
//! - [`variables`] reads the component's variables.
//! - `azure` (feature) is the transport and clock of the Azure clients.
//!
//! Nothing here decides anything: what has a right and a wrong answer is in the `longhaul` crate, where it is tested
//! natively. What is here is tested by running the components.

pub mod activity;
#[cfg(feature = "azure")]
pub mod azure;
mod bindings;
mod components;
mod http_call;
pub mod hub;
pub mod kick;
mod logging;
pub mod orchestrator;
mod platform;
pub mod scheduler;
mod store;
pub mod variables;

pub use logging::log_to_stderr;
pub use platform::SpinPlatform;
pub use store::SpinStore;

use std::future::Future;

use bytes::Bytes;
use spin_sdk::http::{FullBody, Response};

/// An answer with a whole body.
pub type Answer = Response<FullBody<Bytes>>;

/// Runs `work` after the response, for as long as it takes.
pub fn in_background(work: impl Future<Output = ()> + 'static) {
    spin_sdk::wasip3::spawn(work);
}

/// Makes an answer of one with a text body.
pub fn answer(response: http::Response<String>) -> Answer {
    response.map(|body| FullBody::new(Bytes::from(body)))
}

fn plain(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(FullBody::new(body.into()));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status of our own is one");
    response
}
