//! The orchestrator component: `POST /tick/{key}`.

use longhaul::{
    Activities, ActivityOutcome, ActivityRequest, InstanceKey, NoAnswer, Orchestrators, TickKick, doors,
};
use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt;

use crate::components::ACTIVITY;
use crate::http_call::post_json;
use crate::{Answer, hub, in_background, log_to_stderr, plain};

/// Answers a request to an orchestrator component whose functions are `orchestrators`: at once, and the work goes on
/// after the answer.
pub async fn serve(request: Request, orchestrators: Orchestrators) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()),
    };
    match doors::tick_request(head.method.as_str(), head.uri.path(), &body) {
        Ok((key, kick)) => {
            in_background(tick(key, kick, orchestrators));
            plain(202, "")
        }
        Err(refused) => plain(refused.status, refused.message),
    }
}

async fn tick(key: InstanceKey, kick: TickKick, orchestrators: Orchestrators) {
    let ticked = match hub::engine().await {
        Ok(engine) => {
            engine.tick(&key, &kick, &orchestrators, &SpinActivities).await.map_err(|e| e.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    match ticked {
        Ok(ticked) => tracing::debug!("instance {key}: {ticked:?}"),
        Err(error) => tracing::error!("instance {key} goes on later: {error}"),
    }
}

/// Activities through the host's service chaining.
struct SpinActivities;

impl Activities for SpinActivities {
    async fn call(&self, name: &str, request: &ActivityRequest) -> Result<ActivityOutcome, NoAnswer> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        match post_json(format!("{ACTIVITY}{}", doors::activity_path(name)), body).await {
            Ok((http::StatusCode::OK, body)) => ActivityOutcome::decode(&body),
            Ok((status, body)) => Err(NoAnswer(format!(
                "the activity component answered {status}: {}",
                String::from_utf8_lossy(&body)
            ))),
            Err(error) => Err(NoAnswer(format!("the activity component gave no answer: {error}"))),
        }
    }
}
