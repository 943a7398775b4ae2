//! Starting instances, anew or once more.

use longhaul_management::Variables;
use serde_json::{Value, json};

use crate::scene::{KEY, Scene, WEBHOOKS, local, waits};

fn value(value: Value) -> Value {
    json!({"program": {"op": "value", "value": value}})
}

#[test]
fn a_start_is_answered_with_where_to_find_the_instance() {
    let scene = Scene::new();
    let answer = scene.ask("POST", "orchestrators/program", &json!({"program": waits()}));
    assert_eq!((answer.status, answer.header("retry-after")), (202, Some("10")));
    let body = answer.json();
    let id = body["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(answer.header("location"), body["statusQueryGetUri"].as_str());
    let base = format!("http://app.example{WEBHOOKS}/instances/{id}");
    let order = [
        ("statusQueryGetUri", "?taskHub=test&connection=Storage&code="),
        ("sendEventPostUri", "/raiseEvent/{eventName}?taskHub=test&connection=Storage&code="),
        ("terminatePostUri", "/terminate?reason={text}&taskHub=test&connection=Storage&code="),
        ("rewindPostUri", "/rewind?reason={text}&taskHub=test&connection=Storage&code="),
        ("purgeHistoryDeleteUri", "?taskHub=test&connection=Storage&code="),
        ("restartPostUri", "/restart?taskHub=test&connection=Storage&code="),
        ("suspendPostUri", "/suspend?reason={text}&taskHub=test&connection=Storage&code="),
        ("resumePostUri", "/resume?reason={text}&taskHub=test&connection=Storage&code="),
    ];
    let mut last = answer.body.find("\"id\"").unwrap();
    for (name, rest) in order {
        let link = body[name].as_str().unwrap();
        assert!(link.starts_with(&format!("{base}{rest}")), "{link}");
        let at = answer.body.find(&format!("\"{name}\"")).unwrap();
        assert!(at > last, "{name} is out of order");
        last = at;
    }
    // The links work as they are, once they are filled in.
    let raise = local(&body["sendEventPostUri"]).replace("{eventName}", "go");
    assert_eq!(scene.send("POST", &raise, &[], "[7]").status, 202);
    let answer = scene.send("GET", &local(&body["statusQueryGetUri"]), &[], "");
    assert_eq!((answer.status, &answer.json()["output"]), (200, &json!([7])));
}

#[test]
fn a_chosen_id_is_kept_and_used_again_once_its_instance_has_finished() {
    let scene = Scene::new();
    assert_eq!(scene.start("a%20b%C3%BC%2525", waits())["id"], "a bü%25");
    let again = scene.ask("POST", "orchestrators/program/a%20b%C3%BC%2525", &value(json!(2)));
    assert_eq!(again.status, 409);
    let error = again.json();
    assert_eq!(
        error["ExceptionMessage"],
        "An Orchestration instance with the status Running already exists."
    );
    assert_eq!(error["ExceptionType"], "System.InvalidOperationException");
    assert_eq!(scene.ask("POST", "instances/a%20b%C3%BC%2525/terminate", &Value::Null).status, 202);
    assert_eq!(scene.ask("POST", "orchestrators/program/a%20b%C3%BC%2525", &value(json!(2))).status, 202);
    assert_eq!(scene.status("a%20b%C3%BC%2525"), "Completed");
}

#[test]
fn a_start_that_waits_gives_the_output_or_the_status_or_where_to_ask() {
    let scene = Scene::new();
    let ask = |parameters: &str, program: Value| {
        scene.ask("POST", &format!("orchestrators/program?{parameters}"), &json!({"program": program}))
    };
    let done = ask("timeout=5&pollingInterval=0.5", json!({"op": "value", "value": {"a": [1]}}));
    assert_eq!((done.status, done.body.as_str()), (200, r#"{"a":[1]}"#));
    let done = ask("timeout=5", json!({"op": "value", "value": null}));
    assert_eq!((done.status, done.body.as_str()), (200, "null"));
    let failed = ask("timeout=5", json!({"op": "fail", "message": "boom"}));
    assert_eq!((failed.status, &failed.json()["output"]), (200, &json!("boom")));
    let parameters = "timeout=5&returnInternalServerErrorOnFailure=true";
    assert_eq!(ask(parameters, json!({"op": "fail", "message": "boom"})).status, 500);
    let waiting = ask("timeout=0.2&pollingInterval=0.1&returnInternalServerErrorOnFailure=true", waits());
    assert_eq!(waiting.status, 202);
    assert!(waiting.header("location").unwrap().ends_with("&returnInternalServerErrorOnFailure=true"));
    let wrong = ask("timeout=1&pollingInterval=2", waits());
    assert_eq!(wrong.status, 400);
    // What is no number of seconds is not there.
    assert_eq!(ask("timeout=soon", waits()).status, 202);
}

#[test]
fn what_cannot_be_started_is_refused() {
    let scene = Scene::new();
    let long = "x".repeat(257);
    for (path, reason) in [
        (
            "orchestrators/dance",
            "The function 'dance' doesn't exist, is disabled, or is not an orchestrator function",
        ),
        ("orchestrators/versioned", "The function 'versioned' doesn't exist"),
        ("orchestrators/versioned?version=3", "for version '3'"),
        ("orchestrators/%40program", "functionName is no name"),
        ("orchestrators/program/%40a%40b", "not an instance id: it begins with '@'"),
        ("orchestrators/program/a%2Fb", "not an instance id: it contains '/'"),
        ("orchestrators/program/a%0Ab", "not an instance id"),
        (&format!("orchestrators/program/{long}"), "longer than 256 characters"),
    ] {
        let answer = scene.ask("POST", path, &value(Value::Null));
        assert_eq!(answer.status, 400, "{path}");
        let error = answer.json();
        assert_eq!(error["Message"], "One or more of the arguments submitted is incorrect");
        assert_eq!(
            (&error["ExceptionType"], &error["StackTrace"]),
            (&json!("System.ArgumentException"), &json!(""))
        );
        assert!(error["ExceptionMessage"].as_str().unwrap().contains(reason), "{path}: {error}");
    }
    let key = [("x-functions-key", KEY)];
    let broken = scene.send("POST", &format!("{WEBHOOKS}/orchestrators/program"), &key, "{");
    assert_eq!((broken.status, &broken.json()["Message"]), (400, &json!("Invalid JSON content")));
    let large = scene.ask("POST", "orchestrators/program", &value(json!("x".repeat(2000))));
    assert_eq!(large.status, 413);
    assert_eq!(scene.ask("GET", "instances/count", &Value::Null).json(), json!({"count": 0}));
}

#[test]
fn a_new_instance_of_the_component_goes_by_what_the_orchestrator_said_before() {
    let scene = Scene::new();
    let start = |name: &str| scene.ask("POST", &format!("orchestrators/{name}"), &value(json!(1))).status;
    assert_eq!((start("program"), start("program"), scene.asked()), (202, 202, 1));
    scene.set_deaf(true);
    scene.forget();
    assert_eq!((start("dance"), scene.asked()), (500, 2), "who knows");
    assert_eq!((start("program"), scene.asked()), (202, 3), "it asks, and does not wait for the answer");
    assert_eq!((start("program"), scene.asked()), (202, 3));
    assert_eq!((start("dance"), scene.asked()), (500, 4));
    scene.set_deaf(false);
    assert_eq!(start("dance"), 400);
    // Where nothing was said before, nothing is known.
    let scene = Scene::new();
    scene.set_deaf(true);
    assert_eq!(scene.ask("POST", "orchestrators/program", &value(json!(1))).status, 500);
}

#[test]
fn a_version_is_handed_on() {
    let scene = Scene::new();
    let answer = scene.ask("POST", "orchestrators/versioned/v?version=2", &json!("input"));
    assert_eq!(answer.status, 202, "{}", answer.body);
    let shown = scene.ask("GET", "instances/v?showEventIds=true", &Value::Null).json();
    assert_eq!((&shown["version"], &shown["output"]), (&json!("2"), &json!("input")));
}

#[test]
fn bodies_are_unwrapped_below_the_base_for_client_libraries_only() {
    let scene = Scene::new();
    let key = [("x-functions-key", KEY), ("content-type", "application/octet-stream")];
    let wrapped = serde_json::to_string(&value(json!("x")).to_string()).unwrap();
    let rpc = scene.send("POST", "/durabletask/orchestrators/program/rpc", &key, &wrapped);
    assert_eq!(rpc.status, 202, "{}", rpc.body);
    assert_eq!(scene.ask("GET", "instances/rpc", &Value::Null).json()["input"], value(json!("x")));
    scene.send("POST", &format!("{WEBHOOKS}/orchestrators/program/web"), &key, &wrapped);
    let shown = scene.ask("GET", "instances/web", &Value::Null).json();
    assert_eq!(shown["input"], json!(value(json!("x")).to_string()));
    // The links lead to the base for everybody.
    assert!(rpc.json()["statusQueryGetUri"].as_str().unwrap().contains(WEBHOOKS));
    // Without a body the input is null.
    assert_eq!(scene.send("POST", "/durabletask/orchestrators/program/none", &key, "").status, 202);
    assert_eq!(scene.ask("GET", "instances/none", &Value::Null).json()["input"], Value::Null);
}

#[test]
fn links_go_by_what_the_settings_say_of_the_address() {
    let start = |scene: &Scene, headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("x-functions-key", KEY)]).collect();
        let body = value(Value::Null).to_string();
        let answer = scene.send("POST", &format!("{WEBHOOKS}/orchestrators/program"), &headers, &body);
        answer.json()["terminatePostUri"].as_str().unwrap().split("/runtime").next().unwrap().to_owned()
    };
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-host", "public.example:8443")];
    let variables = Variables { management_key: KEY, ..Variables::default() };
    assert_eq!(start(&Scene::with(variables), &forwarded), "http://app.example");
    let trusting = Scene::with(Variables { trust_forwarded_headers: "true", ..variables });
    assert_eq!(start(&trusting, &forwarded), "https://public.example:8443");
    let header = [("forwarded", "proto=https;host=other.example")];
    assert_eq!(start(&trusting, &header), "https://other.example");
    let fixed = Scene::with(Variables { public_base_url: "https://fixed.example/app/", ..variables });
    assert_eq!(start(&fixed, &forwarded), "https://fixed.example/app");
}

