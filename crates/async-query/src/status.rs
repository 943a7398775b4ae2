//! The status of a query: `GET /api/status/{id}`.
//!
//! [`check`] says which instance is asked for; [`answer`] shows its status, and nothing else about it.

use std::time::Duration;

use http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use longhaul::RuntimeStatus;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::answers::{RETRY_AFTER_SECONDS, error, json, json_string, text};
use crate::prefer;

/// The longest time that an answer is held back for `Prefer: wait`.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest instance id in characters.
const MAX_ID_LENGTH: usize = 256;

const PATH: &str = "/api/status/";

/// A request for the status of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRequest {
    /// The id of the instance, which may not exist.
    pub id: String,
    /// How long the client is ready to wait for the instance to finish, in whole seconds up to [`LONGEST_WAIT`].
    pub wait: Option<Duration>,
}

/// What is shown of an instance.
#[derive(Debug, Clone, Copy)]
pub struct PublicStatus<'a> {
    /// The instance's id.
    pub id: &'a str,
    /// The state it is in.
    pub status: RuntimeStatus,
    /// What came of it.
    pub result: PublicResult<'a>,
}

/// What came of an instance.
#[derive(Debug, Clone, Copy)]
pub enum PublicResult<'a> {
    /// Nothing yet, or nothing at all.
    None,
    /// The output of an orchestrator that completed; shown as it is.
    Output(&'a RawValue),
    /// The message of a failure, or the reason of a termination; shown as a JSON string.
    Message(&'a str),
}

/// Checks a request. An `Err` is the answer to send.
// The large `Err` is the point: it is moved once, to be sent. Not `expect`, because it is small enough on 32 bits.
#[allow(clippy::result_large_err)]
pub fn check(request: &http::request::Parts) -> Result<StatusRequest, Response<String>> {
    if request.method != Method::GET {
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: use GET.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return Err(response);
    }
    let id = instance_id(request.uri.path()).ok_or_else(not_found)?;
    Ok(StatusRequest { id, wait: prefer::wait(&request.headers, LONGEST_WAIT) })
}

/// The answer that shows `status`.
pub fn answer(status: &PublicStatus<'_>, request: &StatusRequest) -> Response<String> {
    let result = match status.result {
        PublicResult::None => "null".to_owned(),
        PublicResult::Output(output) => output.get().to_owned(),
        PublicResult::Message(message) => json_string(message),
    };
    let (id, name) = (json_string(status.id), serde_json::json!(status.status));
    let body = format!(r#"{{"id": {id}, "status": {name}, "result": {result}}}"#);

    let mut response = json(StatusCode::OK, body);
    let headers = response.headers_mut();
    if !status.status.is_finished() {
        headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    }
    if let Some(wait) = request.wait {
        let applied = HeaderValue::try_from(format!("wait={}", wait.as_secs()));
        headers.insert(prefer::PREFERENCE_APPLIED, applied.expect("a number is visible ASCII"));
    }
    response
}

/// The answer when there is no such instance.
pub fn not_found() -> Response<String> {
    text(StatusCode::NOT_FOUND, "Job not found")
}

/// The instance id in a request's path, if an instance can have that id (Azure Durable Functions' rules).
///
/// From the path alone: a client can send the headers in which a host repeats the path's parts.
fn instance_id(path: &str) -> Option<String> {
    let id = percent_decode_str(path.strip_prefix(PATH)?).decode_utf8().ok()?;
    let is_id = !id.is_empty()
        && id.chars().count() <= MAX_ID_LENGTH
        && !id.starts_with('@')
        && !id.contains(|c: char| c.is_control() || r"/\#?".contains(c));
    is_id.then(|| id.into_owned())
}
