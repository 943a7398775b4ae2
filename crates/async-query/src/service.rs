//! The two public components over the engine: what they do with a request, from its head to the answer.

use http::request::Parts;
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use longhaul::{
    Concern, Creation, Engine, Found, Head, InstanceId, InstanceKey, Json, Platform, ReadError, Reuse,
    RuntimeStatus, Start, Started, Wanted,
};

use crate::answers::error;
use crate::status::{self, PublicResult, PublicStatus};
use crate::submit::{self, ORCHESTRATOR, Settings, Submission};

/// The answer to a submission, and what is to be kicked once it is sent.
#[derive(Debug)]
pub struct Submitted {
    /// The answer.
    pub answer: Response<String>,
    /// The instance that was started.
    pub started: Option<Started>,
}

/// The answer to a poll.
#[derive(Debug)]
pub struct Polled {
    /// The answer.
    pub answer: Response<String>,
    /// The instance, if something is to be done about it.
    pub concern: Option<(InstanceKey, Concern)>,
}

/// Checks a submission at the time `now`. An `Err` is the answer to send.
// The large `Err` is moved once, to be sent.
#[allow(clippy::result_large_err)]
pub fn check(request: &Parts, settings: &Settings, now: Timestamp) -> Result<Submission, Response<String>> {
    submit::check(request, settings, TimeZone::UTC.to_datetime(now).date())
}

/// Starts the query of a submission, and answers once the instance is stored.
pub async fn submit<P: Platform>(engine: &Engine<P>, submission: &Submission) -> Submitted {
    let start = Start::new(ORCHESTRATOR, submission.input());
    match start_instance(engine, submission, start).await {
        Ok(submitted) => submitted,
        Err(error) => not_stored(submission, &error),
    }
}

/// The answer when the store fails.
pub fn not_stored(submission: &Submission, failure: &impl std::fmt::Display) -> Submitted {
    tracing::error!("a submission was not stored: {failure}");
    Submitted { answer: submission.store_failed(), started: None }
}

async fn start_instance<P: Platform>(
    engine: &Engine<P>,
    submission: &Submission,
    start: Start,
) -> Result<Submitted, longhaul::StartError> {
    let Some(id) = submission.instance_id() else {
        let started = engine.start(start).await?;
        return Ok(Submitted { answer: submission.accepted(started.id.as_str()), started: Some(started) });
    };
    let id = InstanceId::new(id).expect("the id of a key is an instance id");
    Ok(match engine.start_with_id(&id, start, Reuse::Never).await? {
        Creation::Created(started) => {
            Submitted { answer: submission.accepted(id.as_str()), started: Some(started) }
        }
        Creation::Exists { found, adopted } => Submitted {
            answer: match submission.has_input(&found.head.input) {
                true => submission.accepted(id.as_str()),
                false => submission.key_conflict(),
            },
            started: adopted,
        },
    })
}

/// Shows the status of an instance.
pub async fn status<P: Platform>(engine: &Engine<P>, request: &Parts) -> Polled {
    let asked = match status::check(request) {
        Ok(asked) => asked,
        Err(answer) => return Polled { answer, concern: None },
    };
    let Ok(id) = InstanceId::new(&asked.id) else {
        return Polled { answer: status::not_found(), concern: None };
    };
    match find(engine, &id, &asked).await {
        Ok(Some((found, output))) => Polled {
            answer: show(&found.head, output.as_ref(), &asked),
            concern: engine.concern(&found.head).map(|concern| (found.key, concern)),
        },
        Ok(None) => Polled { answer: status::not_found(), concern: None },
        Err(failure) => Polled { answer: unavailable(&failure), concern: None },
    }
}

/// The instance, and what the public may see of its output: one `get`, unless the output is a large one or the client
/// wants to wait for the end.
async fn find<P: Platform>(
    engine: &Engine<P>,
    id: &InstanceId,
    asked: &status::StatusRequest,
) -> Result<Option<(Found, Option<Json>)>, ReadError> {
    let Some(mut found) = engine.lookup(id).await? else { return Ok(None) };
    // An overdue instance is first to be kicked; the client asks again.
    if let Some(wait) = asked.wait
        && !found.head.status.is_finished()
        && !engine.is_overdue(&found.head)
    {
        let Some(head) = engine.wait_until_finished(&found.key, wait).await? else { return Ok(None) };
        found.head = head;
    }
    // The output of one that was terminated is the operator's reason, which is not for the public.
    let output = found.head.output.as_ref().filter(|_| found.head.status == RuntimeStatus::Completed);
    if output.is_none_or(|output| output.inline().is_some()) {
        let output = output.and_then(|output| output.inline()).cloned();
        return Ok(Some((found, output)));
    }
    let details = engine.details(id, Wanted { output: true, ..Wanted::default() }).await?;
    Ok(details.map(|details| {
        // It may have begun anew meanwhile.
        let output = details.output.filter(|_| details.head.status == RuntimeStatus::Completed);
        (Found { key: details.key, head: details.head }, output)
    }))
}

fn show(head: &Head, output: Option<&Json>, asked: &status::StatusRequest) -> Response<String> {
    let message = head.failure.as_ref().map(|failure| failure.public_message());
    let result = match (output, &message) {
        (Some(output), _) => PublicResult::Output(output.raw()),
        (None, Some(message)) => PublicResult::Message(message),
        (None, None) => PublicResult::None,
    };
    status::answer(&PublicStatus { id: head.id.as_str(), status: head.status, result }, asked)
}

/// The answer when a variable of the application is malformed.
pub fn misconfigured(failure: &impl std::fmt::Display) -> Response<String> {
    tracing::error!("{failure}");
    error(StatusCode::INTERNAL_SERVER_ERROR, "The application is misconfigured; its log says how.")
}

/// The answer to a poll when the store does not open.
pub fn unavailable(failure: &impl std::fmt::Display) -> Response<String> {
    tracing::error!("the status could not be read: {failure}");
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "The status could not be read. Nothing is lost: ask again in a few seconds.",
    )
}
