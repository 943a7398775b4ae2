//! The key-value stores of the host.
//!
//! A [`Database`] is one place where values live: a SQLite file in Spin's own format, or memory for tests. A
//! [`Store`] is one label of it, which is what a component opens; [`Stores`] maps the labels of an application to
//! their stores.
//!
//! Promises, the same for both kinds of database:
//! - A write is over when its future resolves: it is durable, and every later read sees it. (SQLite: it is synced to disk,
//!   or will be before [`Database::synced`] resolves; see [`Durability`].)
//! - Each operation happens entirely or not at all, `set_many` and `delete_many` included.
//! - An operation that fails for a reason of its own (a counter that is not one, a swap that finds another value)
//!   changes nothing and disturbs no other, although concurrent writes share transactions.
//! - A compare-and-swap from *missing* creates the key, or tells who was first. It never overwrites.
//! - Labels are isolated from each other, although they share one file.
//!
//! What it never does: keep a second process from opening the file (that is the caller's lock to take), decide who
//! may open which label, or limit sizes.

mod error;
mod memory;
mod sqlite;
mod statistics;
mod store;

pub use error::Error;
pub use sqlite::{Durability, FILE_NAME, SqliteOptions, WriteStats};
pub use statistics::Statistics;
pub use store::{Database, Store, Stores, Swap};

/// What the operations of this crate answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;
