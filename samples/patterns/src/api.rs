//! The public API: which request asks for what, and what is answered.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /start/{pattern}`, the body the input in JSON | 202 `{"id", "statusUri"}`, with `Location`; and with a management key `"manage"`: links to watch and to end it |
//! | `GET /status/{id}` | `{"id", "name", "status", "customStatus", "output"}`, or `"failure"` for `"output"` |
//! | `POST /approve/{id}`, the body `true` or `false` | 202 `{"id"}` |
//! | `POST /readings/{station}`, the body a number | 202 `{"station"}` |
//! | `GET /readings/{station}` | what the station knows of its readings |
//!
//! Everything else is `{"error"}`, with a status above 399. Functions here are pure; the component `api` calls the engine
//! between them.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use longhaul::{
    Details, EntityId, EntityStatus, InstanceId, InvalidEntityId, InvalidInstanceId, Json, OperationError,
    ReadError, RuntimeStatus, Start, StartError, public_text,
};
use longhaul_management::{Linked, ManagementPayload};
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

use crate::{PATTERNS, aggregator};

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    /// To start an instance.
    Start(Start),
    /// To show one.
    Status(InstanceId),
    /// To tell one whether it is approved.
    Approve(InstanceId, bool),
    /// To hand a reading to a station.
    Record(EntityId, Json),
    /// To show a station.
    Station(EntityId),
}

/// Why something was not done.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Refusal {
    #[error(
        "there are POST /start/{{pattern}}, GET /status/{{id}}, POST /approve/{{id}}, POST and GET /readings/{{station}}"
    )]
    NoSuchPath,
    #[error("there is no pattern '{0}'; there are: {known}", known = PATTERNS.join(", "))]
    NoSuchPattern(String),
    #[error("there is no such instance")]
    NoSuchInstance,
    #[error("there is no station of that name: nobody has recorded a reading")]
    NoSuchStation,
    #[error(transparent)]
    BadId(#[from] InvalidInstanceId),
    #[error(transparent)]
    BadStation(#[from] InvalidEntityId),
    #[error("the body is not {expected}: {error}")]
    BadBody { expected: &'static str, error: serde_json::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Operation(#[from] OperationError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the store is not there: {0}")]
    NoStore(String),
}

/// What a request asks for.
///
/// # Errors
/// When it is malformed.
pub fn parse(head: &Parts, body: &[u8]) -> Result<Asked, Refusal> {
    let path: Vec<_> = head.uri.path().split('/').skip(1).collect();
    match (&head.method, path.as_slice()) {
        (&Method::POST, ["start", pattern]) => {
            if !PATTERNS.contains(pattern) {
                return Err(Refusal::NoSuchPattern((*pattern).to_owned()));
            }
            let input = read::<Json>(body, "JSON")?;
            Ok(Asked::Start(Start::new(*pattern, input)))
        }
        (&Method::GET, ["status", id]) => Ok(Asked::Status(InstanceId::new(*id)?)),
        (&Method::POST, ["approve", id]) => {
            Ok(Asked::Approve(InstanceId::new(*id)?, read(body, "true or false")?))
        }
        (&Method::POST, ["readings", key]) => {
            let reading = read::<f64>(body, "a number").map(|reading| Json::of(&reading))?;
            Ok(Asked::Record(aggregator::station(key)?, reading.expect("a number has a JSON form")))
        }
        (&Method::GET, ["readings", key]) => Ok(Asked::Station(aggregator::station(key)?)),
        _ => Err(Refusal::NoSuchPath),
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8], expected: &'static str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::BadBody { expected, error })
}

/// The links that whoever has started an instance gets to it: to watch it with all that there is to see, and to end it.
const MANAGED: [Linked; 2] = [Linked::Status, Linked::Terminate];

/// A new instance, as it is shown to whoever has started it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    id: &'a InstanceId,
    status_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    manage: Option<ManagementPayload>,
}

/// The answer to a start: come back in a second, and ask there. With the links of the management API to the instance, if
/// that is open.
pub fn accepted(id: &InstanceId, links: Option<ManagementPayload>) -> Response<String> {
    let uri = format!("/status/{id}");
    let location = HeaderValue::from_str(&uri).expect("a random id is of hex digits");
    let manage = links.map(|links| links.only(&MANAGED));
    let mut response = answer(StatusCode::ACCEPTED, &Accepted { id, status_uri: &uri, manage });
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(RETRY_AFTER, COME_BACK);
    response
}

/// The seconds after which a client is to ask again.
const COME_BACK: HeaderValue = HeaderValue::from_static("1");

/// An instance, as it is shown to everybody.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a InstanceId,
    name: &'a str,
    status: RuntimeStatus,
    custom_status: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<ShownFailure<'a>>,
}

