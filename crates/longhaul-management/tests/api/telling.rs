//! Telling instances something.

use serde_json::{Value, json};

use crate::scene::{KEY, Scene, WEBHOOKS};

#[test]
fn operations_are_for_instances_in_certain_states() {
    // In each state, and for an instance that there is not.
    let states = ["Running", "Suspended", "Completed", "Failed", "Terminated", "nobody", "%40e"];
    for (operation, expected) in [
        ("raiseEvent/go", [202, 202, 410, 410, 410, 404, 400]),
        ("terminate", [202, 202, 410, 410, 410, 404, 400]),
        ("suspend", [202, 409, 410, 410, 410, 404, 400]),
        ("resume", [409, 202, 410, 410, 410, 404, 400]),
        ("rewind", [409, 409, 410, 202, 410, 404, 400]),
    ] {
        let scene = Scene::with_instances();
        for (state, status) in states.iter().zip(expected) {
            let answer = scene.ask("POST", &format!("instances/{state}/{operation}"), &Value::Null);
            assert_eq!(answer.status, status, "{operation} {state}");
            match status {
                202 | 404 | 410 => assert_eq!(answer.body, ""),
                409 => assert_eq!(answer.json()["ExceptionType"], "System.InvalidOperationException"),
                _ => assert_eq!(answer.json()["ExceptionType"], "System.ArgumentException"),
            }
        }
    }
}

#[test]
fn what_is_told_comes_about() {
    let scene = Scene::with_instances();
    assert_eq!(scene.ask("POST", "instances/Running/SUSPEND?reason=a%20b", &Value::Null).status, 202);
    assert_eq!(scene.status("Running"), "Suspended");
    // A suspended instance takes events.
    assert_eq!(scene.ask("POST", "instances/Running/raiseEvent/go", &json!([1])).status, 202);
    assert_eq!(scene.ask("POST", "instances/Running/resume?reason=b", &Value::Null).status, 202);
    assert_eq!(scene.status("Running"), "Completed");
    let shown = scene.ask("GET", "instances/Running?showHistory=true", &Value::Null).json();
    let reasons: Vec<_> =
        shown["historyEvents"].as_array().unwrap().iter().filter_map(|event| event.get("Reason")).collect();
    assert_eq!(reasons, ["a b", "b"]);
    assert_eq!(shown["output"], json!([1]));
    assert_eq!(scene.ask("POST", "instances/Failed/rewind?reason=mended", &Value::Null).status, 202);
    assert_eq!(scene.status("Failed"), "Failed", "it has failed again");
}

#[test]
fn an_event_has_json_or_nothing_and_says_so() {
    let scene = Scene::with_instances();
    let raise = |base: &str, id: &str, content_type: &str, body: &str| {
        let headers = [("x-functions-key", KEY), ("content-type", content_type)];
        scene.send("POST", &format!("{base}/instances/{id}/raiseEvent/other"), &headers, body)
    };
    for (base, id, content_type, body, status) in [
        (WEBHOOKS, "Running", "application/json", "", 202),
        (WEBHOOKS, "Running", "Application/JSON; charset=utf-8", "7", 202),
        (WEBHOOKS, "Running", "text/plain", "7", 400),
        (WEBHOOKS, "Running", "application/json", "{", 400),
        // That the instance is missing, or has finished, is said first.
        (WEBHOOKS, "nobody", "text/plain", "{", 404),
        (WEBHOOKS, "Completed", "text/plain", "{", 410),
        (WEBHOOKS, "Completed", "application/json", "{", 410),
        ("/durabletask", "Running", "application/json", "\"null\"", 202),
    ] {
        assert_eq!(raise(base, id, content_type, body).status, status, "{id} {content_type} {body}");
    }
    let refused = raise(WEBHOOKS, "Running", "", "7");
    assert_eq!(refused.body, r#"{"Message":"Only application/json request content is supported"}"#);
    assert_eq!(raise(WEBHOOKS, "Running", "application/json", "{").json()["Message"], "Invalid JSON content");
    let large = raise(WEBHOOKS, "Running", "application/json", &json!("x".repeat(2000)).to_string());
    assert_eq!(large.status, 413);
    let named = scene.ask("POST", "instances/Running/raiseEvent/%40x", &Value::Null);
    assert!(named.status == 400 && named.body.contains("eventName is no name"), "{}", named.body);
}

#[test]
fn one_level_of_wrapping_is_taken_off_an_events_data_below_the_base_for_client_libraries() {
    let scene = Scene::with_instances();
    let headers = [("x-functions-key", KEY), ("content-type", "application/json")];
    let data = json!(json!({"day": 1}).to_string()).to_string();
    assert_eq!(
        scene.send("POST", "/durabletask/instances/Running/raiseEvent/go", &headers, &data).status,
        202
    );
    assert_eq!(scene.ask("GET", "instances/Running", &Value::Null).json()["output"], json!({"day": 1}));
}
