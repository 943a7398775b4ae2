//! Showing one instance, the document, the tick.

use std::time::Duration;

use longhaul::Concern;
use longhaul_management::OPERATIONS;
use serde_json::{Value, json};

use crate::scene::{KEY, Scene, WEBHOOKS, waits};

#[test]
fn a_status_has_azures_members_in_azures_order() {
    let scene = Scene::with_instances();
    let answer = scene.ask("GET", "instances/Completed", &Value::Null);
    let created = answer.json()["createdTime"].as_str().unwrap().to_owned();
    let updated = answer.json()["lastUpdatedTime"].as_str().unwrap().to_owned();
    let input = r#"{"program":{"op":"value","value":{"a":1}}}"#;
    let expected = format!(
        r#"{{"name":"program","instanceId":"Completed","runtimeStatus":"Completed","input":{input},"customStatus":null,"output":{{"a":1}},"createdTime":"{created}","lastUpdatedTime":"{updated}"}}"#
    );
    assert_eq!((answer.status, answer.body.as_str()), (200, expected.as_str()));
    assert!(created.len() == "2023-11-14T22:13:20Z".len() && created.ends_with('Z'), "{created}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for (id, status, output) in [
        ("Running", 202, Value::Null),
        ("Suspended", 202, Value::Null),
        ("Failed", 200, json!("boom")),
        ("Terminated", 200, json!("enough")),
    ] {
        let answer = scene.ask("GET", &format!("Instances/{id}/"), &Value::Null);
        assert_eq!((answer.status, &answer.json()["output"]), (status, &output), "{id}");
        let retry = (status == 202).then_some("5");
        assert_eq!(
            (answer.header("retry-after"), answer.header("location").is_some()),
            (retry, status == 202),
            "{id}"
        );
    }
    let missing = scene.ask("GET", "instances/nobody", &Value::Null);
    assert_eq!((missing.status, missing.body.as_str()), (404, ""));
    assert_eq!(scene.ask("GET", "instances/%40e%40k", &Value::Null).status, 400);
}

#[test]
fn a_failure_is_a_500_for_who_asks_for_that() {
    let scene = Scene::with_instances();
    for (id, status) in [("Failed", 500), ("Completed", 200), ("Terminated", 200), ("Running", 202)] {
        let path = format!("instances/{id}?returnInternalServerErrorOnFailure=True");
        let answer = scene.ask("GET", &path, &Value::Null);
        assert_eq!((answer.status, &answer.json()["runtimeStatus"]), (status, &json!(id)));
    }
}

#[test]
fn a_history_is_shown_with_what_is_asked_for() {
    let scene = Scene::new();
    scene.start("h", json!({"op": "sequence", "steps": [waits(), {"op": "status", "value": "half"}]}));
    scene.ask("POST", "instances/h/raiseEvent/go", &json!({"x": 1}));
    let show = |parameters: &str| scene.ask("GET", &format!("instances/h?{parameters}"), &Value::Null).json();
    assert_eq!(show("")["customStatus"], "half");
    assert_eq!(show("").get("historyEvents"), None);
    let events = show("showHistory=true")["historyEvents"].clone();
    let kinds: Vec<_> = events.as_array().unwrap().iter().map(|event| event["EventType"].clone()).collect();
    assert_eq!(kinds, ["ExecutionStarted", "EventRaised", "ExecutionCompleted"]);
    assert_eq!((&events[1]["Name"], &events[1]["Input"]), (&json!("go"), &json!({"x": 1})));
    assert_eq!((events[2].get("Result"), events[0].get("EventId")), (None, None));
    let events = show("showHistory=True&showHistoryOutput=true&showInput=false&showEventIds=true");
    let (started, ended) = (&events["historyEvents"][0], &events["historyEvents"][2]);
    assert_eq!((&events["input"], started.get("Input")), (&Value::Null, None));
    assert_eq!((&ended["Result"], started["EventId"].is_number()), (&json!([{"x": 1}, null]), true));
    assert!(events["executionId"].is_string());
}