/// A failure without its details, and without what a message may not say.
#[derive(Serialize)]
struct ShownFailure<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: String,
}

/// The answer to a poll. The details are wanted with the output.
pub fn shown(Details { head, output, .. }: &Details) -> Response<String> {
    let failure = head.failure.as_ref();
    let failure =
        failure.map(|failure| ShownFailure { kind: &failure.kind, message: failure.public_message() });
    let mut response = answer(
        StatusCode::OK,
        &Shown {
            id: &head.id,
            name: &head.name,
            status: head.status,
            custom_status: head.custom_status.as_ref(),
            output: output.as_ref(),
            failure,
        },
    );
    if !head.status.is_finished() {
        response.headers_mut().insert(RETRY_AFTER, COME_BACK);
    }
    response
}

/// The answer to an approval.
pub fn told(id: &InstanceId) -> Response<String> {
    answer(StatusCode::ACCEPTED, &json!({"id": id}))
}

/// The answer to a reading. It is stored, and will be taken in.
pub fn recorded(station: &EntityId) -> Response<String> {
    answer(StatusCode::ACCEPTED, &json!({"station": station.key()}))
}

/// What a station knows.
///
/// # Errors
/// When there is none of that name.
pub fn station(found: Option<EntityStatus>) -> Result<Response<String>, Refusal> {
    let state = found.and_then(|found| found.state).ok_or(Refusal::NoSuchStation)?;
    Ok(answer(StatusCode::OK, &state))
}

