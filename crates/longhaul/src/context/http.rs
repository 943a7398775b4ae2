//! Durable HTTP: requests that an orchestrator has sent, and answers that it waits for as long as the server wants.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::OrchestrationContext;
use crate::failure::Failure;
use crate::platform::until;
use crate::retry::RetryPolicy;

/// The name of the activity function that sends one HTTP request. Activity components offer it by themselves.
pub const HTTP_ACTIVITY: &str = "BuiltIn::HttpActivity";

/// The wait for an answer that is not ready and does not say when it will be.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

/// The shortest such wait, whatever the server says: each one is in the history.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// Where to: an absolute URI. The activity component must be allowed to reach it (`allowed_outbound_hosts`).
    pub uri: String,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Whether an answer 202 with a `Location` is followed to the result.
    #[serde(skip)]
    pub asynchronous_pattern: bool,
    /// What is done when there is no answer. None: it fails at once.
    #[serde(skip)]
    pub retry: Option<RetryPolicy>,
}

impl HttpRequest {
    /// A request without headers and body, whose 202 answers are followed.
    pub fn new(method: &str, uri: &str) -> Self {
        Self {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: BTreeMap::new(),
            content: None,
            asynchronous_pattern: true,
            retry: None,
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a body.
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The status.
    pub status_code: u16,
    /// The headers, their names in lower case. Of several with one name, the values are joined by commas.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub content: String,
}

impl HttpResponse {
    /// A header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

pub(super) async fn call(
    context: &OrchestrationContext,
    mut request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    loop {
        let mut call = context.call_activity::<_, HttpResponse>(HTTP_ACTIVITY, &request);
        if let Some(policy) = &request.retry {
            call = call.with_retry(policy.clone());
        }
        let response = call.await?;
        let location = response.header("location").filter(|_| response.status_code == 202);
        let Some(location) = location.filter(|_| request.asynchronous_pattern) else { return Ok(response) };
        let next = resolve(&request.uri, location)?;
        let pause =
            retry_after(&response, context.current_time()).unwrap_or(DEFAULT_PAUSE).max(SHORTEST_PAUSE);
        context.create_timer(pause).await;
        // Credentials are not for whoever the server names, unless it names itself.
        if origin(&next) != origin(&request.uri) {
            request.headers.retain(|name, _| !is_credential(name));
        }
        request = HttpRequest { method: "GET".into(), uri: next, content: None, ..request };
    }
}

fn is_credential(name: &str) -> bool {
    ["authorization", "cookie", "x-functions-key"].iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// `Retry-After`: seconds, or a date. <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>
fn retry_after(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until(now, date))
}

/// Scheme and authority.
fn origin(uri: &str) -> &str {
    let begin = uri.find("://").map_or(0, |at| at + 3);
    let end = uri[begin..].find(['/', '?', '#']).map_or(uri.len(), |at| begin + at);
    &uri[..end]
}

/// `Location` as an absolute URI: one already, or a path of the same server.
fn resolve(base: &str, location: &str) -> Result<String, Failure> {
    let malformed = || {
        Failure::permanent(
            "BadLocation",
            "the answer's Location is neither an absolute URI nor a path".to_owned(),
        )
    };
    match location {
        absolute if absolute.starts_with("http://") || absolute.starts_with("https://") => {
            Ok(absolute.to_owned())
        }
        same_scheme if same_scheme.starts_with("//") => {
            let scheme = base.split_once("://").ok_or_else(malformed)?.0;
            Ok(format!("{scheme}:{same_scheme}"))
        }
        path if path.starts_with('/') => Ok(format!("{}{path}", origin(base))),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_and_origins_compared() {
        let base = "https://a.example:8443/api/start?x=1";
        assert_eq!(resolve(base, "/api/status/7").unwrap(), "https://a.example:8443/api/status/7");
        assert_eq!(resolve(base, "//b.example/x").unwrap(), "https://b.example/x");
        assert_eq!(resolve(base, "http://c.example/").unwrap(), "http://c.example/");
        assert!(resolve(base, "status").is_err());
        assert_eq!(origin("https://a.example?x"), "https://a.example");
    }

    #[test]
    fn the_wait_is_what_the_answer_says() {
        let response = |value: &str| HttpResponse {
            status_code: 202,
            headers: [("retry-after".to_owned(), value.to_owned())].into(),
            content: String::new(),
        };
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        let wait = |value: &str| retry_after(&response(value), now).map(|wait| wait.as_secs());
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
    }
}
