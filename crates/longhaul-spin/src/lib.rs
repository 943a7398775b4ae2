//! The Longhaul engine in Spin components.
//!
//! An application that has durable functions is a handful of components, each of which is a few lines: it names its
//! functions, and this crate does the rest.
//!
//! | component | what it has | route |
//! | --- | --- | --- |
//! | `orchestrator` | [`orchestrator!`] with its [`Orchestrators`](longhaul::Orchestrators) | private |
//! | `activity` | [`activity!`] with its [`ActivityFunctions`](longhaul::ActivityFunctions) | private |
//! | `entities`, if there are any | [`entities!`] with its [`EntityFunctions`](longhaul::EntityFunctions) | private |
//! | `scheduler` | [`scheduler!`] | private |
//! | `management` | an `#[http_service]` with `management::serve`, which the feature `management` has; it is the same for all applications | `/runtime/webhooks/durabletask/...` and `/durabletask/...` |
//! | client functions, as many as there are | an `#[http_service]` with [`hub::engine`], and [`kick`] once it has answered | as you like |
//!
//! The private components go by these ids in `spin.toml`, since they call each other under them
//! (`http://orchestrator.spin.internal`):
//!
//! ```toml
//! [component.orchestrator]              # key_value_stores = ["default"]
//! allowed_outbound_hosts = ["http://activity.spin.internal", "http://orchestrator.spin.internal"]
//!
//! [component.activity]                  # needs no store
//! allowed_outbound_hosts = ["https://whatever.the.activities.call"]
//!
//! [component.entities]                  # needs no store; the orchestrator may call http://entities.spin.internal then
//!
//! [component.scheduler]                 # key_value_stores = ["default"]
//! allowed_outbound_hosts = ["http://orchestrator.spin.internal"]
//!
//! [component.client]                    # key_value_stores = ["default"]
//! allowed_outbound_hosts = ["http://orchestrator.spin.internal", "http://scheduler.spin.internal"]
//! ```
//!
//! An orchestrator component, as a whole:
//!
//! ```no_run
//! use longhaul::{Failure, OrchestrationContext, Orchestrators};
//!
//! async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, Failure> {
//!     ctx.call_activity("hello", &city).await
//! }
//!
//! longhaul_spin::orchestrator!(Orchestrators::new().with("greet", greet));
//! # fn main() {}
//! ```
//!
//! A client function that starts it:
//!
//! ```no_run
//! use longhaul::{Json, Start};
//! use longhaul_spin::{Answer, answer, hub, in_background, kick};
//! use spin_sdk::http::{Request, Result};
//! use spin_sdk::http_service;
//!
//! #[http_service]
//! async fn greet(_: Request) -> Result<Answer> {
//!     let engine = hub::engine().await.map_err(|error| error.to_string())?;
//!     let start = Start::new("greet", Json::text_of("Ulm"));
//!     let started = engine.start(start).await.map_err(|error| error.to_string())?;
//!     let id = started.id.to_string();
//!     in_background(kick::run(started));
//!     Ok(answer(http::Response::new(id)))
//! }
//! # fn main() {}
//! ```
//!
//! An activity component may be written in any other language: [`activity`] says what it is asked and answers, and
//! [`longhaul::ActivityRequest`] and [`longhaul::ActivityLine`] are the JSON.
//!
//! Besides: [`variables`] reads the component's variables ([`hub::engine`] lists those that the engine has); the feature
//! `azure` is the transport and clock of the Azure clients, and `management` the management API.
//!
//! Nothing here decides anything: what has a right and a wrong answer is in the `longhaul` crate, where it is tested
//! natively. What is here is tested by running the components.

pub mod activity;
mod activity_answer;
#[cfg(feature = "azure")]
pub mod azure;
mod bindings;
mod components;
pub mod entities;
pub mod exchange;
mod export;
pub mod hub;
pub mod kick;
mod logging;
#[cfg(feature = "management")]
pub mod management;
pub mod orchestrator;
mod platform;
pub mod scheduler;
mod store;
mod streamed;
mod time_limit;
pub mod variables;
mod wakeable;

#[doc(hidden)]
pub use spin_sdk as __spin_sdk;

pub use logging::log_to_stderr;
pub use platform::SpinPlatform;
pub use store::SpinStore;

use std::future::Future;

use bytes::Bytes;
use spin_sdk::http::{FullBody, Response};

/// An answer of a client function, with a whole body.
pub type Answer = Response<FullBody<Bytes>>;

/// Runs `work` after the response, for as long as it takes.
pub fn in_background(work: impl Future<Output = ()> + 'static) {
    spin_sdk::wasip3::spawn(work);
}

/// Makes an answer of one with a text body.
pub fn answer(response: http::Response<String>) -> Answer {
    response.map(|body| FullBody::new(Bytes::from(body)))
}