impl Refusal {
    /// The answer that says so.
    pub fn answer(&self) -> Response<String> {
        answer(self.status(), &json!({"error": public_text(&self.to_string())}))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchPattern(_) | Self::NoSuchInstance | Self::NoSuchStation => {
                StatusCode::NOT_FOUND
            }
            Self::BadId(_) | Self::BadStation(_) | Self::BadBody { .. } => StatusCode::BAD_REQUEST,
            Self::Start(StartError::TooLarge(_)) | Self::Operation(OperationError::TooLarge(_)) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Operation(OperationError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Operation(
                OperationError::Finished { .. }
                | OperationError::NotFinished { .. }
                | OperationError::WrongState { .. }
                | OperationError::InCriticalSection(_),
            ) => StatusCode::CONFLICT,
            Self::Start(_) | Self::Operation(_) | Self::Read(_) | Self::NoStore(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// An answer in JSON, which is true only now.
fn answer(status: StatusCode, body: &impl Serialize) -> Response<String> {
    let body = Json::of(body).expect("what is answered has a JSON form");
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    let headers: [(HeaderName, _); 2] =
        [(CONTENT_TYPE, "application/json"), (http::header::CACHE_CONTROL, "no-store")];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use longhaul::memory::MemoryPlatform;
    use longhaul::{Engine, Failure, TaskHub, Wanted};
    use longhaul_management::{Settings, Variables};
    use serde_json::Value;

    use super::*;
    use crate::saga;

    fn ask(method: Method, path: &str, body: &str) -> Result<Asked, Refusal> {
        let request = http::Request::builder().method(method).uri(path).body(()).unwrap();
        parse(&request.into_parts().0, body.as_bytes())
    }

    fn json_of(response: &Response<String>) -> Value {
        serde_json::from_str(response.body()).unwrap()
    }

    #[test]
    fn each_request_asks_for_one_thing() {
        let id = InstanceId::new("1f").unwrap();
        let north = aggregator::station("north").unwrap();
        let start = Start::new("saga", Json::parse(r#"{"to":"Ulm"}"#).unwrap());
        for (method, path, body, expected) in [
            (Method::POST, "/start/saga?x=1", r#"{"to": "Ulm"}"#, Asked::Start(start)),
            (Method::GET, "/status/1f", "", Asked::Status(id.clone())),
            (Method::POST, "/approve/1f", " false ", Asked::Approve(id, false)),
            (
                Method::POST,
                "/readings/north",
                "21.5",
                Asked::Record(north.clone(), Json::parse("21.5").unwrap()),
            ),
            (Method::GET, "/readings/north", "", Asked::Station(north)),
        ] {
            assert_eq!(ask(method, path, body).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_malformed_is_refused_with_a_reason() {
        for (method, path, body, status, reason) in [
            (Method::GET, "/start/saga", "{}", 404, "POST /start/{pattern}"),
            (Method::POST, "/start", "{}", 404, "POST /start/{pattern}"),
            (Method::POST, "/start/saga/1", "{}", 404, "POST /start/{pattern}"),
            (Method::POST, "/start/opera", "{}", 404, "no pattern 'opera'; there are: chaining, fan-out"),
            (Method::POST, "/start/saga", "", 400, "not JSON"),
            (Method::POST, "/start/saga", "{}{}", 400, "not JSON"),
            (Method::POST, "/approve/1f", "\"yes\"", 400, "not true or false"),
            (Method::POST, "/approve/", "true", 400, "not an instance id: it is empty"),
            (Method::GET, "/status/@x", "", 400, "not an instance id"),
            (Method::POST, "/readings/north", "\"warm\"", 400, "not a number"),
            (Method::POST, "/readings/a%20b?", "", 400, "not a number"),
            (Method::PUT, "/readings/north", "1", 404, "POST and GET /readings/{station}"),
        ] {
            let answer = ask(method, path, body).unwrap_err().answer();
            assert_eq!(answer.status(), status, "{path}");
            let said = json_of(&answer)["error"].as_str().unwrap().to_owned();
            assert!(said.contains(reason), "{path}: {said}");
        }
    }

    #[test]
    fn a_start_is_answered_with_where_to_ask() {
        let answer = accepted(&InstanceId::random([0xab; 16]), None);
        let uri = format!("/status/{}", "ab".repeat(16));
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()),
            (202, uri.as_str())
        );
        assert_eq!(json_of(&answer), json!({"id": "ab".repeat(16), "statusUri": uri}));
    }

    #[test]
    fn where_the_management_api_is_open_a_start_is_answered_with_two_links_to_it() {
        let variables = Variables { management_key: "k", ..Variables::default() };
        let request = http::Request::get("/").header("host", "h").body(()).unwrap().into_parts().0;
        let links = Settings::from_variables(&variables).unwrap().links("patterns", &request).unwrap();
        let id = InstanceId::random([0xab; 16]);
        let links = links.payload(&id, jiff::Timestamp::UNIX_EPOCH);
        let manage = json_of(&accepted(&id, Some(links)))["manage"].clone();
        let members: Vec<_> = manage.as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["id", "statusQueryGetUri", "terminatePostUri"]);
    }

    #[test]
    fn a_status_has_an_output_or_a_failure_or_neither() {
        let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("test"));
        let id = block_on(engine.start(Start::new(saga::NAME, Json::null()))).unwrap().id;
        let mut details = block_on(engine.details(&id, Wanted::default())).unwrap().unwrap();
        let pending = json!({"id": id, "name": "saga", "status": "Pending", "customStatus": null});
        let answer = shown(&details);
        assert_eq!((json_of(&answer), &answer.headers()[RETRY_AFTER]), (pending, &COME_BACK));

        details.head.status = RuntimeStatus::Completed;
        details.head.custom_status = Some(Json::text_of("done"));
        details.output = Some(Json::parse("[1]").unwrap());
        let answer = shown(&details);
        let completed =
            json!({"id": id, "name": "saga", "status": "Completed", "customStatus": "done", "output": [1]});
        assert_eq!(json_of(&answer), completed);
        assert!(!answer.headers().contains_key("retry-after"));

        details.head.status = RuntimeStatus::Failed;
        details.head.failure = Some(Failure::new("Boom", "http://10.0.0.1/ is down"));
        details.output = None;
        let failure = json!({"type": "Boom", "message": "[address] is down"});
        assert_eq!(json_of(&shown(&details))["failure"], failure);
    }

    #[test]
    fn what_the_engine_refuses_has_a_status_of_its_own() {
        let id = InstanceId::new("1f").unwrap();
        let finished = OperationError::Finished { id: id.clone(), status: RuntimeStatus::Completed };
        let failed = || longhaul::StoreError("no disk".into());
        for (refusal, status) in [
            (Refusal::from(OperationError::NotFound(id)), 404),
            (finished.into(), 409),
            (StartError::TooLarge(Failure::new("PayloadTooLarge", "")).into(), 413),
            (StartError::NotStored(failed().into()).into(), 503),
            (ReadError::from(failed()).into(), 503),
        ] {
            assert_eq!(refusal.answer().status(), status, "{refusal}");
        }
    }
}
