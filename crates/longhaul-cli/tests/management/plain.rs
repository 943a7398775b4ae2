//! Plain requests: what Logic Apps, scripts and browsers send.

use std::time::Duration;

use http::Method;
use longhaul_tests::app::Launch;
use longhaul_tests::http_client::{Answer, send, send_with_body};
use serde_json::{Value, json};

use crate::{HOST, KEY, Scene};

const WEBHOOKS: &str = "/runtime/webhooks/durabletask";

async fn start(scene: &Scene, path: &str, program: Value) -> Answer {
    let url = format!("{}{WEBHOOKS}/orchestrators/program{path}", scene.app.base());
    let headers = [("x-functions-key", KEY), ("content-type", "application/json")];
    send_with_body(Method::POST, &url, &headers, json!({"program": program}).to_string()).await.unwrap()
}

async fn get(url: &str) -> Answer {
    send(Method::GET, url, &[]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_locations_comes_to_the_end() {
    let scene = Scene::new().await;
    let started = start(&scene, "/logic", json!({"op": "timer", "ms": 1500})).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let mut answer = get(started.header("location")).await;
    let mut polls = 1;
    while answer.status == 202 {
        assert_eq!(answer.header("retry-after"), "5");
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = get(answer.header("location")).await;
        polls += 1;
    }
    assert_eq!(
        (answer.status.as_u16(), &answer.json().unwrap()["runtimeStatus"]),
        (200, &json!("Completed"))
    );
    assert!(polls > 2, "it had finished at once");
    // The links are all that it needs, and they work in any case of the path.
    let links = started.json().unwrap();
    let status = links["statusQueryGetUri"].as_str().unwrap();
    assert_eq!(get(&status.replace("durabletask", "durableTask")).await.status, 200);
    let purge = links["purgeHistoryDeleteUri"].as_str().unwrap();
    let purged = send(Method::DELETE, purge, &[]).await.unwrap();
    assert_eq!((purged.status.as_u16(), purged.body.as_str()), (200, r#"{"instancesDeleted":1}"#));
    assert_eq!(get(status).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_the_output() {
    let scene = Scene::new().await;
    let program = json!({"op": "activity", "name": "echo", "input": {"a": 1}});
    let done = start(&scene, "?timeout=30", program).await;
    assert_eq!((done.status.as_u16(), done.json().unwrap()), (200, json!({"a": 1})));
    let late = start(&scene, "?timeout=0.3", json!({"op": "event", "name": "never"})).await;
    assert_eq!(late.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_the_key_and_attempts_are_logged_without_what_was_presented() {
    let scene = Scene::new().await;
    let links = start(&scene, "/mine", json!({"op": "event", "name": "never"})).await.json().unwrap();
    let terminate = links["terminatePostUri"].as_str().unwrap();
    let instances = format!("{}{WEBHOOKS}/instances", scene.app.base());
    for url in [
        instances.clone(),
        format!("{instances}?code=not-the-key"),
        format!("{instances}/mine?code=not-the-key"),
        terminate.replace("/mine/", "/other/"),
        terminate.replace("/terminate", "/suspend"),
        terminate.replace("code=l1.", "code=l1.9"),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = send(method.clone(), &url, &[]).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, ""), "{method} {url}");
        }
    }
    assert_eq!(send(Method::GET, terminate, &[]).await.unwrap().status, 401, "another method");
    assert_eq!(send(Method::POST, terminate, &[]).await.unwrap().status, 202);
    let logs = scene.logs();
    assert!(
        logs.contains("the management API refused GET /runtime/webhooks/durabletask/instances: "),
        "{logs}"
    );
    let code = terminate.split("code=").nth(1).unwrap();
    for secret in [KEY, "not-the-key", code] {
        assert!(!logs.contains(secret), "{secret} is in a log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_not_read_to_its_end() {
    let state = tempfile::tempdir().unwrap();
    let launch =
        Launch::program(HOST, state.path()).variable("management_key", KEY).variable("max_payload", "1000");
    let app = tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap();
    let scene = Scene { app, state };
    let sizes = [(900, 202), (1900, 413), (100_000, 413)];
    for (size, status) in sizes {
        let answer = start(&scene, "", json!({"op": "value", "value": "x".repeat(size)})).await;
        assert_eq!(answer.status, status, "{size}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_from_outside_wakes_the_scheduler() {
    let scene = Scene::new().await;
    let url = format!("{}{WEBHOOKS}/tick", scene.app.base());
    let answer = send(Method::POST, &url, &[("authorization", &format!("Bearer {KEY}"))]).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (202, ""));
}
