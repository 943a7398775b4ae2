//! The three key-value interfaces, over `longhaul_kv`.
//!
//! All of them agree on what a component may do: it opens the labels that its manifest lists in `key_value_stores`,
//! and any other label is *access denied*.

mod spin_v2;
mod spin_v3;
mod wasi;

use longhaul_kv::Store;
use wasmtime::component::Resource;

use crate::instance::InstanceState;

/// A handle for a compare-and-swap on one key: it remembers the value that must not have changed.
pub struct Cas {
    store: Store,
    key: String,
    seen: Option<Vec<u8>>,
    /// Whether nobody has asked yet what that is.
    is_fresh: bool,
}

impl InstanceState {
    /// The store under `label`, if the component may open it.
    fn open_store(&self, label: &str) -> Option<Store> {
        self.component.stores.open(label)
    }

    /// The store that a component's handle stands for. A clone, so that nothing is borrowed while an operation runs.
    fn store_of(&self, handle: &Resource<Store>) -> wasmtime::Result<Store> {
        Ok(self.table.get(handle)?.clone())
    }
}
