//! Programs at random: what the engine gives must be what the reference allows.

use std::ops::Range;
use std::time::Duration;

use longhaul::RuntimeStatus;
use longhaul_program::{Scenario, allows, generate};
use serde_json::json;

use crate::driver::run;

const USUAL: Range<u64> = 0..200;
/// What a scenario may take by itself, and then a little for the work that it makes.
const PATIENCE: Duration = Duration::from_secs(320);

/// Runs a scenario. Besides, the reference must refuse what cannot be, or it would be worth nothing.
fn check(scenario: &Scenario) -> Result<RuntimeStatus, String> {
    let outcome = run(scenario)?;
    let (result, history) = (&outcome.result, &outcome.history);
    let verdict = |result: &_| allows(&scenario.program, &scenario.events(), result);
    verdict(result)
        .map_err(|error| format!("{error}\nit gives {result:?}, with the history {history:#?}"))?;
    for never in [Ok(json!({"no program": "gives this"})), Err("no program fails so".to_owned())] {
        verdict(&never).err().ok_or_else(|| format!("the reference allows {never:?}"))?;
    }
    match outcome.elapsed {
        elapsed if elapsed > PATIENCE => Err(format!("it takes {elapsed:?}")),
        _ => Ok(outcome.status),
    }
}

/// Those that `PROGRAM_SEEDS` names, `7` or `0..5000`; else the usual ones.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("PROGRAM_SEEDS") else { return USUAL };
    let number = |text: &str| text.parse().expect("PROGRAM_SEEDS is a seed or a range of them");
    match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&text)..number(&text) + 1,
    }
}

#[test]
fn random_programs_give_what_the_reference_allows() {
    check_all(generate::scenario);
}

#[test]
fn random_programs_with_entities_give_what_the_reference_allows() {
    check_all(generate::scenario_with_entities);
}

fn check_all(scenario: fn(u64) -> Scenario) {
    let seeds = seeds();
    let (mut wrong, mut failed, mut completed) = (Vec::new(), 0, 0);
    for seed in seeds.clone() {
        match check(&scenario(seed)) {
            Ok(RuntimeStatus::Completed) => completed += 1,
            Ok(RuntimeStatus::Failed) => failed += 1,
            Ok(status) => wrong.push((seed, format!("it is {status:?}"))),
            Err(error) => wrong.push((seed, error)),
        }
    }
    if let Some((seed, error)) = wrong.first() {
        let scenario = serde_json::to_string(&scenario(*seed)).expect("scenarios have a JSON form");
        let seeds: Vec<_> = wrong.iter().map(|(seed, _)| seed).collect();
        panic!("seeds {seeds:?}; PROGRAM_SEEDS={seed} runs the first alone: {error}\n{scenario}");
    }
    if seeds == USUAL {
        assert!(failed >= 5 && completed >= 100, "{failed} have failed, {completed} completed: too few");
    }
}
