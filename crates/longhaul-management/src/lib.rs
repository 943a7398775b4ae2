//! The management API: Azure Durable Functions' HTTP API over a Longhaul engine.
//!
//! Whoever holds the key of an application starts, finds, watches and controls its instances here, with scripts, with
//! dashboards, or with the client libraries of Azure's own SDKs. `docs/management-api.md` lists what there is.
//!
//! | module | question it answers |
//! | --- | --- |
//! | `operations`, `schema`, `openapi` | what is there? One table, from which the router, the OpenAPI document and a test of the documentation are made |
//! | `route`, `parameters`, `content` | what does a request ask for? |
//! | `keys`, `links`, `request` | may it? |
//! | `start`, `status`, `list`, `purge`, `tell`, `restart` | what is done, and what is answered? |
//! | `payload` | what can a client function answer with? |
//!
//! A door (a component, a test) takes a request through [`Management::admit`], reads its body if
//! [`Admitted::takes_body`] says so, and sends what [`Management::answer`] gives.
//!
//! It promises that nothing is answered without a key or a link that is good for it, that neither appears in an answer
//! or a log, and that no request makes it panic. It does no I/O of its own: that is the engine's platform, and
//! [`Components`].

mod answers;
mod components;
mod content;
mod continuation;
mod filter;
mod keys;
mod links;
mod list;
mod openapi;
mod operations;
mod parameters;
mod payload;
mod purge;
mod refusal;
mod request;
mod restart;
mod route;
pub mod schema;
mod service;
mod settings;
mod start;
mod status;
mod tell;

pub use answers::Body;
pub use components::Components;
pub use keys::Keys;
pub use links::{Linked, Links};
pub use list::Listing;
pub use openapi::document;
pub use operations::{OPERATIONS, Operation, Row};
pub use payload::{ManagementPayload, check_status_response};
pub use request::Admitted;
pub use route::Base;
pub use service::Management;
pub use settings::{InvalidSettings, NoLinks, Settings, Variables};
