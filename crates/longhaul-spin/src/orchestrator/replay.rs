//! The replay door: `POST /replay`. For tools: `longhaul replay` asks here.

use http::Method;
use longhaul::{Orchestrators, ReplayError, doors};

use crate::exchange::{Answer, json, plain};
use crate::hub;

/// Answers whether `orchestrators` still do what a history says. Nothing is changed.
pub(super) async fn answer(method: &Method, body: &[u8], orchestrators: &Orchestrators) -> Answer {
    let asked = match doors::replay_request(method.as_str(), doors::REPLAY_PATH, body) {
        Ok(asked) => asked,
        Err(refused) => return plain(refused.status, refused.message),
    };
    let engine = match hub::engine().await {
        Ok(engine) => engine,
        Err(error) => return plain(500, error.to_string()),
    };
    match engine.answer_replay(&asked, orchestrators).await {
        Ok(answer) => json(200, serde_json::to_vec(&answer).expect("an answer of ours has a JSON form")),
        Err(error @ ReplayError::Document(_)) => plain(400, error.to_string()),
        Err(error @ ReplayError::Read(_)) => plain(500, error.to_string()),
    }
}
