//! Lists, counts, purges.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Answer, KEY, Scene, WEBHOOKS};

const TOKEN: &str = "x-ms-continuation-token";

fn quick(scene: &Scene, id: &str) {
    scene.start(id, json!({"op": "value", "value": 1}));
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["instanceId"].as_str().unwrap().to_owned())
        .collect()
}

fn list(scene: &Scene, parameters: &str) -> Vec<String> {
    ids(&scene.ask("GET", &format!("instances?{parameters}"), &Value::Null))
}

fn page(scene: &Scene, parameters: &str, token: Option<&str>) -> (Vec<String>, Option<String>) {
    let mut headers = vec![("x-functions-key", KEY)];
    headers.extend(token.map(|token| (TOKEN, token)));
    let answer = scene.send("GET", &format!("{WEBHOOKS}/instances?{parameters}"), &headers, "");
    (ids(&answer), answer.header(TOKEN).map(str::to_owned))
}

#[test]
fn instances_are_listed_in_the_order_of_creation_by_what_they_are() {
    let scene = Scene::with_instances();
    assert_eq!(list(&scene, ""), ["Running", "Suspended", "Completed", "Failed", "Terminated"]);
    for (parameters, expected) in [
        ("runtimeStatus=Running,Failed", &["Running", "Failed"][..]),
        ("runtimeStatus=Failed&runtimeStatus=Terminated,Dancing", &["Failed", "Terminated"]),
        ("runtimeStatus=3", &["Failed"]),
        ("runtimeStatus=Unknown", &[]),
        ("instanceIdPrefix=S", &["Suspended"]),
        ("instanceIdPrefix=s", &[]),
        ("name=other", &[]),
        ("name=program&top=1", &["Running"]),
        ("createdTimeFrom=2100-01-01T00:00:00Z", &[]),
        ("createdTimeTo=2000-01-01", &[]),
    ] {
        assert_eq!(list(&scene, parameters), expected, "{parameters}");
        let count = scene.ask("GET", &format!("instances/count?{parameters}"), &Value::Null).json();
        if !parameters.contains("top") {
            assert_eq!(count, json!({"count": expected.len()}), "{parameters}");
        }
    }
    // What is not known is dropped, and then there is no such filter.
    for parameters in ["runtimeStatus=Dancing", "createdTimeFrom=soon", "top=many", "top=0"] {
        assert_eq!(list(&scene, parameters).len(), 5, "{parameters}");
    }
    let listed = scene.ask("GET", "instances", &Value::Null).json();
    for id in ["Suspended", "Completed", "Failed", "Terminated"] {
        let one = scene.ask("GET", &format!("instances/{id}"), &Value::Null).json();
        assert!(listed.as_array().unwrap().contains(&one), "{id}");
    }
    assert_eq!(scene.ask("GET", "instances?showInput=false", &Value::Null).json()[0]["input"], Value::Null);
}

#[test]
fn lists_are_limited_to_what_was_created_in_a_time() {
    let scene = Scene::new();
    for id in ["a", "b", "c"] {
        quick(&scene, id);
        scene.sleep(Duration::from_secs(3600));
    }
    let at = |seconds: i64| jiff::Timestamp::from_second(1_700_000_000 + seconds).unwrap();
    for (from, to, expected) in [
        (-1, 10_000, &["a", "b", "c"][..]),
        (1, 10_000, &["b", "c"]),
        (1, 3700, &["b"]),
        (4000, 7000, &[]),
        (7000, 20_000, &["c"]),
    ] {
        let parameters = format!("createdTimeFrom={}&createdTimeTo={}", at(from), at(to));
        assert_eq!(list(&scene, &parameters), expected, "{parameters}");
    }
}

