//! A client of the Azure Table service that does no I/O of its own.
//!
//! It turns a connection string and a query, or a change of an entity, into authorized HTTP requests, follows the
//! continuation tokens from page to page, tries again what may pass, and says clearly what will not. Whoever uses it brings the transport and the
//! clock ([`HttpClient`], [`Clock`]), so the same code runs natively, in WebAssembly, and in tests on virtual time.
//!
//! It promises that
//! - a value given as a filter parameter stays a value, whatever characters it contains ([`Filter`]),
//! - every page is delivered complete and once: a body that was cut off is asked for again, never half used,
//! - a request is sent again only where that does no harm: reads, upserts, updates and deletes after any passing
//!   failure; an insert, or a transaction with one, only if the service was too busy to begin,
//! - a change whose outcome is not known is never reported as made or as refused ([`Error::OutcomeUnknown`]),
//! - memory grows with a page and with the distinct values, not with the table ([`count_distinct`]),
//! - no error and no `Debug` output contains a key, a signature or a query string.
//!
//! It never opens a connection, reads a clock, or logs; it never creates or deletes a table, and changes entities only
//! by the methods that say so ([`TableClient::write`], [`TableClient::transact`] and their short forms).
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
//!
//! Entities with their types come one after the other, whatever pages the service makes of them:
//!
//! ```no_run
//! # async fn example(client: azure_tables::TableClient<impl azure_tables::HttpClient, impl azure_tables::Clock>)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use azure_tables::{Comparison, Property, Query, Value};
//! use futures::TryStreamExt as _;
//!
//! let slow = Property::new("durationMs")?.is(Comparison::Gt, Value::Int64(2_000))?;
//! let failed = Property::new("succeeded")?.is(Comparison::Eq, Value::Bool(false))?;
//! let query = Query::new("audit".parse()?).filter(slow.or(&failed)).select(["durationMs"]);
//! let mut entities = std::pin::pin!(client.entities(&query));
//! while let Some(entity) = entities.try_next().await? {
//!     println!("{}: {:?}", entity.key().row_key(), entity.get("durationMs"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! An entity is read, changed, and written if nobody else has changed it meanwhile:
//!
//! ```no_run
//! # async fn example(client: azure_tables::TableClient<impl azure_tables::HttpClient, impl azure_tables::Clock>)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use azure_tables::{EntityKey, Error, IfMatch, Value, WriteMode};
//!
//! let table = "audit".parse()?;
//! let entity = client.get(&table, &EntityKey::new("2021-10-10", "1")?).await?;
//! let version = entity.etag().cloned().map_or(IfMatch::Any, IfMatch::Version);
//! let entity = entity.with("reviewed", Value::Bool(true))?;
//! match client.update(&table, entity, WriteMode::Replace, version).await {
//!     Ok(_) => println!("reviewed"),
//!     Err(Error::PreconditionFailed(_)) => println!("changed by somebody else: read it again"),
//!     Err(Error::OutcomeUnknown(why)) => println!("perhaps reviewed: read it again ({why})"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod condition;
mod connection_string;
mod distinct;
mod entity;
mod error;
mod filter;
mod key;
mod operation;
mod page;
mod partition_range;
mod query;
mod request;
mod sas;
mod scan;
pub mod shared_key;
mod stream;
mod table_name;
mod transaction;
mod value;
mod write;

use azure_core::{failure, retry};

pub use azure_core::{
    AccessToken, Clock, Endpoint, HttpClient, RetryPolicy, ServiceFailure, Timestamp, TokenError,
    TokenProvider, TokenSource, TransportError,
};
pub use client::{Pages, TableClient};
pub use condition::{Comparison, Property};
pub use connection_string::{ConnectionString, ConnectionStringError, Credential};
pub use distinct::{DistinctCount, DistinctValues, NewValues, count_distinct};
pub use entity::{Entity, InvalidProperty};
pub use error::Error;
pub use filter::{Filter, FilterError};
pub use key::{ETag, EntityKey, InvalidETag, InvalidKey};
pub use operation::{IfMatch, Operation, WriteMode};
pub use page::{Continuation, Page, UnreadablePage};
pub use partition_range::PartitionRange;
pub use query::Query;
pub use request::TOKEN_SCOPE;
pub use sas::{InvalidSasToken, SasToken};
pub use scan::{DistinctScan, ScanCursor, ScanOptions, ScanProgress};
pub use table_name::{InvalidTableName, TableName};
pub use transaction::{InvalidTransaction, Transaction};
pub use value::Value;
