//! What the end-to-end tests share: the applications as processes, the services that it queries, a plain HTTP client.
//!
//! Everything here is the real thing: the built components, the real host in a process of its own, Azurite, and the
//! project's own Table service where faults are wanted.

pub mod app;
pub mod azure;
pub mod azurite;
pub mod guests;
pub mod http_client;
pub mod programs;
