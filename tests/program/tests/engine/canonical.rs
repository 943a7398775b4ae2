//! The histories that Microsoft's engine records, and ours.

use std::collections::BTreeMap;

use longhaul::{Event, EventKind, RuntimeStatus};
use longhaul_program::Scenario;
use serde::Deserialize;
use serde_json::Value;

use crate::driver::{Outcome, run};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Canonical {
    #[serde(flatten)]
    scenario: Scenario,
    runtime_status: String,
    output: Value,
    custom_status: Value,
    /// `EventName detail`.
    raw: Vec<String>,
}

/// The innermost message of their failures: they prefix what failed, at each level.
fn innermost(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or(message)
}

/// Whether our output is theirs, but for what failure messages are prefixed with.
fn is_same(ours: &Result<Value, String>, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Err(message), Value::String(theirs)) => message.contains(innermost(theirs)),
        (Err(_), _) => false,
        (Ok(ours), theirs) => match (caught(ours), caught(theirs)) {
            (Some((ours, our_value)), Some((theirs, their_value))) => {
                ours.contains(innermost(theirs)) && our_value == their_value
            }
            _ => ours == theirs,
        },
    }
}

fn caught(value: &Value) -> Option<(&str, &Value)> {
    Some((value.get("caught")?.as_str()?, value.get("value")?))
}

fn described(event: &Event, status: RuntimeStatus) -> String {
    let name = event.event.name();
    match &event.event {
        EventKind::ExecutionStarted { name: detail }
        | EventKind::TaskScheduled { name: detail, .. }
        | EventKind::EventRaised { name: detail, .. } => format!("{name} {detail}"),
        EventKind::SubOrchestrationInstanceCreated { child, .. } => format!("{name} {}", child.name),
        EventKind::ExecutionCompleted => format!("{name} {status:?}"),
        _ => name.to_owned(),
    }
}

/// Without the marks of turns: how results are grouped into them is up to each engine.
fn without_turns(events: impl IntoIterator<Item = String>) -> Vec<String> {
    let is_mark = |event: &String| ["OrchestratorStarted", "OrchestratorCompleted"].contains(&event.as_str());
    events.into_iter().filter(|event| !is_mark(event)).collect()
}

#[test]
fn histories_are_those_of_microsofts_engine() {
    let text = include_str!("../data/canonical_histories.json");
    let canonical: BTreeMap<String, Canonical> = serde_json::from_str(text).expect("the file is well-formed");
    assert_eq!(canonical.len(), 15);
    for (name, canonical) in canonical {
        let outcome = run(&canonical.scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Outcome { status, result, custom_status, history, .. } = outcome;
        assert_eq!(format!("{status:?}"), canonical.runtime_status, "{name}");
        assert!(is_same(&result, &canonical.output), "{name}: {result:?} is not {}", canonical.output);
        assert_eq!(custom_status, canonical.custom_status, "{name}");
        let ours = history.iter().map(|event| described(event, status));
        assert_eq!(without_turns(ours), without_turns(canonical.raw), "{name}");
    }
}
