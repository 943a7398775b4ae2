//! A client of the Azure Table service that does no I/O of its own.
//!
//! It turns a connection string and a query into signed HTTP requests, follows the continuation tokens from page to
//! page, tries again what may pass, and says clearly what will not. Whoever uses it brings the transport and the
//! clock ([`HttpClient`], [`Clock`]), so the same code runs natively, in WebAssembly, and in tests on virtual time.
//!
//! It promises that
//! - a value given as a filter parameter stays a value, whatever characters it contains ([`Filter`]),
//! - every page is delivered complete and once: a body that was cut off is asked for again, never half used,
//! - memory grows with a page and with the distinct values, not with the table ([`count_distinct`]),
//! - no error and no `Debug` output contains a key, a signature or a query string.
//!
//! It never opens a connection, reads a clock, or logs; it never changes a table.
//!
//! ```no_run
//! # async fn example(http: impl azure_tables::HttpClient, clock: impl azure_tables::Clock)
//! #     -> Result<(), azure_tables::Error> {
//! use azure_tables::{Filter, Query, TableClient, Value, count_distinct};
//!
//! let client = TableClient::new("UseDevelopmentStorage=true".parse()?, http, clock);
//! let since = Value::from("2021-10-10");
//! let query = Query::new("audit".parse()?).filter(Filter::with_parameters(
//!     "PartitionKey ge @since and CertNumber ne ''",
//!     &[("since", since)],
//! )?);
//! let count = count_distinct(&client, &query, "identificationNumber").await?;
//! println!("{} in {} rows", count.distinct, count.rows);
//! # Ok(())
//! # }
//! ```

mod client;
mod connection_string;
mod distinct;
mod endpoint;
mod error;
mod failure;
mod filter;
mod page;
mod partition_range;
mod query;
mod request;
mod retry;
mod sas;
pub mod shared_key;
mod table_name;
mod transport;
mod value;

pub use client::{Pages, TableClient};
pub use connection_string::{ConnectionString, ConnectionStringError, Credential};
pub use distinct::{DistinctCount, DistinctValues, count_distinct};
pub use endpoint::Endpoint;
pub use error::Error;
pub use failure::ServiceFailure;
pub use filter::{Filter, FilterError};
pub use page::{Continuation, Page, UnreadablePage};
pub use partition_range::PartitionRange;
pub use query::Query;
pub use retry::RetryPolicy;
pub use sas::{InvalidSasToken, SasToken};
pub use jiff::Timestamp;
pub use table_name::{InvalidTableName, TableName};
pub use transport::{Clock, HttpClient, TransportError};
pub use value::Value;
