//! `fermyon:spin/key-value@2.0.0`, which components of earlier Spin SDKs import.

use longhaul_kv::Store;
use wasmtime::component::Resource;

use crate::bindings::fermyon::spin::key_value::{Error, Host, HostStore};
use crate::instance::InstanceState;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

fn other(error: longhaul_kv::Error) -> Error {
    Error::Other(error.to_string())
}

impl HostStore for InstanceState {
    async fn open(&mut self, label: String) -> Answer<Resource<Store>> {
        match self.open_store(&label) {
            Some(store) => Ok(Ok(self.table.push(store)?)),
            None => Ok(Err(Error::AccessDenied)),
        }
    }

    async fn get(&mut self, handle: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.store_of(&handle)?.get(&key).await.map_err(other))
    }

    async fn set(&mut self, handle: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.store_of(&handle)?.set(&key, value).await.map_err(other))
    }

    async fn delete(&mut self, handle: Resource<Store>, key: String) -> Answer<()> {
        Ok(self.store_of(&handle)?.delete(&key).await.map_err(other))
    }

    async fn exists(&mut self, handle: Resource<Store>, key: String) -> Answer<bool> {
        Ok(self.store_of(&handle)?.exists(&key).await.map_err(other))
    }

    async fn get_keys(&mut self, handle: Resource<Store>) -> Answer<Vec<String>> {
        Ok(self.store_of(&handle)?.keys().await.map_err(other))
    }

    async fn drop(&mut self, handle: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl Host for InstanceState {}
