//! `wasi:keyvalue@0.2.0-draft2`: buckets, atomic operations and batches.
//!
//! A compare-and-swap succeeds exactly if the value is still the one that the handle saw, a missing one included: where
//! Spin's SQLite store overwrites blindly, this one creates the key or reports failure. A handle has seen the value
//! from the moment it is made, so that a swap without `current` is no blind overwrite either, and the first `current`
//! answers what it saw then.

use longhaul_kv::{Store, Swap};
use wasmtime::component::Resource;

use super::Cas;
use crate::bindings::wasi::keyvalue::atomics::{self, CasError};
use crate::bindings::wasi::keyvalue::batch;
use crate::bindings::wasi::keyvalue::store::{self, Error, KeyResponse};
use crate::instance::InstanceState;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

fn other(error: longhaul_kv::Error) -> Error {
    Error::Other(error.to_string())
}

impl store::Host for InstanceState {
    async fn open(&mut self, label: String) -> Answer<Resource<Store>> {
        match self.open_store(&label) {
            Some(store) => Ok(Ok(self.table.push(store)?)),
            None => Ok(Err(Error::AccessDenied)),
        }
    }
}

impl store::HostBucket for InstanceState {
    async fn get(&mut self, bucket: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.store_of(&bucket)?.get(&key).await.map_err(other))
    }

    async fn set(&mut self, bucket: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.store_of(&bucket)?.set(&key, value).await.map_err(other))
    }

    async fn delete(&mut self, bucket: Resource<Store>, key: String) -> Answer<()> {
        Ok(self.store_of(&bucket)?.delete(&key).await.map_err(other))
    }

    async fn exists(&mut self, bucket: Resource<Store>, key: String) -> Answer<bool> {
        Ok(self.store_of(&bucket)?.exists(&key).await.map_err(other))
    }

    async fn list_keys(&mut self, bucket: Resource<Store>, cursor: Option<String>) -> Answer<KeyResponse> {
        // All keys are on the first page, so no cursor was ever given out.
        if cursor.is_some() {
            return Ok(Err(Error::Other("unknown cursor: list-keys answers all keys at once".to_owned())));
        }
        let keys = self.store_of(&bucket)?.keys().await;
        Ok(keys.map(|keys| KeyResponse { keys, cursor: None }).map_err(other))
    }

    async fn drop(&mut self, bucket: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::HostCas for InstanceState {
    async fn new(&mut self, bucket: Resource<Store>, key: String) -> Answer<Resource<Cas>> {
        let store = self.store_of(&bucket)?;
        match store.get(&key).await {
            Ok(seen) => Ok(Ok(self.table.push(Cas { store, key, seen, is_fresh: true })?)),
            Err(error) => Ok(Err(other(error))),
        }
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        let handle = self.table.get_mut(&cas)?;
        if std::mem::take(&mut handle.is_fresh) {
            return Ok(Ok(handle.seen.clone()));
        }
        let (store, key) = (handle.store.clone(), handle.key.clone());
        match store.get(&key).await {
            Ok(seen) => {
                self.table.get_mut(&cas)?.seen.clone_from(&seen);
                Ok(Ok(seen))
            }
            Err(error) => Ok(Err(other(error))),
        }
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl atomics::Host for InstanceState {
    async fn increment(&mut self, bucket: Resource<Store>, key: String, delta: i64) -> Answer<i64> {
        Ok(self.store_of(&bucket)?.increment(&key, delta).await.map_err(other))
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> wasmtime::Result<Result<(), CasError>> {
        let Cas { store, key, seen, .. } = self.table.delete(cas)?;
        match store.compare_and_swap(&key, seen.as_deref(), value).await {
            Ok(Swap::Done) => Ok(Ok(())),
            Ok(Swap::Changed(found)) => {
                let fresh = self.table.push(Cas { store, key, seen: found, is_fresh: true })?;
                Ok(Err(CasError::CasFailed(fresh)))
            }
            Err(error) => Ok(Err(CasError::StoreError(other(error)))),
        }
    }
}

impl batch::Host for InstanceState {
    async fn get_many(
        &mut self,
        bucket: Resource<Store>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        match self.store_of(&bucket)?.get_many(&keys).await {
            // As in Spin, missing keys are left out.
            Ok(values) => Ok(Ok(keys.into_iter().zip(values).filter(|(_, value)| value.is_some()).collect())),
            Err(error) => Ok(Err(other(error))),
        }
    }

    async fn set_many(&mut self, bucket: Resource<Store>, pairs: Vec<(String, Vec<u8>)>) -> Answer<()> {
        Ok(self.store_of(&bucket)?.set_many(pairs).await.map_err(other))
    }

    async fn delete_many(&mut self, bucket: Resource<Store>, keys: Vec<String>) -> Answer<()> {
        Ok(self.store_of(&bucket)?.delete_many(keys).await.map_err(other))
    }
}
