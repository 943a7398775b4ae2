//! Why a request is refused, in the words and the formats of the real service.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::options::{Throttle, ThrottleStatus};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request does not prove that it comes from the account; with the reason, which the real service gives
    /// as well.
    AuthenticationFailed(&'static str),
    ServerBusy(Throttle),
    /// The path names another account or nothing known.
    ResourceNotFound,
    TableNotFound,
    InvalidInput(String),
    NotImplemented(&'static str),
    UnsupportedHttpVerb,
    AtomFormatNotSupported,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::AuthenticationFailed(_) => StatusCode::FORBIDDEN,
            Self::ServerBusy(throttle) => match throttle.status {
                ThrottleStatus::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
                ThrottleStatus::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            },
            Self::ResourceNotFound | Self::TableNotFound => StatusCode::NOT_FOUND,
            Self::InvalidInput(_) => StatusCode::BAD_REQUEST,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::UnsupportedHttpVerb => StatusCode::METHOD_NOT_ALLOWED,
            Self::AtomFormatNotSupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::AuthenticationFailed(_) => "AuthenticationFailed",
            Self::ServerBusy(_) => "ServerBusy",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::TableNotFound => "TableNotFound",
            Self::InvalidInput(_) => "InvalidInput",
            Self::NotImplemented(_) => "NotImplemented",
            Self::UnsupportedHttpVerb => "UnsupportedHttpVerb",
            Self::AtomFormatNotSupported => "AtomFormatNotSupported",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::AuthenticationFailed(detail) => format!(
                "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
                 correctly including the signature. {detail}"
            ),
            Self::ServerBusy(_) => "The server is busy.".to_owned(),
            Self::ResourceNotFound => "The specified resource does not exist.".to_owned(),
            Self::TableNotFound => "The table specified does not exist.".to_owned(),
            Self::InvalidInput(detail) => format!("One of the request inputs is not valid: {detail}."),
            Self::NotImplemented(what) => {
                format!("The requested operation is not implemented on the specified resource: {what}.")
            }
            Self::UnsupportedHttpVerb => "The resource doesn't support specified Http Verb.".to_owned(),
            Self::AtomFormatNotSupported => "Atom format is not supported.".to_owned(),
        }
    }

    /// The real service answers these with XML, whatever the client accepts.
    fn is_xml(&self) -> bool {
        matches!(self, Self::AuthenticationFailed(_) | Self::AtomFormatNotSupported)
    }

    /// The answer to the request with this id.
    pub fn response(&self, request_id: &str) -> http::Response<Vec<u8>> {
        let message = format!(
            "{}\nRequestId:{request_id}\nTime:{}",
            self.message(),
            jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.7fZ")
        );
        let (content_type, body) =
            if self.is_xml() { xml(self.code(), &message) } else { json(self.code(), &message) };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert("x-ms-error-code", HeaderValue::from_static(self.code()));
        if let Self::ServerBusy(Throttle { retry_after: Some(delay), .. }) = self {
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn json(code: &str, message: &str) -> (&'static str, Vec<u8>) {
    let body = json!({ "odata.error": { "code": code, "message": { "lang": "en-US", "value": message } } });
    ("application/json;odata=nometadata;streaming=true;charset=utf-8", body.to_string().into_bytes())
}

/// No message that is sent as XML has a character to escape: all of them are constants of this file and `auth`.
fn xml(code: &str, message: &str) -> (&'static str, Vec<u8>) {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\
         <error xmlns=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\">\
         <code>{code}</code><message xml:lang=\"en-US\">{message}</message></error>"
    );
    ("application/xml", body.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::options::Every;

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        for (delay, header) in
            [(None, None), (Some(0), Some("0")), (Some(1), Some("1")), (Some(1500), Some("2"))]
        {
            let throttle = Throttle {
                every: Every::nth(1),
                status: ThrottleStatus::TooManyRequests,
                retry_after: delay.map(Duration::from_millis),
            };
            let response = Refusal::ServerBusy(throttle).response("id");
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            let found =
                response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("digits"));
            assert_eq!(found, header);
        }
    }
}
