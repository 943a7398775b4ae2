//! Orchestrations that begin anew, and those that have others run.

use longhaul_tests::programs::activity;
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn each_round_is_an_execution_of_its_own_and_events_are_kept() {
    let Scene { programs, .. } = &Scene::new().await;
    let steps = json!([{"op": "event", "name": "tick"}, activity("count", json!({"key": "rounds"}))]);
    let program = json!({"op": "rounds", "count": 5, "body": {"op": "sequence", "steps": steps}});
    let instance = programs.start("/rounds", &program).await.unwrap();
    let first = instance.becomes("Running").await.unwrap();
    for number in 1..=5 {
        instance.tell("/events/tick", &json!(number)).await.unwrap();
    }
    let last = instance.finished().await.unwrap();
    assert_eq!(last["output"], json!([5, 5]), "{last:#}");
    assert_ne!(first["executionId"], last["executionId"]);
    let history = instance.show("?history=true").await.unwrap();
    let events = history["history"].as_array().unwrap().len();
    assert!(events < 15, "history is that of the last round alone, and has {events} events");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_children_report_to_one_parent() {
    let Scene { programs, .. } = &Scene::new().await;
    let child = |number: u64| json!({"op": "child", "program": activity("echo", json!(number))});
    let branches: Vec<_> = (0..200).map(child).collect();
    let output = programs.run(&json!({"op": "all", "branches": branches})).await.unwrap();
    assert_eq!(output, Ok((0..200).collect::<Vec<u64>>().into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_activities_run_for_one_instance() {
    let Scene { programs, .. } = &Scene::new().await;
    let branches: Vec<_> = (0..500).map(|number| activity("echo", json!(number))).collect();
    let output = programs.run(&json!({"op": "all", "branches": branches})).await.unwrap();
    assert_eq!(output, Ok((0..500).collect::<Vec<u64>>().into()));
}
