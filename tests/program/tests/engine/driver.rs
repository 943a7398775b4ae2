//! Runs a scenario to its end.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use longhaul::{Event, InstanceId, Json, OperationError, Platform, RuntimeStatus, Start, Wanted};
use longhaul_program::{Input, PROGRAM, Raise, Scenario, orchestrators};
use serde_json::{Value, json};

use crate::world::Components;

/// So long may a scenario take, in the world's time.
const PATIENCE: Duration = Duration::from_secs(600);
/// So often may the world's time go on.
const TURNS: u32 = 100_000;

/// How a scenario ended.
#[derive(Debug)]
pub struct Outcome {
    pub status: RuntimeStatus,
    /// The output, or the message of the failure.
    pub result: Result<Value, String>,
    pub custom_status: Value,
    pub history: Vec<Event>,
    pub elapsed: Duration,
    /// How often each activity was called.
    pub calls: BTreeMap<String, u32>,
}

/// Runs a scenario to its end, and answers how it ended, or why it did not.
pub fn run(scenario: &Scenario) -> Result<Outcome, String> {
    let (components, id) = finish(scenario)?;
    let mismatch = block_on(components.engine.check_replay(&id, &orchestrators()));
    match mismatch.map_err(|error| error.to_string())? {
        Some(mismatch) => Err(format!("its history cannot be replayed: {}", mismatch.message)),
        None => Ok(outcome(&components, &id)),
    }
}

/// Runs a scenario to its end, and answers where its instance is, or why there is no end.
pub fn finish(scenario: &Scenario) -> Result<(Rc<Components>, InstanceId), String> {
    let mut pool = LocalPool::new();
    let components = Components::new(&pool);
    let input = Input { program: scenario.program.clone(), n: 0 };
    let start = Start::new(PROGRAM, Json::of(&input).expect("programs have a JSON form"));
    let started = block_on(components.engine.start(start)).map_err(|error| error.to_string())?;
    components.tick(started.key, started.tick);
    components.schedule(started.scheduler);
    components.spawn(raise(components.clone(), started.id.clone(), scenario.raised.clone()));
    for _ in 0..TURNS {
        pool.run_until_stalled();
        let found = block_on(components.engine.lookup(&started.id)).map_err(|error| error.to_string())?;
        let status = found.map(|found| found.head.status);
        if status.is_some_and(|status| status.is_finished()) {
            return Ok((components, started.id));
        }
        if !components.advance() {
            return Err(format!(
                "it is {status:?} after {:?}, and nobody does anything",
                components.elapsed()
            ));
        }
        if components.elapsed() > PATIENCE {
            return Err(format!("it is {status:?} after {:?}", components.elapsed()));
        }
    }
    Err(format!("it goes round in circles, at {:?}", components.elapsed()))
}

/// As [`run`], of a program in JSON to whose instance these events are raised.
pub fn run_program(program: Value, events: Value) -> Outcome {
    let scenario = json!({"program": program, "events": events});
    let scenario = serde_json::from_value(scenario).expect("the test writes programs");
    run(&scenario).unwrap_or_else(|error| panic!("{program}: {error}"))
}

async fn raise(components: Rc<Components>, id: InstanceId, raised: Vec<Raise>) {
    for Raise { name, data, after } in raised {
        let wait = after.saturating_sub(components.elapsed());
        components.engine.platform().sleep(wait).await;
        match components.engine.raise_event(&id, &name, data.into()).await {
            Ok(told) => {
                components.tick(told.key, told.tick);
                components.schedule(told.scheduler);
            }
            Err(OperationError::Finished { .. }) => return,
            Err(error) => panic!("an event cannot be raised: {error}"),
        }
    }
}

fn outcome(components: &Components, id: &InstanceId) -> Outcome {
    let wanted = Wanted { output: true, history: true, ..Wanted::default() };
    let details = block_on(components.engine.details(id, wanted)).expect("the store does not fail");
    let details = details.expect("the instance is there");
    let value = |json: &Json| json.to::<Value>().expect("it is JSON");
    let result = match details.head.failure {
        Some(failure) => Err(failure.message),
        None => Ok(details.output.as_ref().map_or(Value::Null, value)),
    };
    Outcome {
        status: details.head.status,
        result,
        custom_status: details.head.custom_status.as_ref().map_or(Value::Null, |status| {
            let status = Json::of(status).expect("it has a JSON form");
            value(&status)
        }),
        history: details.history.expect("it was asked for"),
        elapsed: components.elapsed(),
        calls: components.calls.borrow().clone(),
    }
}
