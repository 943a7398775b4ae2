//! The entities component: `POST /entities/{name}`.

use jiff::Timestamp;
use longhaul::{EntityFunctions, doors};
use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt;

use crate::{Answer, json, log_to_stderr, plain};

/// Answers a request to an entities component whose functions are `functions`: carries out operations on one entity, and
/// answers its new state, their results, and what they ask for. It needs no store.
pub async fn serve(request: Request, functions: EntityFunctions) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()),
    };
    match doors::entities_request(head.method.as_str(), head.uri.path(), &body) {
        Ok(batch) => json(&functions.run(batch, Timestamp::now()).await),
        Err(refused) => plain(refused.status, refused.message),
    }
}
