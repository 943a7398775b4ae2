//! What a service says when it does not do what it is asked: JSON of several forms, XML or nothing, depending on which
//! part of it speaks. Whatever cannot be read is left out; the status is always there.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;

use crate::secret::Secret;

/// More than any error that the service writes; what is larger is something else's page.
const LARGEST_BODY: usize = 64 * 1024;
const LONGEST_CODE: usize = 100;
const LONGEST_MESSAGE: usize = 500;

/// A refusal or failure in the service's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFailure {
    /// The HTTP status.
    pub status: StatusCode,
    /// Azure's name for what is wrong, such as `AuthenticationFailed` or `invalid_client`.
    pub code: Option<String>,
    /// Azure's explanation, its first line.
    pub message: Option<String>,
    /// What Azure's support asks for.
    pub request_id: Option<String>,
}

impl ServiceFailure {
    /// Reads an answer that is no success.
    pub fn read(response: &Response<Bytes>) -> Self {
        let headers = response.headers();
        let body = Said::read(response.body());
        Self {
            status: response.status(),
            code: header(headers, "x-ms-error-code")
                .or_else(|| body.code.and_then(|code| shown(&code, LONGEST_CODE))),
            message: body.message.and_then(|message| shown(&message, LONGEST_MESSAGE)),
            request_id: request_id(headers),
        }
    }
}

impl ServiceFailure {
    /// The same without a text that was part of the request, should the service quote it.
    #[must_use]
    pub fn without(mut self, secret: &Secret) -> Self {
        for text in [&mut self.code, &mut self.message, &mut self.request_id].into_iter().flatten() {
            *text = secret.removed_from(text);
        }
        self
    }
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status.as_u16())?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }
}

/// What Azure's support asks for.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    header(headers, "x-ms-request-id")
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| shown(text, LONGEST_CODE))
}

/// The first line, without control characters, of a bounded length. The lines after it repeat the request id and the
/// time, and on a failed signature show what was signed.
fn shown(text: &str, longest: usize) -> Option<String> {
    let line = text.trim().lines().next()?;
    let shown: String = line.chars().filter(|c| !c.is_control()).take(longest).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Code and message as found in a body.
#[derive(Default)]
struct Said {
    code: Option<String>,
    message: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(body) else { return Self::default() };
        let text = text.trim_start_matches('\u{feff}').trim();
        match text.chars().next() {
            Some('{') if text.len() <= LARGEST_BODY => Self::from_json(text),
            Some('<') if text.len() <= LARGEST_BODY => Self::from_xml(text),
            _ => Self::default(),
        }
    }

    fn from_json(text: &str) -> Self {
        /// Entra ID says `error` and `error_description`, App Configuration `title` and `detail` (RFC 9457), others an
        /// object.
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "odata.error", alias = "error")]
            error: Option<Error>,
            error_description: Option<String>,
            title: Option<String>,
            detail: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Error {
            Object(Problem),
            Code(String),
        }
        #[derive(Deserialize)]
        struct Problem {
            code: Option<String>,
            message: Option<Message>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Message {
            InLanguage { value: String },
            Plain(String),
        }
        let Ok(body) = serde_json::from_str::<Body>(text) else { return Self::default() };
        match body.error {
            Some(Error::Object(problem)) => {
                let message = problem.message.map(|message| match message {
                    Message::InLanguage { value } | Message::Plain(value) => value,
                });
                Self { code: problem.code, message }
            }
            Some(Error::Code(code)) => Self { code: Some(code), message: body.error_description },
            None => Self { code: body.title, message: body.detail },
        }
    }

    /// `<Error><Code>…</Code><Message>…</Message></Error>` and, with a namespace, `<m:error><m:code>…`.
    fn from_xml(text: &str) -> Self {
        let Ok(document) = roxmltree::Document::parse(text) else { return Self::default() };
        let element = |name: &str| {
            let mut elements = document.root_element().children().filter(|node| node.is_element());
            let found = elements.find(|node| node.tag_name().name().eq_ignore_ascii_case(name))?;
            found.text().map(str::to_owned)
        };
        Self { code: element("code"), message: element("message") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, body: &str) -> (Option<String>, Option<String>) {
        let mut response = Response::builder().status(400);
        if let Some(code) = header {
            response = response.header("x-ms-error-code", code);
        }
        let response = response.body(Bytes::from(body.to_owned())).expect("a response");
        let failure = ServiceFailure::read(&response);
        (failure.code, failure.message)
    }

    #[test]
    fn code_and_message_are_found_in_every_form_of_error() {
        let xml = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>";
        let cases = [
            (None, r#"{"odata.error":{"code":"InvalidInput","message":{"lang":"en-US","value":"Bad &.\nRequestId:1"}}}"#.into(), "InvalidInput", "Bad &."),
            (None, r#"{"error":{"code":"C","message":"M"}}"#.into(), "C", "M"),
            (Some("Header"), r#"{"odata.error":{"code":"C","message":{"value":"M"}}}"#.into(), "Header", "M"),
            (None, r#"{"odata.error":{"code":"C"}}"#.into(), "C", ""),
            (None, format!("{xml}<Error><Code>AuthorizationFailure</Code><Message>No &amp; no.\nTime:</Message><AuthenticationErrorDetail>secret</AuthenticationErrorDetail></Error>"), "AuthorizationFailure", "No & no."),
            (None, r#"<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><m:code>C</m:code><m:message xml:lang="en-US">M</m:message></m:error>"#.into(), "C", "M"),
            (None, r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\r\nTrace ID: 1","error_codes":[7000215]}"#.into(), "invalid_client", "AADSTS7000215: Invalid client secret."),
            (None, r#"{"type":"https://azconfig.io/errors/x","title":"Unauthorized","detail":"No.","status":401}"#.into(), "Unauthorized", "No."),
            (None, r#"{"error":{"code":"Forbidden","message":"No get permission.","innererror":{"code":"ForbiddenByPolicy"}}}"#.into(), "Forbidden", "No get permission."),
            (Some("Header"), String::new(), "Header", ""),
            (Some("Header"), "<Error><Code>C</Co".into(), "Header", ""),
            (None, "{\"odata.error\":{".into(), "", ""),
            (None, "<html><body>Bad gateway</body></html>".into(), "", ""),
            (None, "Bad gateway".into(), "", ""),
            (None, format!("{{\"error\":{{\"code\":\"{}\"}}}}", "c".repeat(70_000)), "", ""),
            (None, format!("{{\"error\":{{\"code\":\"{}\"}}}}", "c".repeat(101)), &"c".repeat(100), ""),
        ];
        for (header, body, code, message) in cases {
            let (found_code, found_message) = read(header, &body);
            let found = (found_code.as_deref().unwrap_or(""), found_message.as_deref().unwrap_or(""));
            assert_eq!(found, (code, message), "{body:.100}");
        }
    }

    #[test]
    fn a_failure_is_told_in_one_line() {
        let response = Response::builder()
            .status(403)
            .header("x-ms-request-id", "id-1")
            .body(Bytes::from(
                "<Error><Code>AuthorizationFailure</Code><Message>No.\nRequestId:1</Message></Error>",
            ))
            .expect("a response");
        let told = ServiceFailure::read(&response).to_string();
        assert_eq!(told, "status 403 AuthorizationFailure: No. (request id id-1)");
    }
}
