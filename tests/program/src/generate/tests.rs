use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::reference::longest;

const SEEDS: std::ops::Range<u64> = 0..500;

fn name_of(program: &Program) -> Value {
    let mut members = serde_json::to_value(program).expect("programs have a JSON form");
    let activity = members["name"].take();
    match members["op"].take() {
        op if op == "activity" => activity,
        op => op,
    }
}

#[test]
fn scenarios_are_the_same_each_time_and_can_be_written_down() {
    for seed in SEEDS {
        let scenario = scenario(seed);
        assert_eq!(super::scenario(seed), scenario);
        let text = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario, "seed {seed}");
    }
}

#[test]
fn scenarios_are_bounded_in_size_and_time() {
    let mut nodes = Vec::new();
    for seed in SEEDS {
        let Scenario { program, raised } = scenario(seed);
        nodes.push(program.nodes().len());
        assert!(program.nodes().len() <= NODES && program.depth() <= DEPTH + 1, "seed {seed}: {program:?}");
        let longest = longest(&program, &raised).unwrap_or(Duration::MAX);
        assert!(longest <= Duration::from_secs(240), "seed {seed} may take {longest:?}: {program:?}");
        let last = raised.last().map_or(Duration::ZERO, |raise| raise.after);
        assert!(last <= Duration::from_secs(60), "seed {seed}");
    }
    nodes.sort_unstable();
    assert!(nodes[nodes.len() / 2] >= 6 && nodes.contains(&1), "most have some size: {nodes:?}");
}

#[test]
fn everything_occurs_that_there_is() {
    let names: BTreeSet<_> = SEEDS
        .flat_map(|seed| {
            let program = scenario(seed).program;
            program.nodes().into_iter().map(|node| name_of(node).to_string()).collect::<Vec<_>>()
        })
        .collect();
    for name in [
        "value", "sequence", "all", "any", "timer", "event", "child", "catch", "status", "now", "guid",
        "rounds", "fail", "echo", "add", "concat", "flaky", "sleep", "count", "hello", "trap", "steps",
    ] {
        assert!(names.contains(&format!("\"{name}\"")), "{name} does not occur");
    }
}

#[test]
fn ids_of_children_are_unique() {
    for seed in SEEDS {
        let program = scenario(seed).program;
        let ids: Vec<_> = program
            .nodes()
            .into_iter()
            .filter_map(|node| match node {
                Program::Child { id, .. } => id.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "seed {seed}: {ids:?}");
        if let Program::Rounds { .. } = program {
            assert!(ids.is_empty(), "seed {seed}: each round would have the same ids");
        }
    }
}

#[test]
fn programs_with_entities_are_bounded_and_use_them_in_every_way() {
    let mut names = BTreeSet::new();
    for seed in SEEDS {
        let Scenario { program, raised } = scenario_with_entities(seed);
        assert_eq!(scenario_with_entities(seed).program, program);
        assert!(program.nodes().len() <= NODES && program.depth() <= DEPTH + 1, "seed {seed}: {program:?}");
        // Of one that waits for a lock it is not known.
        assert!(longest(&program, &raised).is_none_or(|longest| longest <= Duration::from_secs(240)));
        names.extend(program.nodes().into_iter().map(|node| name_of(node).to_string()));
    }
    for name in ["call", "signal", "lock", "any", "rounds", "child", "catch"] {
        assert!(names.contains(&format!("\"{name}\"")), "{name} does not occur");
    }
}
