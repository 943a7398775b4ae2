//! The API: each operation of the engine under a path of its own.
//!
//! | request | what it does |
//! | --- | --- |
//! | `POST /start[/{id}]?reuse=finished&version=V&at=TIME` | starts a program, whose input is the body; gives its id |
//! | `GET /instances/{id}?wait=SECONDS&history=true` | shows an instance, when it has finished or the time is over |
//! | `POST /instances/{id}/events/{name}` | raises an event, whose data is the body |
//! | `POST /instances/{id}/terminate`, `/suspend`, `/resume`, `/rewind` (`?reason=TEXT`) | |
//! | `POST /instances/{id}/restart?new=true` | starts it once more, under a new id or the same |
//! | `DELETE /instances/{id}?children=true` | purges it |
//! | `GET /instances?status=A,B&name=N&prefix=P&from=TIME&to=TIME&size=N&after=N` | lists instances, a page of them |
//! | `DELETE /instances?…&children=true` | purges those of them that have finished |
//! | `GET /count?…` | counts them |

mod parameters;
mod refusal;
mod view;

use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use longhaul::{Creation, Engine, InstanceId, Json, Platform, Reuse, Start, Started, Told, Wanted};
use longhaul_program::PROGRAM;
use serde_json::json;

use parameters::Parameters;
use refusal::Refusal;
use view::View;

/// How long one request may purge.
const PURGE_TIME: Duration = Duration::from_secs(20);

/// An answer, and what is to be done once it is sent.
#[derive(Debug)]
pub struct Answered {
    /// The answer, in JSON.
    pub response: Response<String>,
    /// What then.
    pub then: Then,
}

/// What is to be done once an answer is sent.
#[derive(Debug, PartialEq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// Kick an instance that was started.
    Run(Started),
    /// Kick an instance that was told something.
    Tell(Told),
}

/// Answers a request.
pub async fn answer<P: Platform>(engine: &Engine<P>, head: &Parts, body: &[u8]) -> Answered {
    match route(engine, head, body).await {
        Ok(answered) => answered,
        Err(refusal) => {
            answered(refusal.status(), json!({"error": refusal.to_string()}).to_string(), Then::Nothing)
        }
    }
}

async fn route<P: Platform>(engine: &Engine<P>, head: &Parts, body: &[u8]) -> Result<Answered, Refusal> {
    let parameters = Parameters::of(&head.uri);
    let path = parameters::segments(&head.uri)?;
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let id = |id: &str| InstanceId::new(id).map_err(|error| Refusal::Bad(error.to_string()));
    match (&head.method, path.as_slice()) {
        (&Method::POST, ["start"]) => start(engine, None, &parameters, body).await,
        (&Method::POST, ["start", chosen]) => start(engine, Some(id(chosen)?), &parameters, body).await,
        (&Method::GET, ["instances", one]) => show(engine, &id(one)?, &parameters).await,
        (&Method::DELETE, ["instances", one]) => {
            engine.purge(&id(one)?, parameters.flag("children")).await?;
            Ok(answered(StatusCode::OK, "{}".into(), Then::Nothing))
        }
        (&Method::POST, ["instances", one, "events", name]) => {
            told(engine.raise_event(&id(one)?, name, parameters::json(body)?).await?)
        }
        (&Method::POST, ["instances", one, operation]) => {
            operate(engine, &id(one)?, operation, &parameters).await
        }
        (&Method::GET, ["instances"]) => {
            let page = engine.list(&parameters.query()?).await?;
            let instances: Vec<_> = page.instances.iter().map(|found| View::of(&found.head)).collect();
            ok(&json!({"instances": instances, "continuation": page.continuation}))
        }
        (&Method::DELETE, ["instances"]) => {
            let children = parameters.flag("children");
            let purged = engine.purge_where(&parameters.query()?, children, PURGE_TIME).await?;
            ok(&json!({"deleted": purged.deleted, "continuation": purged.continuation}))
        }
        (&Method::GET, ["count"]) => ok(&json!({"count": engine.count(&parameters.query()?).await?})),
        _ => Err(Refusal::NoSuchPath),
    }
}

async fn start<P: Platform>(
    engine: &Engine<P>,
    id: Option<InstanceId>,
    parameters: &Parameters,
    body: &[u8],
) -> Result<Answered, Refusal> {
    let start = Start {
        version: parameters.text("version").map(str::to_owned),
        scheduled: parameters.value("at")?,
        ..Start::new(PROGRAM, parameters::json(body)?)
    };
    let reuse = match parameters.text("reuse") {
        Some("finished") => Reuse::Finished,
        _ => Reuse::Never,
    };
    match id {
        None => started(engine.start(start).await?),
        Some(id) => match engine.start_with_id(&id, start, reuse).await? {
            Creation::Created(created) => started(created),
            Creation::Exists { found, adopted } => {
                let body = json!({"error": "it exists", "id": id, "status": found.head.status});
                let then = adopted.map_or(Then::Nothing, Then::Run);
                Ok(answered(StatusCode::CONFLICT, body.to_string(), then))
            }
        },
    }
}

async fn show<P: Platform>(
    engine: &Engine<P>,
    id: &InstanceId,
    parameters: &Parameters,
) -> Result<Answered, Refusal> {
    if let Some(seconds) = parameters.value("wait")?
        && let Some(found) = engine.lookup(id).await?
    {
        engine.wait_until_finished(&found.key, Duration::from_secs(seconds)).await?;
    }
    let wanted = Wanted { input: true, output: true, history: parameters.flag("history") };
    let details = engine.details(id, wanted).await?.ok_or(Refusal::NoSuchInstance)?;
    ok(&View::of_details(&details))
}

async fn operate<P: Platform>(
    engine: &Engine<P>,
    id: &InstanceId,
    operation: &str,
    parameters: &Parameters,
) -> Result<Answered, Refusal> {
    let reason = parameters.text("reason").unwrap_or_default();
    match operation {
        "terminate" => told(engine.terminate(id, reason).await?),
        "suspend" => told(engine.suspend(id, reason).await?),
        "resume" => told(engine.resume(id, reason).await?),
        "rewind" => told(engine.rewind(id, reason).await?),
        "restart" => started(engine.restart(id, parameters.flag("new")).await?),
        _ => Err(Refusal::NoSuchPath),
    }
}

fn started(started: Started) -> Result<Answered, Refusal> {
    let body = json!({"id": started.id}).to_string();
    Ok(answered(StatusCode::ACCEPTED, body, Then::Run(started)))
}

fn told(told: Told) -> Result<Answered, Refusal> {
    Ok(answered(StatusCode::ACCEPTED, "{}".into(), Then::Tell(told)))
}

fn ok(body: &impl serde::Serialize) -> Result<Answered, Refusal> {
    let body = Json::of(body).expect("what is shown has a JSON form");
    Ok(answered(StatusCode::OK, body.to_string(), Then::Nothing))
}

fn answered(status: StatusCode, body: String, then: Then) -> Answered {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Answered { response, then }
}
