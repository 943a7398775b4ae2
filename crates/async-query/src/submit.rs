//! The submission of a query: `GET` or `POST /api/submit/query?s=…&e=…`.
//!
//! [`check`] turns a request into a [`Submission`] or into the answer that says what is wrong with it. The component
//! starts an instance of [`ORCHESTRATOR`] with [`Submission::input`], and sends one of the submission's answers.
//!
//! A request is checked in this order: method, `s`, `e`, their distance, host, `Idempotency-Key`. The first thing
//! that is wrong is the one that is answered.

use http::header::{ALLOW, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use jiff::SignedDuration;
use jiff::civil::Date;
use longhaul::{Json, Payload};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::answers::{RETRY_AFTER_SECONDS, error, json, json_string};
use crate::dates::{self, WrittenDate};
use crate::idempotency::IdempotencyKey;
use crate::prefer;
use public_address::BaseUri;

pub use public_address::Settings;

/// The orchestrator function that a submission starts.
pub const ORCHESTRATOR: &str = "orchestrator-function";

/// The shortest range: one whole day, as date-times.
const SHORTEST_RANGE: SignedDuration = SignedDuration::from_hours(24);

/// The dates of a query, as written. `end` is never before `start` in a checked submission.
///
/// In JSON: `{"start":"2021-10-10","end":"2021-12-10"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateRange {
    /// The first date.
    pub start: Date,
    /// The last date.
    pub end: Date,
}

/// A valid submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The dates to query.
    pub range: DateRange,
    /// The key under which the client may repeat the submission.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Under which the status is found.
    base: BaseUri,
    /// Whether the client prefers 202.
    respond_async: bool,
}

/// What is wrong with a submission's dates, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvalidRange {
    #[error("Empty start date.")]
    EmptyStart,
    #[error("Invalid start date format.")]
    StartFormat,
    #[error("Empty end date.")]
    EmptyEnd,
    #[error("Invalid end date format.")]
    EndFormat,
    #[error("Invalid date range.")]
    Order,
}

/// Checks a request. `today` decides the century of a year of two digits. An `Err` is the answer to send.
// The large `Err` is the point: it is moved once, to be sent. Not `expect`, because it is small enough on 32 bits.
#[allow(clippy::result_large_err)]
pub fn check(
    request: &http::request::Parts,
    settings: &Settings,
    today: Date,
) -> Result<Submission, Response<String>> {
    if request.method != Method::GET && request.method != Method::POST {
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: use GET or POST.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
        return Err(response);
    }
    Ok(Submission {
        range: range(request.uri.query().unwrap_or_default(), today).map_err(bad_request)?,
        base: public_address::of_request(request, settings).map_err(bad_request)?,
        idempotency_key: IdempotencyKey::of_request(&request.headers).map_err(bad_request)?,
        respond_async: prefer::respond_async(&request.headers),
    })
}

impl Submission {
    /// The input of the instance to start: the dates.
    pub fn input(&self) -> Json {
        Json::of(&self.range).expect("dates have a JSON form")
    }

    /// Whether an instance that was started with `input` was started by this same submission.
    pub fn has_input(&self, input: &Payload) -> bool {
        input.is(&self.input())
    }

    /// The id that the instance must have, if the submission has a key; else any new id will do.
    pub fn instance_id(&self) -> Option<String> {
        self.idempotency_key.as_ref().map(|key| key.instance_id(ORCHESTRATOR))
    }

    /// The answer to a submission whose instance is stored: where its status is found.
    pub fn accepted(&self, instance_id: &str) -> Response<String> {
        // Ids of our own making need no encoding, but a URI must hold for any id.
        let id = utf8_percent_encode(instance_id, UNRESERVED);
        let uri = format!("{}/api/status/{id}", self.base);
        let location =
            HeaderValue::try_from(&uri).expect("a base URI and percent-encoding are visible ASCII");

        let status = if self.respond_async { StatusCode::ACCEPTED } else { StatusCode::OK };
        let mut response = json(status, format!(r#"{{"statusUri": {}}}"#, json_string(&uri)));
        let headers = response.headers_mut();
        headers.insert(LOCATION, location);
        headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        if self.respond_async {
            headers.insert(prefer::PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
        }
        response
    }

    /// The answer when the key has already been used for a query of other dates.
    pub fn key_conflict(&self) -> Response<String> {
        error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This Idempotency-Key was already used with other dates: use a new key for a new query.",
        )
    }

    /// The answer when storing the instance failed, so that nobody knows whether it was stored.
    pub fn store_failed(&self) -> Response<String> {
        let message = if self.idempotency_key.is_some() {
            "The outcome is unknown: the query may or may not have been started. Repeat the request with the same \
             Idempotency-Key: that is safe and never starts a second query."
        } else {
            "The outcome is unknown: the query may or may not have been started. Repeating the request may start a \
             second query; send an Idempotency-Key header next time to make repeating safe."
        };
        let mut response = error(StatusCode::SERVICE_UNAVAILABLE, message);
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        response
    }
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn bad_request(reason: impl std::fmt::Display) -> Response<String> {
    error(StatusCode::BAD_REQUEST, &reason.to_string())
}

fn range(query: &str, today: Date) -> Result<DateRange, InvalidRange> {
    let start = written(query, "s", today, InvalidRange::EmptyStart, InvalidRange::StartFormat)?;
    let end = written(query, "e", today, InvalidRange::EmptyEnd, InvalidRange::EndFormat)?;
    let range = DateRange { start: start.date(), end: end.date() };
    // Far apart offsets can put the later instant on the earlier date; the query goes by the dates.
    if end.since(&start) < SHORTEST_RANGE || range.end < range.start {
        return Err(InvalidRange::Order);
    }
    Ok(range)
}

/// The date in the first parameter called `name`.
fn written(
    query: &str,
    name: &str,
    today: Date,
    empty: InvalidRange,
    format: InvalidRange,
) -> Result<WrittenDate, InvalidRange> {
    let value = form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value);
    let value = value.filter(|value| !value.is_empty()).ok_or(empty)?;
    dates::parse(&value, today).map_err(|_| format)
}