#[test]
fn pages_are_full_and_stay_right_while_instances_come_and_go() {
    let scene = Scene::new();
    for number in 0..25 {
        quick(&scene, &format!("i{number:02}"));
    }
    let names = |from: usize, to: usize| (from..to).map(|number| format!("i{number:02}")).collect::<Vec<_>>();
    let (first, token) = page(&scene, "top=10", None);
    assert_eq!(first, names(0, 10));
    let token = token.unwrap();
    // One of the first page goes, and one of the next, and a new one comes.
    for id in ["i03", "i12"] {
        assert_eq!(scene.ask("DELETE", &format!("instances/{id}"), &Value::Null).status, 200);
    }
    quick(&scene, "new");
    let (second, next) = page(&scene, "top=10", Some(&token));
    assert_eq!(second, [names(10, 12), names(13, 21)].concat());
    let (last, none) = page(&scene, "top=10", next.as_deref());
    assert_eq!(last, [names(21, 25), vec!["new".into()]].concat());
    assert_eq!(none, None);
    // A token is read again and again, whatever the filter; an empty one is none.
    assert_eq!(page(&scene, "top=1&runtimeStatus=Completed", Some(&token)).0, ["i10"]);
    assert_eq!(page(&scene, "top=1", Some("")).0, ["i00"]);
    for token in ["nonsense", "AAAAAAAAAAo", &format!("B{}", &token[1..])] {
        let headers = [("x-functions-key", KEY), (TOKEN, token)];
        for (method, parameters) in [("GET", ""), ("DELETE", "?createdTimeFrom=2000-01-01")] {
            let answer = scene.send(method, &format!("{WEBHOOKS}/instances{parameters}"), &headers, "");
            assert_eq!(answer.status, 400, "{token}");
        }
    }
}

#[test]
fn a_page_has_100_instances_and_below_the_base_for_client_libraries_all() {
    let scene = Scene::new();
    for number in 0..250 {
        quick(&scene, &format!("i{number}"));
    }
    assert_eq!(list(&scene, "").len(), 100);
    let whole = scene.send("GET", "/durabletask/instances/", &[("x-functions-key", KEY)], "");
    assert_eq!((ids(&whole).len(), whole.header(TOKEN)), (250, None));
    let filtered = "/durabletask/instances/?runtimeStatus=Running&instanceIdPrefix=";
    assert_eq!(scene.send("GET", filtered, &[("x-functions-key", KEY)], "").body, "[]");
    let page = scene.send("GET", "/durabletask/instances/?top=3", &[("x-functions-key", KEY)], "");
    assert_eq!((ids(&page).len(), page.header(TOKEN).is_some()), (3, true));
}

#[test]
fn an_instance_that_has_finished_is_purged() {
    let scene = Scene::with_instances();
    for (id, status) in [
        ("Completed", 200),
        ("Completed", 404),
        ("Failed", 200),
        ("Running", 409),
        ("nobody", 404),
        ("%40e", 400),
    ] {
        let answer = scene.ask("DELETE", &format!("instances/{id}"), &Value::Null);
        assert_eq!(answer.status, status, "{id}");
        match status {
            200 => assert_eq!(answer.body, r#"{"instancesDeleted":1}"#),
            404 => assert_eq!(answer.body, ""),
            _ => {}
        }
    }
    assert_eq!(list(&scene, ""), ["Running", "Suspended", "Terminated"]);
}

#[test]
fn many_are_purged_from_a_time_on_that_must_be_said() {
    let scene = Scene::with_instances();
    let purge = |parameters: &str| scene.ask("DELETE", &format!("instances/?{parameters}"), &Value::Null);
    for parameters in ["", "createdTimeFrom=", "createdTimeFrom=soon", "runtimeStatus=Completed"] {
        let answer = purge(parameters);
        let said = "\"Please provide value for 'createdTimeFrom' parameter.\"";
        assert_eq!((answer.status, answer.body.as_str()), (400, said), "{parameters}");
    }
    // A word that is spelled wrong purges nothing.
    for parameters in ["runtimeStatus=Complete", "createdTimeTo=soon"] {
        assert_eq!(purge(&format!("createdTimeFrom=2000-01-01&{parameters}")).status, 400, "{parameters}");
    }
    for parameters in ["createdTimeFrom=2100-01-01", "createdTimeFrom=2000-01-01&runtimeStatus=Unknown"] {
        assert_eq!(purge(parameters).status, 404, "{parameters}");
    }
    let answer = purge("createdTimeFrom=2000-01-01T00:00:00.000000Z&runtimeStatus=Completed,Running");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"instancesDeleted":1}"#));
    assert_eq!(purge("createdTimeFrom=2000-01-01").json(), json!({"instancesDeleted": 2}));
    assert_eq!(purge("createdTimeFrom=2000-01-01").status, 404);
    assert_eq!(list(&scene, ""), ["Running", "Suspended"]);
}
