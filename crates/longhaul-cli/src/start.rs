//! The call that `[application.tool.longhaul] start` asks for: it lets what a crash interrupted go on at once.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};
use longhaul_host::Host;
use longhaul_manifest::StartCall;

/// Makes the call. That it fails is logged: the application serves all the same.
pub async fn call(host: Arc<Host>, call: StartCall) {
    let body = serde_json::json!({ "startedAt": jiff::Timestamp::now().to_string() });
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from(call.path.clone());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match host.call(&call.component, request).await {
        Ok(response) if response.status().is_success() => {}
        Ok(response) => tracing::warn!(
            target: "longhaul",
            "the start call to {}{} was answered with {}",
            call.component, call.path, response.status()
        ),
        Err(error) => {
            tracing::warn!(target: "longhaul", "the start call to {}{} failed: {error}", call.component, call.path);
        }
    }
}
