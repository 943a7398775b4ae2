//! The activity component: `POST /activities/{name}`.

use longhaul::{ActivityFunctions, doors};
use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt;

use crate::{Answer, log_to_stderr, plain};

/// Answers a request to an activity component whose functions are `functions`.
pub async fn serve(request: Request, functions: ActivityFunctions<'_>) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()),
    };
    match doors::activity_request(head.method.as_str(), head.uri.path(), &body) {
        Ok((name, request)) => plain(200, functions.run(&name, request).await.encode()),
        Err(refused) => plain(refused.status, refused.message),
    }
}
