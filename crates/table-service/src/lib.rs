//! A small Azure Table service that runs inside a process: a **development aid**, for demonstrations and tests.
//!
//! It answers table queries over HTTP as the real service does on the wire: SharedKey checked on every request,
//! OData filters with Azure's semantics, pages that end after 1,000 matched rows (or earlier, or empty, with a
//! continuation), the real error bodies. Rows are indexed by partition, so a query over a range of partitions
//! costs that range only, as in a real table and unlike in Azurite.
//!
//! On request it misbehaves: it is slow, throttles, drops connections. A fault strikes by request count and seed,
//! not by chance, so that a failing test fails again. [`OptionsHandle`] switches faults on and off while it runs.
//!
//! What it promises: it never panics on a malformed request, and every row that a query matches is served exactly
//! once to a client that follows the continuations, whatever the options.
//!
//! What it never does: write (there is no insert), store anything on disk, or protect anything: its
//! [account key](ACCOUNT_KEY) is public. It knows strings, numbers and booleans, no dates, GUIDs or binary values,
//! and no authorization but SharedKey.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use table_service::{Data, Options, TableService};
//!
//! let service = TableService::start("127.0.0.1:0".parse()?, Data::demo(), Options::default()).await?;
//! println!("{}", service.connection_string());
//! service.shutdown().await;
//! # Ok(()) }
//! ```

mod answer;
mod audit;
mod auth;
mod continuation;
mod counters;
mod data;
mod demo;
mod error;
mod filter;
mod options;
mod page;
mod request;
mod schedule;
mod server;

pub use audit::Expected;
pub use counters::Counts;
pub use data::{Data, DuplicateRow, Row, Table, Value};
pub use demo::{DEMO_TABLE, demo_rows};
pub use options::{DropConnection, DropWhen, Every, MissingProperty, Options, Throttle, ThrottleStatus};
pub use schedule::OptionsHandle;
pub use server::{Running, StartError, TableService};

/// The service's only account.
pub const ACCOUNT: &str = "demo";

/// The account's key. It is no secret: everybody who has this crate knows it.
pub const ACCOUNT_KEY: &str =
    "bm90IGEgc2VjcmV0OiB0aGUga2V5IG9mIHRoZSBkZXZlbG9wbWVudCB0YWJsZSBzZXJ2aWNlLi4uLi4uLi4uLg==";
