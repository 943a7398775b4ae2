//! The built-in activity that sends one HTTP request, for durable HTTP calls.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use longhaul::{Failure, HttpRequest, HttpResponse};
use spin_sdk::http::FullBody;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::time_limit::within;

/// How long a request may take, from its first byte to the answer's last: as long as Azure Durable Functions gives it.
/// <https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-features#limitations>
const TIMEOUT: Duration = Duration::from_secs(100);

/// Sends a request by outbound HTTP. Any status is an answer.
pub(super) async fn send(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let request = prepare(request)?;
    let exchange = async {
        let (head, body) = spin_sdk::http::send(request.map(FullBody::new)).await?.into_parts();
        Ok((head, body.bytes().await?))
    };
    let (head, body) = match within(TIMEOUT, exchange).await {
        Some(exchanged) => exchanged.map_err(no_answer)?,
        None => {
            return Err(Failure::new("HttpRequestFailed", format!("there was no answer within {TIMEOUT:?}")));
        }
    };
    let content = String::from_utf8(body.into()).map_err(|_| {
        Failure::permanent("HttpResponseUnreadable", "the body of the answer is not UTF-8 text".to_owned())
    })?;
    Ok(HttpResponse { status_code: head.status.as_u16(), headers: joined(&head.headers), content })
}

/// The request, if it is one that can be sent.
fn prepare(request: HttpRequest) -> Result<http::Request<Bytes>, Failure> {
    let malformed = |what: String| Failure::permanent("HttpRequestMalformed", what);
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| malformed(format!("'{}' is not an HTTP method", request.method)))?;
    let uri: Uri = request.uri.parse().map_err(|_| malformed("the URI is malformed".into()))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(malformed("the URI does not begin with http:// or https://".into()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name: HeaderName =
            name.parse().map_err(|_| malformed(format!("'{name}' is not the name of a header")))?;
        let value = HeaderValue::from_str(value).map_err(|_| {
            malformed(format!("the value of the header {name} has characters that none may have"))
        })?;
        headers.append(name, value);
    }
    let mut prepared = http::Request::new(Bytes::from(request.content.unwrap_or_default()));
    (*prepared.method_mut(), *prepared.uri_mut(), *prepared.headers_mut()) = (method, uri, headers);
    Ok(prepared)
}

fn no_answer(error: ErrorCode) -> Failure {
    match error {
        ErrorCode::HttpRequestDenied => Failure::permanent(
            "HttpRequestDenied",
            "the activity component may not reach that host: list it in its allowed_outbound_hosts",
        ),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid => {
            Failure::permanent("HttpRequestMalformed", error.to_string())
        }
        other => Failure::new("HttpRequestFailed", format!("there was no answer: {other}")),
    }
}

/// The headers, of which several with one name are one whose value is a list.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-5.3>
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|list| {
                list.push_str(", ");
                list.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_as_it_is_written_or_refused_for_good() {
        let request = HttpRequest::new("POST", "https://a.example/x?y=1").header("X-One", "1").content("{}");
        let prepared = prepare(request).unwrap();
        assert_eq!(prepared.method(), "POST");
        assert_eq!(prepared.uri(), "https://a.example/x?y=1");
        assert_eq!(prepared.headers()["x-one"], "1");
        assert_eq!(prepared.body(), "{}");
        for request in [
            HttpRequest::new("GET IT", "https://a.example"),
            HttpRequest::new("GET", "a.example/x"),
            HttpRequest::new("GET", "/x"),
            HttpRequest::new("GET", "ftp://a.example/x"),
            HttpRequest::new("GET", "https://a b"),
            HttpRequest::new("GET", "https://a.example").header("a b", "1"),
            HttpRequest::new("GET", "https://a.example").header("a", "1\n2"),
        ] {
            let failure = prepare(request).unwrap_err();
            assert_eq!(
                (failure.kind.as_str(), failure.retriable),
                ("HttpRequestMalformed", false),
                "{failure}"
            );
        }
    }

    #[test]
    fn headers_of_one_name_are_a_list() {
        let mut headers = HeaderMap::new();
        headers.append("Link", HeaderValue::from_static("<a>"));
        headers.append("Link", HeaderValue::from_static("<b>"));
        headers.append("Age", HeaderValue::from_static("7"));
        let joined = joined(&headers);
        assert_eq!(joined["link"], "<a>, <b>");
        assert_eq!(joined["age"], "7");
    }

    #[test]
    fn only_what_can_be_mended_by_waiting_is_tried_again() {
        assert!(no_answer(ErrorCode::ConnectionRefused).retriable);
        let denied = no_answer(ErrorCode::HttpRequestDenied);
        assert!(!denied.retriable && denied.message.contains("allowed_outbound_hosts"));
    }
}
