//! The parts that answers are made of.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

/// The seconds after which a client is asked to come back, in `Retry-After`.
///
/// A query takes from seconds to minutes: five seconds add little to the short ones and few polls to the long ones.
/// A client that wants the result sooner sends `Prefer: wait` with its poll.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 5;

/// A JSON answer.
///
/// No answer of this application may come from a cache: a submission must reach us each time, although `GET` makes
/// it look repeatable, and a status is true only now.
pub(crate) fn json(status: StatusCode, body: String) -> Response<String> {
    with_type("application/json", status, body)
}

/// A plain text answer.
pub(crate) fn text(status: StatusCode, body: &str) -> Response<String> {
    with_type("text/plain", status, body.to_owned())
}

/// The answer `{"error": "<message>"}`.
pub(crate) fn error(status: StatusCode, message: &str) -> Response<String> {
    json(status, format!(r#"{{"error": {}}}"#, json_string(message)))
}

/// `text` as a JSON string, with its quotes.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn with_type(content_type: &'static str, status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
