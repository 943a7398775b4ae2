//! What the engine asks of a key-value store: no more than Spin's interfaces give on every backend.

use thiserror::Error;

/// A call that failed. Whether a write took effect is then unknown, and it may still take effect later.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the key-value store failed: {0}")]
pub struct StoreError(pub String);

/// What a store says of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// It took effect. Nobody may say so of one that did not.
    Done,
    /// It may have, or not.
    Unknown,
}

/// A key-value store, shared with other processes.
///
/// Every write that was answered with `Ok` is seen by every later read, and is durable, at the latest before anything that
/// follows from it leaves the host. Futures need not be `Send`: a
/// component runs on one thread.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// The value of `key`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes `key`. After an error it is never repeated: a late first one could land on top of later state.
    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError>;

    /// Writes several keys, in this order where the backend has no transaction for them.
    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError>;

    /// Removes keys that nobody will write again. Missing ones are no error.
    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError>;

    /// Adds 1 to the counter `key` (missing: 0) and answers a value that no other call is answered. On some backends
    /// it skips numbers; after an error it may be repeated.
    async fn increment(&self, key: &str) -> Result<u64, StoreError>;

    /// Replaces `expected`, the exact bytes that were acted on, by `new`: opens the backend's compare-and-swap, and
    /// sends the swap only if the value that it then compares with is `expected`.
    ///
    /// Some backends report a failure for a swap that took effect. What is no certain success is [`Swapped::Unknown`], and
    /// the effect is known only by reading the key.
    ///
    /// `key` was created by [`Store::set`] or [`Store::increment`]: a swap from *missing* is not to be had.
    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError>;
}
