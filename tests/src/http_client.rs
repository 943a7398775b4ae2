//! A plain HTTP client: what `curl` is to a person.

use std::sync::LazyLock;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The value of a header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:?}", self.body))
    }
}

/// Sends a request without a body.
///
/// # Errors
/// When there is no whole answer.
pub async fn send(method: Method, url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    send_with_body(method, url, headers, Bytes::new()).await
}

/// Sends a request.
///
/// # Errors
/// When there is no whole answer.
pub async fn send_with_body(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    // One client for each runtime would be right too; connections of another runtime's tasks must not be shared.
    static CONNECTOR: LazyLock<HttpConnector> = LazyLock::new(HttpConnector::new);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(CONNECTOR.clone());
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(Full::new(body.into()))?).await?;
    let (head, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// Sends a `GET`.
///
/// # Errors
/// When there is no whole answer.
pub async fn get(url: &str) -> anyhow::Result<Answer> {
    send(Method::GET, url, &[]).await
}
