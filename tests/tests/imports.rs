//! The components import what a Spin host offers and nothing else, so that they run there unchanged.

use longhaul_tests::app::COMPONENTS;
use longhaul_tests::guests;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// What the interfaces of a Spin host begin with: the interface, and the versions that it has there.
const OFFERED: [&str; 14] = [
    "spin:key-value/key-value@3.0.0",
    "spin:variables/variables@3.0.0",
    "wasi:keyvalue/store@0.2.0-draft2",
    "wasi:keyvalue/atomics@0.2.0-draft2",
    "wasi:keyvalue/batch@0.2.0-draft2",
    "wasi:http/types@0.3.0",
    "wasi:http/client@0.3.0",
    "wasi:clocks/types@0.3.0",
    "wasi:clocks/monotonic-clock@0.3.0",
    "wasi:clocks/system-clock@0.3.0",
    "wasi:cli/",
    "wasi:io/",
    "wasi:random/",
    "wasi:clocks/",
];

#[test]
fn the_components_import_only_what_a_spin_host_offers() {
    let directory = guests::build(&COMPONENTS).unwrap();
    for component in COMPONENTS {
        let wasm = std::fs::read(directory.join(format!("{component}.wasm"))).unwrap();
        let imports = imports(&wasm);
        assert!(!imports.is_empty(), "{component} imports nothing: is it a component?");
        for import in imports {
            let offered = OFFERED.iter().any(|offer| match offer.strip_suffix('/') {
                // From the standard library: version 0.2 of these packages.
                Some(package) => import.starts_with(&format!("{package}/")) && import.contains("@0.2."),
                None => import == *offer,
            });
            assert!(offered, "{component} imports {import}, which a Spin host may not offer");
        }
    }
}

fn imports(wasm: &[u8]) -> Vec<String> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).unwrap();
    let component = Component::new(&engine, wasm).unwrap();
    component.component_type().imports(&engine).map(|(name, _)| name.to_owned()).collect()
}
