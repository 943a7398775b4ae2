//! Requests to other components.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, Response, send};

/// How much is quoted of an answer that was not expected.
const QUOTED: usize = 500;

/// Posts JSON, and answers as soon as the answer begins.
pub(crate) async fn post_json(url: String, body: Vec<u8>) -> Result<Response, String> {
    let mut request = Request::new(FullBody::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse().map_err(|error| format!("{url}: {error}"))?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    send(request).await.map_err(|error| error.to_string())
}

/// Gets something, and answers as soon as the answer begins.
pub(crate) async fn get(url: String) -> Result<Response, String> {
    let mut request = Request::new(FullBody::new(Bytes::new()));
    *request.uri_mut() = url.parse().map_err(|error| format!("{url}: {error}"))?;
    send(request).await.map_err(|error| error.to_string())
}

/// What an answer says that was not expected: its status, and what its body begins with.
pub(crate) async fn describe(response: Response) -> String {
    let (head, body) = response.into_parts();
    let said = match body.bytes().await {
        Ok(body) => String::from_utf8_lossy(&body).chars().take(QUOTED).collect(),
        Err(error) => error.to_string(),
    };
    format!("{}: {said}", head.status)
}