#[test]
fn who_looks_at_an_instance_that_is_overdue_has_it_seen_to() {
    let scene = Scene::new();
    scene.start("t", json!({"op": "timer", "ms": 3_600_000}));
    scene.start("e", waits());
    assert_eq!(scene.concerns(), []);
    scene.sleep(Duration::from_secs(60));
    scene.ask("GET", "instances/e", &Value::Null);
    assert_eq!(scene.concerns(), [Concern::Quiet]);
    scene.sleep(Duration::from_secs(3600));
    scene.ask("GET", "instances/t", &Value::Null);
    assert_eq!(scene.concerns(), [Concern::Overdue]);
}

#[test]
fn a_long_value_is_shown_whole() {
    let scene = Scene::new().with_long_values();
    let long = "x".repeat(100_000);
    scene.start("long", json!({"op": "value", "value": long}));
    let shown = scene.ask("GET", "instances/long", &Value::Null).json();
    assert_eq!((&shown["output"], &shown["input"]["program"]["value"]), (&json!(long), &json!(long)));
    let listed = scene.ask("GET", "instances", &Value::Null).json();
    assert_eq!(listed[0], shown);
    let listed = scene.ask("GET", "instances?showInput=false", &Value::Null).json();
    assert_eq!((&listed[0]["output"], &listed[0]["input"]), (&json!(long), &Value::Null));
}

#[test]
fn a_tick_wakes_the_scheduler_or_says_that_it_did_not() {
    let scene = Scene::new();
    let answer = scene.ask("POST", "tick", &Value::Null);
    assert_eq!((answer.status, answer.body.as_str(), scene.woken()), (202, "", 1));
    scene.set_deaf(true);
    let answer = scene.ask("POST", "tick", &Value::Null);
    assert_eq!((answer.status, scene.woken()), (500, 2));
    assert_eq!(answer.json()["Message"], "Something went wrong while processing your request");
}

#[test]
fn every_host_is_a_primary_one() {
    let scene = Scene::new();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert_eq!(scene.ask(method, "makeprimary/", &Value::Null).status, 200, "{method}");
    }
}

#[test]
fn the_document_describes_every_operation() {
    let scene = Scene::new();
    let document = scene.ask("GET", "openapi.json", &Value::Null).json();
    assert_eq!(document, longhaul_management::document());
    let mut count = 0;
    for row in OPERATIONS {
        for path in row.paths {
            for method in row.methods {
                let operation = &document["paths"][format!("/{path}")][method.as_str().to_lowercase()];
                assert_eq!(operation["summary"], row.summary, "{method} {path}");
                for answer in row.answers {
                    let described = &operation["responses"][answer.status.to_string()]["description"];
                    assert_eq!(described, answer.description, "{method} {path} {}", answer.status);
                }
                count += 1;
            }
        }
    }
    let described = document["paths"].as_object().unwrap().values();
    assert_eq!(described.map(|methods| methods.as_object().unwrap().len()).sum::<usize>(), count);
}

#[test]
fn when_the_store_fails_everybody_is_told_and_nothing_is_promised() {
    let scene = Scene::with_instances();
    scene.engine.platform().set_failing(true);
    for (method, path) in [
        ("POST", "orchestrators/program"),
        ("POST", "orchestrators/program/x"),
        ("GET", "instances"),
        ("GET", "instances/count"),
        ("DELETE", "instances?createdTimeFrom=2020-01-01"),
        ("GET", "instances/Running"),
        ("DELETE", "instances/Completed"),
        ("POST", "instances/Running/raiseEvent/go"),
        ("POST", "instances/Running/terminate"),
        ("POST", "instances/Running/suspend"),
        ("POST", "instances/Suspended/resume"),
        ("POST", "instances/Failed/rewind"),
        ("POST", "instances/Completed/restart"),
        ("POST", "instances/Completed/restartWithOptions?newInstanceId=y"),
    ] {
        let answer = scene.ask(method, path, &Value::Null);
        assert_eq!(answer.status, 500, "{method} {path}: {}", answer.body);
        let error = answer.json();
        assert_eq!(error["Message"], "Something went wrong while processing your request");
        assert!(error["ExceptionMessage"].as_str().unwrap().contains("the test wants it to"), "{error}");
    }
    // As when the orchestrator component does not say which functions there are.
    scene.engine.platform().set_failing(false);
    scene.set_deaf(true);
    let answer =
        scene.send("POST", &format!("{WEBHOOKS}/orchestrators/dance"), &[("x-functions-key", KEY)], "{}");
    assert_eq!(answer.status, 500);
}
