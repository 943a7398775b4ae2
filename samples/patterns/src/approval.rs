//! Human interaction: waits for a person's answer, but not for ever.
//!
//! The answer comes as an external event: whoever has it calls [`raise_event`](longhaul::Engine::raise_event) with the
//! instance's id, here by way of `POST /approve/{id}`. The time-out is a durable timer, and may be days; it is cancelled
//! when the answer comes first. An answer that comes before anybody waits for it is kept.

use std::time::Duration;

use longhaul::{Failure, OrchestrationContext};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "approval";

/// The event that brings the answer: true or false.
pub const EVENT: &str = "approval";

/// What needs an approval: `{"what": "a holiday", "timeoutMs": 60000}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// In words.
    pub what: String,
    /// How long the answer may take, in milliseconds.
    pub timeout_ms: u64,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// The answer was yes.
    Approved,
    /// The answer was no.
    Refused,
    /// There was no answer in time, and somebody else has been told.
    Escalated,
}

/// Asks for an approval, and waits for the answer. The custom status is the last message that was sent to somebody.
pub async fn decide(
    ctx: OrchestrationContext,
    Request { what, timeout_ms }: Request,
) -> Result<Decision, Failure> {
    let message: String = ctx.call_activity("ask-approver", &what).await?;
    ctx.set_custom_status(message)?;
    let timeout = Duration::from_millis(timeout_ms);
    match ctx.wait_for_event::<bool>(EVENT).with_timeout(timeout).await? {
        Some(true) => Ok(Decision::Approved),
        Some(false) => Ok(Decision::Refused),
        None => {
            let message: String = ctx.call_activity("escalate", &what).await?;
            ctx.set_custom_status(message)?;
            Ok(Decision::Escalated)
        }
    }
}

/// The activity that asks the approver. A real one would send what this one only writes.
pub fn ask(what: String) -> Result<String, Failure> {
    match what.trim() {
        "" => Err(Failure::permanent("NothingToApprove", "say what is to be approved")),
        what => Ok(format!("Please approve {what}.")),
    }
}

/// The activity that tells somebody else.
pub fn escalate(what: String) -> Result<String, Failure> {
    Ok(format!("Nobody has decided about {}.", what.trim()))
}

#[cfg(test)]
mod tests {
    use longhaul::testing::{TestHub, TestRun};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn hub() -> TestHub<'static> {
        TestHub::new(crate::orchestrators()).activity("ask-approver", ask).activity("escalate", escalate)
    }

    fn request(what: &str) -> Request {
        Request { what: what.into(), timeout_ms: 3 * DAY.as_millis() as u64 }
    }

    fn answered(answer: bool, after: Duration) -> TestRun {
        hub().start(NAME, request("a holiday")).raise_event_after(after, EVENT, answer).run()
    }

    #[test]
    fn the_answer_decides() {
        for (answer, decision) in [(true, Decision::Approved), (false, Decision::Refused)] {
            let run = answered(answer, 2 * DAY);
            assert_eq!((run.output(), run.elapsed()), (Ok(decision), 2 * DAY));
            assert_eq!(run.custom_status::<String>().unwrap(), "Please approve a holiday.");
        }
    }

    #[test]
    fn without_an_answer_in_time_somebody_else_is_told() {
        let run = answered(true, 4 * DAY);
        assert_eq!((run.output(), run.elapsed()), (Ok(Decision::Escalated), 3 * DAY));
        assert_eq!(run.custom_status::<String>().unwrap(), "Nobody has decided about a holiday.");
    }

    #[test]
    fn nobody_is_asked_to_approve_nothing() {
        let run = hub().run(NAME, request(" "));
        assert_eq!(run.output::<Decision>().unwrap_err().kind, "NothingToApprove");
    }
}
