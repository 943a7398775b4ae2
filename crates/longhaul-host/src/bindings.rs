//! Bindings generated from `wit/world.wit`: what the host offers beside WASI.
//!
//! Functions that are asynchronous in WIT get an `Accessor` and overlap within an instance; those that are not hold up
//! their instance, but never a thread.

#![allow(missing_docs, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "host",
    imports: { default: async | trappable },
    with: {
        "spin:key-value/key-value.store": longhaul_kv::Store,
        "fermyon:spin/key-value.store": longhaul_kv::Store,
        "wasi:keyvalue/store.bucket": longhaul_kv::Store,
        "wasi:keyvalue/atomics.cas": crate::key_value::Cas,
    },
    require_store_data_send: true,
});
