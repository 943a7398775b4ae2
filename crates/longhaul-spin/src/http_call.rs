//! Requests to other components.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, send};

/// Posts JSON, and answers the status and the whole body.
pub(crate) async fn post_json(url: String, body: Vec<u8>) -> Result<(StatusCode, Bytes), String> {
    let mut request = Request::new(FullBody::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse().map_err(|error| format!("{url}: {error}"))?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = send(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = response.into_body().bytes().await.map_err(|error| error.to_string())?;
    Ok((status, body))
}
