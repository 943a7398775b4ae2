//! Bindings of `wasi:keyvalue`, which the SDK does not offer, made from the interface itself.
#![allow(missing_docs)]

spin_sdk::wit_bindgen::generate!({
    path: "../../wit",
    world: "component",
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
});
