//! `spin:key-value@3.0.0`, whose functions overlap.

use longhaul_kv::Store;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::instance::{InstanceState, Offered};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

fn other(error: longhaul_kv::Error) -> Error {
    Error::Other(error.to_string())
}

fn store_of<T: 'static>(
    accessor: &Accessor<T, Offered>,
    handle: &Resource<Store>,
) -> wasmtime::Result<Store> {
    accessor.with(|mut access| access.get().store_of(handle))
}

impl<T: Send + 'static> HostStoreWithStore<T> for Offered {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Answer<Resource<Store>> {
        accessor.with(|mut access| {
            let state = access.get();
            match state.open_store(&label) {
                Some(store) => Ok(Ok(state.table.push(store)?)),
                None => Ok(Err(Error::AccessDenied)),
            }
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        Ok(store_of(accessor, &handle)?.get(&key).await.map_err(other))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        Ok(store_of(accessor, &handle)?.set(&key, value).await.map_err(other))
    }

    async fn delete(accessor: &Accessor<T, Self>, handle: Resource<Store>, key: String) -> Answer<()> {
        Ok(store_of(accessor, &handle)?.delete(&key).await.map_err(other))
    }

    async fn exists(accessor: &Accessor<T, Self>, handle: Resource<Store>, key: String) -> Answer<bool> {
        Ok(store_of(accessor, &handle)?.exists(&key).await.map_err(other))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let keys = store_of(accessor, &handle)?.keys().await;
        let (keys, outcome) = match keys {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(other(error))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}

impl HostStore for InstanceState {
    async fn drop(&mut self, handle: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl Host for InstanceState {}
