//! The orchestrator component: `POST /tick/{key}`, `POST /replay`, and `GET /functions`.

mod replay;

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Engine, EntityBatch, EntityOutcome,
    InstanceKey, NoAnswer, Orchestrators, TickKick, doors,
};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Request};

use crate::activity_answer::{self, Form};
use crate::components::{ACTIVITY, ENTITIES};
use crate::http_call::{describe, post_json};
use crate::kick::SpinKicks;
use crate::streamed::{finish, streamed};
use crate::wakeable::wakeable;
use crate::{Answer as WholeAnswer, SpinPlatform, hub, in_background, log_to_stderr, plain};

pub use crate::streamed::Answer;

/// Answers a request to an orchestrator component whose functions are `orchestrators`: at once, and the work goes on
/// after the answer. The body of the answer to a kick that is watched ends with the tick.
///
/// 503 while this instance of the component runs a tick that may take it down: whoever asks, or the scheduler, comes
/// again.
pub async fn serve(request: Request, orchestrators: Orchestrators) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()).into_response(),
    };
    match head.uri.path() {
        doors::REPLAY_PATH => replay::answer(&head.method, &body, &orchestrators).await.into_response(),
        doors::FUNCTIONS_PATH => functions(&head.method, &orchestrators).into_response(),
        _ => match doors::tick_request(head.method.as_str(), head.uri.path(), &body) {
            Ok((key, kick)) => take_tick(key, kick, orchestrators).await,
            Err(refused) => plain(refused.status, refused.message).into_response(),
        },
    }
}

async fn take_tick(key: InstanceKey, kick: TickKick, orchestrators: Orchestrators) -> Answer {
    match hub::engine().await {
        Ok(engine) if engine.takes_ticks() => {
            let watched = kick.watched;
            // Ticks that run here tell each other of messages.
            let tick = wakeable(tick(engine, key, kick, orchestrators));
            if !watched {
                in_background(tick);
                return plain(202, "").into_response();
            }
            let (body, answer) = streamed(202, &HeaderMap::new())?;
            in_background(async move {
                tick.await;
                finish(body).await;
            });
            Ok(answer)
        }
        Ok(_) => come_again("an instance that has ended processes runs here alone").into_response(),
        Err(error) => {
            tracing::error!("instance {key} goes on later: {error}");
            come_again("the log says why").into_response()
        }
    }
}

/// Answers which functions there are.
fn functions(method: &Method, orchestrators: &Orchestrators) -> WholeAnswer {
    if method != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED.as_u16(), "use GET");
    }
    let names = serde_json::to_vec(&orchestrators.registered()).expect("names have a JSON form");
    let mut answer = plain(StatusCode::OK.as_u16(), names);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn come_again(why: &'static str) -> WholeAnswer {
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE.as_u16(), why);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

async fn tick(
    engine: Rc<Engine<SpinPlatform>>,
    key: InstanceKey,
    kick: TickKick,
    orchestrators: Orchestrators,
) {
    match engine.tick(&key, &kick, &orchestrators, &SpinActivities, &SpinKicks).await {
        Ok(ticked) => tracing::debug!("instance {key}: {ticked:?}"),
        Err(error) => tracing::error!("instance {key} goes on later: {error}"),
    }
}

/// Activities and entities through the host's service chaining.
struct SpinActivities;

impl Activities for SpinActivities {
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        let gave_none = |error: String| NoAnswer(format!("the entities component gave no answer: {error}"));
        let body = serde_json::to_vec(batch).expect("a batch has a JSON form");
        let url = format!("{ENTITIES}{}", doors::entities_path(batch.entity_id.name()));
        let (head, body) = post_json(url, body).await.map_err(gave_none)?.into_parts();
        let body = body.bytes().await.map_err(|error| gave_none(error.to_string()))?;
        EntityOutcome::decode(head.status.as_u16(), &body, batch)
    }

    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        report: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        let response = post_json(format!("{ACTIVITY}{}", doors::activity_path(name)), body)
            .await
            .map_err(|error| NoAnswer(format!("the activity component gave no answer: {error}")))?;
        if response.status() != StatusCode::OK {
            return Err(NoAnswer(format!("the activity component answered {}", describe(response).await)));
        }
        let form =
            Form::of(response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()));
        activity_answer::read(form, response.into_body().stream(), report).await
    }
}
