//! What operators do with instances.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use longhaul_tests::programs::activity;
use serde_json::{Value, json};

use crate::Scene;

fn waiting() -> Value {
    json!({"op": "event", "name": "go"})
}

#[tokio::test(flavor = "multi_thread")]
async fn terminating_a_parent_ends_its_children_and_cancels_the_activities_of_all() {
    let Scene { programs, .. } = &Scene::new().await;
    let patient = |key: &str| activity("patient", json!({"ms": 60_000, "key": key}));
    let child = json!({"op": "child", "id": "the-child", "program": patient("of-the-child")});
    let family = json!({"op": "all", "branches": [patient("of-the-parent"), child]});
    let parent = programs.start("/the-parent", &family).await.unwrap();
    let child = programs.instance("the-child");
    // Both activities run, and say so.
    parent.once("", |shown| shown["progress"].is_u64()).await.unwrap();
    while child.show("").await.unwrap_or_default()["progress"].is_null() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    parent.tell("/terminate?reason=enough", &Value::Null).await.unwrap();
    let shown = parent.becomes("Terminated").await.unwrap();
    assert_eq!(shown["output"], "enough");
    child.becomes("Terminated").await.unwrap();
    for key in ["of-the-parent", "of-the-child"] {
        // Each look counts; one that finds one more than there were looks finds what the activity has counted.
        let mut looks = 0;
        while programs.counted(key).await.unwrap() == looks {
            looks += 1;
            assert!(looks < 100, "{key} does not learn that nobody waits for it");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let late = parent.ask("/terminate", &Value::Null).await.unwrap();
    assert_eq!(late.status, 409, "{}", late.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_instance_keeps_what_arrives_and_goes_on_when_it_is_resumed() {
    let Scene { programs, .. } = &Scene::new().await;
    let program = json!({"op": "sequence", "steps": [waiting(), activity("count", json!({"key": "after"}))]});
    let instance = programs.start("", &program).await.unwrap();
    instance.becomes("Running").await.unwrap();
    instance.tell("/suspend?reason=night", &Value::Null).await.unwrap();
    instance.becomes("Suspended").await.unwrap();
    assert_eq!(instance.ask("/suspend", &Value::Null).await.unwrap().status, 409);
    instance.tell("/events/go", &json!({"day": 1})).await.unwrap();
    let shown = instance.show("?wait=2").await.unwrap();
    assert_eq!(shown["status"], "Suspended");
    assert_eq!(programs.counted("after").await.unwrap(), 0);
    instance.tell("/resume?reason=morning", &Value::Null).await.unwrap();
    let shown = instance.finished().await.unwrap();
    assert_eq!(shown["output"], json!([{"day": 1}, 2]), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rewinding_runs_what_has_failed_once_more_and_nothing_else() {
    let Scene { programs, .. } = &Scene::new().await;
    let stumble = |key: &str| activity("stumble", json!({"key": key}));
    let program = json!({"op": "sequence", "steps": [
        activity("count", json!({"key": "before"})),
        stumble("an-activity"),
        {"op": "child", "program": stumble("a-child")},
    ]});
    let instance = programs.start("", &program).await.unwrap();
    // First the activity fails, then the child.
    for _ in 0..2 {
        let shown = instance.finished().await.unwrap();
        assert_eq!(shown["status"], "Failed", "{shown:#}");
        let message = shown["failure"]["message"].as_str().unwrap();
        assert!(message.contains("stumbled over the first stone"), "{message}");
        // It is running again when this is answered.
        instance.tell("/rewind?reason=mended", &Value::Null).await.unwrap();
    }
    let shown = instance.finished().await.unwrap();
    assert_eq!(shown["output"], json!([1, 2, 2]), "{shown:#}");
    assert_eq!(programs.counted("before").await.unwrap(), 1, "what had succeeded ran again");
    assert_eq!(instance.ask("/rewind", &Value::Null).await.unwrap().status, 409, "it has not failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_deletes_an_instance_and_the_children_with_it() {
    let Scene { programs, .. } = &Scene::new().await;
    let child = json!({"op": "child", "id": "inner", "program": {"op": "sequence", "steps": [waiting()]}});
    let instance = programs.start("/outer", &child).await.unwrap();
    let inner = programs.instance("inner");
    assert_eq!(instance.purge(true).await.unwrap().status, 409, "it has not finished");
    // The child may yet have to begin.
    while inner.ask("/events/go", &json!(1)).await.unwrap().status != 202 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(instance.finished().await.unwrap()["output"], json!([1]));
    assert_eq!(inner.show("").await.unwrap()["parent"], "outer");

    let purged = instance.purge(true).await.unwrap();
    assert_eq!(purged.status, 200, "{}", purged.body);
    assert!(instance.show("").await.is_err());
    assert!(inner.show("").await.is_err());
    assert_eq!(instance.purge(true).await.unwrap().status, 404);
    assert_eq!(programs.get("/count").await.unwrap(), json!({"count": 0}));

    // Its id is as good as new.
    let again = programs.start("/outer", &json!({"op": "value", "value": "new"})).await.unwrap();
    assert_eq!(again.finished().await.unwrap()["output"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_instance_is_restarted_or_its_id_used_again() {
    let Scene { programs, .. } = &Scene::new().await;
    let count = activity("count", json!({"key": "runs"}));
    let instance = programs.start("/again", &count).await.unwrap();
    let first = instance.finished().await.unwrap();
    assert_eq!(first["output"], 1);
    let other = programs.ask(Method::POST, "/start/again", &Value::Null).await.unwrap();
    assert_eq!((other.status.as_u16(), &other.json().unwrap()["status"]), (409, &json!("Completed")));

    let restarted = instance.tell("/restart", &Value::Null).await.unwrap();
    assert_eq!(restarted["id"], "again");
    let second = instance.finished().await.unwrap();
    assert_eq!(second["output"], 2);
    assert_ne!(first["executionId"], second["executionId"]);
    let restarted = instance.tell("/restart?new=true", &Value::Null).await.unwrap();
    let third = programs.instance(restarted["id"].as_str().unwrap());
    assert_eq!(third.finished().await.unwrap()["output"], 3);
    let replaced = programs.start("/again?reuse=finished&version=2", &json!({"op": "guid"})).await.unwrap();
    let shown = replaced.finished().await.unwrap();
    assert!(shown["output"].is_string(), "{shown:#}");
    assert_eq!(shown["version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_begins_when_it_is_to() {
    let Scene { programs, .. } = &Scene::new().await;
    let at = Timestamp::now() + Duration::from_secs(3);
    let instance = programs.start(&format!("?at={at}"), &json!({"op": "now"})).await.unwrap();
    assert_eq!(instance.show("").await.unwrap()["status"], "Pending");
    let shown = instance.finished().await.unwrap();
    let begun: Timestamp = shown["output"].as_str().unwrap().parse().unwrap();
    assert!(begun >= at, "it began {begun}, before {at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_listed_by_pages_in_the_order_of_their_creation() {
    let Scene { programs, .. } = &Scene::new().await;
    let mut ids = Vec::new();
    for number in 0..25 {
        let to = if number % 2 == 0 { String::new() } else { format!("/odd-{number}") };
        let program = json!({"op": "value", "value": number});
        ids.push(programs.start(&to, &program).await.unwrap().id);
    }
    for id in &ids {
        programs.instance(id).finished().await.unwrap();
    }
    let (mut listed, mut after) = (Vec::new(), json!(1));
    while let Some(slot) = after.as_u64() {
        let page = programs.get(&format!("/instances?size=10&after={slot}")).await.unwrap();
        listed.extend(
            page["instances"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        after = page["continuation"].clone();
    }
    assert_eq!(listed, ids);
    let odd = programs.get("/count?prefix=odd-&status=Completed").await.unwrap();
    assert_eq!(odd, json!({"count": 12}));
    let purged = programs.ask(Method::DELETE, "/instances?prefix=odd-", &Value::Null).await.unwrap();
    assert_eq!(purged.json().unwrap()["deleted"], 12);
    assert_eq!(programs.get("/count").await.unwrap(), json!({"count": 13}));
}
