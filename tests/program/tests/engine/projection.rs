//! Histories as the management API shows them: as Microsoft's engine does, and with enough in them for a replay.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use futures::executor::block_on;
use longhaul::projection::{Options, StatusDocument, project};
use longhaul::{Details, InstanceId, ReplayAnswer, ReplayRequest, Wanted};
use longhaul_program::{Scenario, generate, orchestrators};
use serde::Deserialize;
use serde_json::Value;

use crate::driver::finish;
use crate::world::Components;

const SEEDS: Range<u64> = 0..200;

#[derive(Deserialize)]
struct Canonical {
    #[serde(flatten)]
    scenario: Scenario,
    /// `EventName detail`.
    projected: Vec<String>,
}

fn canonical() -> BTreeMap<String, Canonical> {
    serde_json::from_str(include_str!("../data/canonical_histories.json")).expect("the file is well-formed")
}

fn details(components: &Components, id: &InstanceId) -> Details {
    let wanted = Wanted { input: true, output: true, history: true };
    let details = block_on(components.engine.details(id, wanted)).expect("the store does not fail");
    details.expect("the instance is there")
}

fn described(event: &Value) -> String {
    let name = event["EventType"].as_str().expect("events have types");
    let detail = ["FunctionName", "Name", "OrchestrationStatus"].iter().find_map(|of| event[of].as_str());
    match detail {
        Some(detail) => format!("{name} {detail}"),
        None => name.to_owned(),
    }
}

#[test]
fn histories_are_shown_as_microsofts_engine_shows_them() {
    let canonical = canonical();
    assert_eq!(canonical.len(), 15);
    for (name, canonical) in canonical {
        let (components, id) = finish(&canonical.scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        for options in [Options::default(), Options::all()] {
            let shown = project(&details(&components, &id), options).expect("it has a history");
            let shown: Vec<Value> = shown.to().expect("it is an array of objects");
            let shown: Vec<_> = shown.iter().map(described).collect();
            assert_eq!(shown, canonical.projected, "{name}");
        }
    }
}

fn ask(components: &Rc<Components>, asked: &ReplayRequest) -> ReplayAnswer {
    let answer = block_on(components.engine.answer_replay(asked, &orchestrators()));
    answer.unwrap_or_else(|error| panic!("{asked:?}: {error}"))
}

#[test]
fn what_was_exported_is_the_same_history_and_replays() {
    for seed in SEEDS {
        let (components, id) =
            finish(&generate::scenario(seed)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(ask(&components, &ReplayRequest::Check(id.clone())), ReplayAnswer::Matches, "seed {seed}");
        let exported = ask(&components, &ReplayRequest::Export(id.clone()));
        let ReplayAnswer::Exported { document } = exported else { panic!("seed {seed}: {exported:?}") };
        // As a file holds it.
        let text = serde_json::to_string(&document).expect("it has a JSON form");
        let document: StatusDocument = serde_json::from_str(&text).expect("it was written by us");

        let Details { head, input, output, history, .. } = details(&components, &id);
        let recorded = document.recorded().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(Some(recorded.history), history, "seed {seed}");
        assert_eq!((Some(recorded.input), recorded.output), (input, output), "seed {seed}");
        assert_eq!((recorded.head.execution, recorded.head.version), (head.execution, head.version));

        let checked = ask(&components, &ReplayRequest::CheckDocument(Box::new(document)));
        assert_eq!(checked, ReplayAnswer::Matches, "seed {seed}");
    }
}
