//! The component's key-value store.
//!
//! Plain reads and writes go through `spin:key-value`, whose calls do not hold up the other tasks of the instance; what
//! needs more goes through `wasi:keyvalue`, whose calls do, for as long as the host takes.

use longhaul::{Store, StoreError, Swapped};
use spin_sdk::key_value;

use crate::bindings::wasi::keyvalue::{atomics, batch, store as bucket};

/// A store that is open through both interfaces.
pub struct SpinStore {
    plain: key_value::Store,
    bucket: bucket::Bucket,
}

impl SpinStore {
    /// Opens the store `label`, which the manifest must list among the component's `key_value_stores`.
    ///
    /// # Errors
    /// When the host does not open it.
    pub async fn open(label: &str) -> Result<Self, StoreError> {
        let failed = |error: String| StoreError(format!("opening the store '{label}': {error}"));
        let plain = key_value::Store::open(label).await.map_err(|error| failed(error.to_string()))?;
        let bucket = bucket::open(label).map_err(|error| failed(describe(&error)))?;
        Ok(Self { plain, bucket })
    }
}

impl Store for SpinStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.plain.get(key).await.map_err(plain)
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.plain.set(key, value).await.map_err(plain)
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        batch::set_many(&self.bucket, &entries).map_err(failed)
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        batch::delete_many(&self.bucket, &keys).map_err(failed)
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        let value = atomics::increment(&self.bucket, key, 1).map_err(failed)?;
        u64::try_from(value).map_err(|_| StoreError(format!("the counter '{key}' is negative: {value}")))
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        let cas = atomics::Cas::new(&self.bucket, key).map_err(failed)?;
        if cas.current().map_err(failed)?.as_deref() != Some(expected) {
            return Ok(Swapped::Unknown);
        }
        match atomics::swap(cas, &new) {
            Ok(()) => Ok(Swapped::Done),
            // It may mean that the value was changed, or that the backend always says so.
            Err(atomics::CasError::CasFailed(_)) => Ok(Swapped::Unknown),
            Err(atomics::CasError::StoreError(error)) => Err(failed(error)),
        }
    }
}

fn plain(error: key_value::Error) -> StoreError {
    StoreError(error.to_string())
}

fn failed(error: bucket::Error) -> StoreError {
    StoreError(describe(&error))
}

fn describe(error: &bucket::Error) -> String {
    match error {
        bucket::Error::NoSuchStore => "there is no such store".to_owned(),
        bucket::Error::AccessDenied => "the manifest does not give the component this store".to_owned(),
        bucket::Error::Other(message) => message.clone(),
    }
}
