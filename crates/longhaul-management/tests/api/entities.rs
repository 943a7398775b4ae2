//! Entities: signalling, showing, listing, cleaning.

use serde_json::{Value, json};

use crate::scene::{KEY, Scene, WEBHOOKS};

impl Scene {
    fn signal(&self, path: &str, body: &Value) {
        let answer = self.ask("POST", &format!("entities/{path}"), body);
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{path}");
    }

    /// The state of an entity; null if there is none.
    fn state(&self, path: &str) -> Value {
        let answer = self.ask("GET", &format!("entities/{path}"), &Value::Null);
        match answer.status {
            404 if answer.body.is_empty() => Value::Null,
            _ => answer.json(),
        }
    }
}

#[test]
fn an_entity_is_signalled_shown_and_deleted() {
    let scene = Scene::new();
    assert_eq!(scene.state("list/a"), Value::Null);
    scene.signal("List/a?op=add", &json!({"n": 1}));
    scene.signal("list/a", &Value::Null);
    assert_eq!(scene.state("LIST/a"), json!([{"n": 1}, null]));
    assert_eq!(scene.state("list/A"), Value::Null, "keys are told apart by case");
    scene.signal("list/$?op=add", &json!(7));
    assert_eq!(scene.state("list/$"), json!([7]));
    assert_eq!(scene.ask("DELETE", "entities/list/a", &Value::Null).status, 202);
    assert_eq!(scene.state("list/a"), Value::Null);
}

#[test]
fn what_is_no_json_is_a_text_and_client_libraries_wrap_theirs() {
    let scene = Scene::new();
    let send = |base: &str, content_type: &str, body: &str| {
        let headers = [("x-functions-key", KEY), ("content-type", content_type)];
        scene.send("POST", &format!("{base}/entities/list/a?op=add"), &headers, body)
    };
    for (base, content_type, body) in [
        (WEBHOOKS, "text/plain", "{\"a\": 1}"),
        (WEBHOOKS, "application/json", "\"[1]\""),
        ("/durabletask", "application/json", "\"[1]\""),
        ("/durabletask", "application/octet-stream", ""),
    ] {
        assert_eq!(send(base, content_type, body).status, 202, "{base} {content_type}");
    }
    assert_eq!(scene.state("list/a"), json!(["{\"a\": 1}", "[1]", [1], null]));
    let answer = send(WEBHOOKS, "application/json", "{");
    assert_eq!(answer.status, 400);
    let said = answer.json()["ExceptionMessage"].as_str().unwrap().to_owned();
    assert!(said.starts_with("Could not parse JSON content: "), "{said}");
}

#[test]
fn names_keys_and_inputs_that_cannot_be_are_refused() {
    let scene = Scene::new();
    let long = "k".repeat(260);
    for path in ["list/a%2fb".to_owned(), "li%40st/a".into(), format!("list/{long}"), "list/a%0a".into()] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = scene.ask(method, &format!("entities/{path}"), &Value::Null);
            assert_eq!(
                (answer.status, answer.json()["ExceptionType"].as_str()),
                (400, Some("System.ArgumentException"))
            );
        }
    }
    assert_eq!(scene.ask("POST", "entities/list/a?op=add", &json!("x".repeat(2000))).status, 413);
}

#[test]
fn entities_are_listed_page_by_page() {
    let scene = Scene::new();
    for key in ["a", "b", "c"] {
        scene.signal(&format!("list/{key}?op=add"), &json!(key));
    }
    scene.signal("list/gone", &Value::Null);
    scene.ask("DELETE", "entities/list/gone", &Value::Null);
    let listed = scene.ask("GET", "entities?fetchState=True", &Value::Null).json();
    assert_eq!(listed[1]["entityId"], json!({"name": "list", "key": "b"}));
    assert_eq!(listed[1]["state"], json!(["b"]));
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let time = listed[1]["lastOperationTime"].as_str().unwrap();
    assert!(time.len() == "2019-12-18T21:45:44.6326361Z".len() && time.ends_with('Z'), "{time}");
    assert_eq!(scene.ask("GET", "entities/other", &Value::Null).json(), json!([]));
    assert_eq!(scene.ask("GET", "entities/a%40b", &Value::Null).status, 400);
    let later = "entities?lastOperationTimeFrom=2999-01-01";
    assert_eq!(scene.ask("GET", later, &Value::Null).json(), json!([]));

    let page = scene.ask("GET", "entities/LIST?top=2", &Value::Null);
    assert_eq!((page.json().as_array().unwrap().len(), &page.json()[0]["state"]), (2, &Value::Null));
    let token = page.header("x-ms-continuation-token").expect("there is more");
    let next = |path: &str| {
        let headers = [("x-functions-key", KEY), ("x-ms-continuation-token", token)];
        scene.send("GET", &format!("{WEBHOOKS}/{path}"), &headers, "")
    };
    let last = next("entities/list?top=2");
    assert_eq!(
        (&last.json()[0]["entityId"]["key"], last.header("x-ms-continuation-token")),
        (&json!("c"), None)
    );
    assert_eq!(next("instances").status, 400, "it is a token of another list");
    let headers = [("x-functions-key", KEY), ("x-ms-continuation-token", "7")];
    assert_eq!(scene.send("GET", &format!("{WEBHOOKS}/entities"), &headers, "").status, 400);
}

#[test]
fn what_is_empty_is_cleaned_up() {
    let scene = Scene::new();
    for key in ["a", "b"] {
        scene.signal(&format!("list/{key}?op=add"), &json!(1));
    }
    scene.ask("DELETE", "entities/list/b", &Value::Null);
    let clean = |query: &str| scene.ask("POST", &format!("entities{query}"), &Value::Null);
    let none = json!({"emptyEntitiesRemoved": 0, "orphanedLocksReleased": 0});
    assert_eq!(clean("?removeEmptyEntities=false").json(), none);
    let one = json!({"emptyEntitiesRemoved": 1, "orphanedLocksReleased": 0});
    assert_eq!(clean("").json(), one);
    assert_eq!(clean("?releaseOrphanedLocks=false").json(), none);
    assert_eq!(scene.state("list/a"), json!([1]));
    let headers = [("x-functions-key", KEY), ("x-ms-continuation-token", "7")];
    assert_eq!(scene.send("POST", &format!("{WEBHOOKS}/entities"), &headers, "").status, 400);
}

#[test]
fn a_store_that_fails_is_a_500_for_entities_too() {
    let scene = Scene::new();
    scene.signal("list/a?op=add", &json!(1));
    scene.engine.platform().set_failing(true);
    for (method, path) in [
        ("GET", "entities"),
        ("POST", "entities"),
        ("GET", "entities/list/a"),
        ("POST", "entities/list/a"),
        ("DELETE", "entities/list/a"),
    ] {
        assert_eq!(scene.ask(method, path, &Value::Null).status, 500, "{method} {path}");
    }
}