#[test]
fn a_restart_runs_the_same_input_under_a_new_id_or_the_same() {
    let scene = Scene::with_instances();
    for id in ["Completed", "Failed", "Terminated", "Running", "Suspended"] {
        let answer = scene.ask("POST", &format!("instances/{id}/restart"), &Value::Null);
        assert_eq!(answer.status, 202, "{id}");
        let new = answer.json()["id"].as_str().unwrap().to_owned();
        assert_ne!(new, id);
        let input =
            |id: &str| scene.ask("GET", &format!("instances/{id}"), &Value::Null).json()["input"].clone();
        assert_eq!(input(&new), input(id));
    }
    for (id, status) in
        [("Completed", 202), ("Failed", 202), ("Terminated", 202), ("Running", 409), ("Suspended", 409)]
    {
        let path = format!("instances/{id}/restart?restartWithNewInstanceId=False");
        let answer = scene.ask("POST", &path, &Value::Null);
        assert_eq!(answer.status, status, "{id}");
        if status == 202 {
            assert_eq!(answer.json()["id"], id);
        }
    }
    assert_eq!(scene.ask("POST", "instances/nobody/restart", &Value::Null).status, 404);
    assert_eq!(scene.ask("POST", "instances/%40e/restart", &Value::Null).status, 400);
    let waited = scene.ask("POST", "instances/Completed/restart?timeout=5", &Value::Null);
    assert_eq!((waited.status, waited.json()), (200, json!({"a": 1})));
}

