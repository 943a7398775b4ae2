//! Azure's Python client library, as it is, in front of the running application.

use std::process::Command;

use crate::{KEY, Scene, python};

#[tokio::test(flavor = "multi_thread")]
async fn azures_python_client_library_works_with_all_its_methods() {
    let Some(programs) = python::programs() else { return };
    let scene = Scene::new().await;
    let base = scene.app.base().replace("http://", &format!("http://longhaul:{KEY}@"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/management/client.py");
    let mut command = Command::new(programs.join("python"));
    command.arg(script).arg(base);
    let said = tokio::task::spawn_blocking(move || python::run(&mut command)).await.unwrap().unwrap();
    assert!(said.contains("all methods work"), "{said}");
    assert!(!scene.logs().contains(KEY), "the key is in a log");
}
