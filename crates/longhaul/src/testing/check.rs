//! The check that an orchestrator does the same when it is replayed.

use super::run::Round;
use crate::execution::{Beginning, End, Execution};
use crate::failure::Failure;
use crate::orchestrators::Orchestrators;

/// Replays an execution that began with `beginning` and ended with `end`, if it has ended.
pub(super) fn check(
    orchestrators: &Orchestrators,
    beginning: &Beginning,
    round: &Round,
    end: Option<&End>,
) -> Result<(), Failure> {
    let mut execution = Execution::begin(beginning.clone(), orchestrators)
        .expect("an orchestrator that has run is registered");
    for event in &round.history {
        execution.follow(event.clone());
    }
    execution.caught_up();
    match end {
        Some(End::Completed(output)) => execution.check_end(Some(output)),
        Some(End::Failed(_)) => execution.check_end(None),
        _ => {}
    }
    if let Some(mismatch) = execution.mismatch() {
        return Err(mismatch.clone());
    }
    let continues = |end: Option<&End>| match end {
        Some(End::ContinuedAsNew { input, events }) => Some((input.clone(), events.clone())),
        _ => None,
    };
    let again = match execution.has_ended() {
        true => execution.turn(beginning.at, Vec::new()).end,
        false => None,
    };
    match (continues(end), continues(again.as_ref())) {
        (then, now) if then == now => Ok(()),
        (Some(_), Some(_)) => Err(differs("it continues as new with another input, or with other events")),
        (Some(_), None) => Err(differs("it does not continue as new any more")),
        (None, _) => Err(differs("it continues as new where it did not")),
    }
}

fn differs(how: &str) -> Failure {
    Failure::permanent("NonDeterministicOrchestrator", format!("{how} when it is replayed"))
}
