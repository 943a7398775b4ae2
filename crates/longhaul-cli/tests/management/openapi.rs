//! The OpenAPI document against the running server.

use std::process::Command;

use http::Method;
use longhaul_tests::http_client::send;
use serde_json::Value;

use crate::{KEY, Scene, python};

const WEBHOOKS: &str = "/runtime/webhooks/durabletask";
/// For how long the tester makes requests up.
const SECONDS: &str = "40";
/// What it does: the same in each run. Its fourth phase follows links from answer to answer, and is another in each run,
/// since the ids that it follows are: it is for whoever looks for mistakes, with the same configuration.
const PHASES: &str = "examples,coverage,fuzzing";

#[tokio::test(flavor = "multi_thread")]
async fn an_api_tester_finds_nothing_that_the_document_does_not_say() {
    let Some(programs) = python::programs() else { return };
    let scene = Scene::new().await;
    let base = format!("{}{WEBHOOKS}", scene.app.base());
    let directory = tempfile::tempdir().unwrap();
    let configuration = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/management/schemathesis.toml");
    let mut command = Command::new(programs.join("schemathesis"));
    command.current_dir(directory.path()).args(["--config-file", configuration, "run"]);
    command.arg(format!("{base}/openapi.json")).args(["--url", &base]);
    command.args([
        "--phases",
        PHASES,
        "--max-time",
        SECONDS,
        "--no-color",
        "--header",
        &format!("x-functions-key: {KEY}"),
    ]);
    let said = tokio::task::spawn_blocking(move || python::run(&mut command)).await.unwrap();
    let said = said.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_for_those_who_have_the_key() {
    let scene = Scene::new().await;
    let url = format!("{}{WEBHOOKS}/openapi.json", scene.app.base());
    assert_eq!(send(Method::GET, &url, &[]).await.unwrap().status, 401);
    let document: Value = send(Method::GET, &url, &[("x-functions-key", KEY)]).await.unwrap().json().unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}
