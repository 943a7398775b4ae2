//! Applications that cannot be run are refused with a message that says why.

use std::path::Path;

use longhaul_host::{LoadError, StateDirError};
use longhaul_manifest::Manifest;

use crate::harness::{config, load, manifest};

async fn refusal(manifest: Manifest, directory: &Path) -> LoadError {
    match load(manifest, config(directory)).await {
        Ok(_) => panic!("the application was loaded"),
        Err(error) => error,
    }
}

/// The probes' manifest, with `main`'s file replaced by one with these bytes.
fn with_source(directory: &Path, bytes: &[u8]) -> Manifest {
    let source = directory.join("main.wasm");
    std::fs::write(&source, bytes).unwrap();
    let mut manifest = manifest("");
    manifest.components.get_mut("main").unwrap().source = source;
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_has_one_host_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = load(manifest(""), config(directory.path())).await.unwrap();
    let error = refusal(manifest(""), directory.path()).await;
    assert!(matches!(error, LoadError::State(StateDirError::InUse { .. })), "{error}");
    assert!(error.to_string().contains("--state-dir"));
    drop(first);
    load(manifest(""), config(directory.path())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_was_not_built_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut manifest = manifest("");
    manifest.components.get_mut("main").unwrap().source = "target/nothing.wasm".into();
    let error = refusal(manifest, directory.path()).await.to_string();
    assert!(error.contains("main") && error.contains("nothing.wasm") && error.contains("--build"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_component_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = with_source(directory.path(), b"not wasm");
    let error = refusal(manifest, directory.path()).await;
    assert!(matches!(error, LoadError::InvalidComponent { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_the_host_does_not_offer_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // (component (import "spin:redis/redis@3.0.0" (instance (export "ping" (func)))))
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    let instance_type = b"\x01\x42\x02\x01\x40\0\x01\0\x04\0\x04ping\x01\0";
    component.extend([7, instance_type.len() as u8]);
    component.extend(instance_type);
    let import = b"\x01\0\x16spin:redis/redis@3.0.0\x05\0";
    component.extend([10, import.len() as u8]);
    component.extend(import);

    let error = refusal(with_source(directory.path(), &component), directory.path()).await;
    assert!(matches!(error, LoadError::Imports { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("component main") && message.contains("spin:redis/redis@3.0.0"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_a_handler_says_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let error = refusal(with_source(directory.path(), b"\0asm\x0d\0\x01\0"), directory.path()).await;
    assert!(matches!(error, LoadError::NotAHandler { .. }), "{error}");
}
