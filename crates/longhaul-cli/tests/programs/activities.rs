//! Activities as they are really called: with traps, streams of reports, large values, and HTTP.

use http::Method;
use longhaul_tests::programs::activity;
use serde_json::{Value, json};

use crate::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_heard_while_an_activity_runs() {
    let Scene { programs, .. } = &Scene::new().await;
    let patient = activity("patient", json!({"ms": 60_000, "key": "slow"}));
    let program = json!({"op": "any", "branches": [patient, {"op": "event", "name": "Go"}]});
    let instance = programs.start("", &program).await.unwrap();
    instance.once("", |shown| shown["progress"].is_u64()).await.unwrap();
    instance.tell("/events/gO", &json!("now")).await.unwrap();
    let shown = instance.finished().await.unwrap();
    assert_eq!(shown["output"], json!({"index": 1, "value": "now"}), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_activity_says_is_shown_while_it_runs() {
    let Scene { programs, .. } = &Scene::new().await;
    let instance = programs.start("", &activity("patient", json!({"ms": 12_000, "key": "p"}))).await.unwrap();
    let first = instance.once("", |shown| shown["progress"].is_u64()).await.unwrap();
    instance.once("", |shown| shown["progress"].as_u64() < first["progress"].as_u64()).await.unwrap();
    let shown = instance.finished().await.unwrap();
    assert_eq!((&shown["output"], &shown["progress"]), (&json!(1), &Value::Null), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_goes_through_an_activity_and_one_too_large_does_not() {
    let Scene { programs, .. } = &Scene::new().await;
    let value = "0123456789abcdef".repeat(1 << 16);
    let instance = programs.start("", &activity("echo", json!(value))).await.unwrap();
    let shown = instance.finished().await.unwrap();
    assert_eq!(shown["status"], "Completed");
    assert!(
        shown["output"] == value.as_str(),
        "{} bytes",
        shown["output"].as_str().unwrap_or_default().len()
    );
    let history = instance.show("?history=true").await.unwrap()["history"].to_string();
    assert!(history.matches(&value).count() >= 2, "history has what was asked for and what came of it");

    // An event that large, which stays in the mailbox until it is waited for.
    let program = json!({"op": "sequence", "steps": [{"op": "event", "name": "first"}, {"op": "event", "name": "big"}]});
    let instance = programs.start("", &program).await.unwrap();
    instance.tell("/events/big", &json!(value)).await.unwrap();
    instance.tell("/events/first", &json!(1)).await.unwrap();
    assert!(instance.finished().await.unwrap()["output"] == json!([1, value]));

    let huge = json!({"program": {"op": "value", "value": value.repeat(9)}, "n": 0});
    let refused = programs.ask(Method::POST, "/start", &huge).await.unwrap();
    assert_eq!(refused.status, 413);
    assert!(refused.body.contains("max_payload"), "{}", refused.body);
    // Small pieces, and together too large.
    let pieces = vec![json!({"op": "event", "name": "piece"}); 9];
    let instance = programs.start("", &json!({"op": "all", "branches": pieces})).await.unwrap();
    for _ in 0..9 {
        instance.tell("/events/piece", &json!(value)).await.unwrap();
    }
    let shown = instance.finished().await.unwrap();
    assert_eq!(shown["status"], "Failed");
    assert!(shown["failure"]["message"].as_str().unwrap().contains("max_payload"), "{}", shown["failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_that_traps_is_called_again_and_so_is_what_it_takes_down() {
    let Scene { programs, .. } = &Scene::new().await;
    let sleep = |ms: u64| activity("sleep", json!({"ms": ms, "value": ms}));
    let branches = json!([sleep(1500), activity("trap", json!("survivor")), sleep(1000)]);
    let output = programs.run(&json!({"op": "all", "branches": branches})).await.unwrap();
    assert_eq!(output, Ok(json!([1500, "survivor", 1000])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_goes_on_from_where_it_stopped() {
    let Scene { programs, .. } = &Scene::new().await;
    assert_eq!(programs.run(&activity("steps", json!({"of": 40}))).await.unwrap(), Ok(json!(40)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_that_does_not_exist_fails_and_says_which_do() {
    let Scene { programs, .. } = &Scene::new().await;
    let message = programs.run(&activity("dance", json!(null))).await.unwrap().unwrap_err();
    assert!(message.contains("dance") && message.contains("echo"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_activity_sends_http_requests() {
    let Scene { programs, .. } = &Scene::new().await;
    let send = |request: Value| activity("BuiltIn::HttpActivity", request);
    let uri = format!("{}/start/by-http", programs.base);
    let content = json!({"program": {"op": "value", "value": "sent"}, "n": 0}).to_string();
    let request = json!({"method": "POST", "uri": uri, "headers": {"X-Any": "1"}, "content": content});
    let output = programs.run(&send(request)).await.unwrap().unwrap();
    assert_eq!((&output["statusCode"], &output["content"]), (&json!(202), &json!(r#"{"id":"by-http"}"#)));
    assert!(output["headers"]["date"].is_string(), "{output}");
    assert_eq!(programs.instance("by-http").finished().await.unwrap()["output"], "sent");

    // Any status is an answer.
    let missing = json!({"method": "GET", "uri": format!("{}/nowhere", programs.base)});
    assert_eq!(programs.run(&send(missing)).await.unwrap().unwrap()["statusCode"], 404);
    for (request, kind) in [
        (json!({"method": "GET", "uri": "http://127.0.0.1:9"}), "HttpRequestFailed"),
        (json!({"method": "GET", "uri": "http://api.example.org/"}), "HttpRequestDenied"),
        (json!({"method": "GET", "uri": "/relative"}), "HttpRequestMalformed"),
    ] {
        let shown = programs.start("", &send(request.clone())).await.unwrap().finished().await.unwrap();
        assert_eq!(shown["failure"]["type"], kind, "{request}: {shown:#}");
        let retriable = shown["failure"]["retriable"].as_bool().unwrap();
        assert_eq!(retriable, kind == "HttpRequestFailed", "{request}");
        let says_what_to_do =
            shown["failure"]["message"].as_str().unwrap().contains("allowed_outbound_hosts");
        assert_eq!(says_what_to_do, kind == "HttpRequestDenied", "{request}");
    }
}
