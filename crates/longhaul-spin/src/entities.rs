//! The entities component: `POST /entities/{name}`.

use jiff::Timestamp;
use longhaul::{EntityFunctions, doors};

use crate::exchange::{Answer, Asked, Request, json, plain};
use crate::log_to_stderr;

/// Answers a request to an entities component whose functions are `functions`: carries out operations on one entity, and
/// answers its new state, their results, and what they ask for. It needs no store.
pub async fn serve(request: Request, functions: EntityFunctions) -> Answer {
    log_to_stderr();
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    match doors::entities_request(asked.method.as_str(), &asked.path, &asked.body) {
        Ok(batch) => {
            let outcome = functions.run(batch, Timestamp::now()).await;
            json(200, serde_json::to_vec(&outcome).expect("an outcome has a JSON form"))
        }
        Err(refused) => plain(refused.status, refused.message),
    }
}