#[test]
fn a_restart_with_options_has_the_id_and_version_that_they_say() {
    let scene = Scene::with_instances();
    let path = "instances/Completed/restartWithOptions";
    let answer = scene.ask("POST", &format!("{path}?newInstanceId=x%201&version=7"), &Value::Null);
    assert_eq!((answer.status, &answer.json()["id"]), (202, &json!("x 1")));
    let shown = scene.ask("GET", "instances/x%201?showEventIds=true", &Value::Null).json();
    assert_eq!(shown["version"], "7");
    let answer = scene.ask("POST", path, &json!({"newInstanceId": "x-2"}));
    assert_eq!((answer.status, &answer.json()["id"]), (202, &json!("x-2")));
    for (path, body, status) in [
        ("instances/Completed/restartWithOptions", Value::Null, 400),
        ("instances/Completed/restartWithOptions", json!({"newInstanceId": "@x"}), 400),
        ("instances/Completed/restartWithOptions", json!([1]), 400),
        ("instances/Completed/restartWithOptions", json!({"newInstanceId": "Running"}), 409),
        ("instances/nobody/restartWithOptions?newInstanceId=y", Value::Null, 404),
    ] {
        assert_eq!(scene.ask("POST", path, &body).status, status, "{path} {body}");
    }
    let waited = scene.ask("POST", &format!("{path}?newInstanceId=x-3&timeout=5"), &Value::Null);
    assert_eq!((waited.status, waited.json()), (200, json!({"a": 1})));
}
