//! The orchestrator component: `POST /tick/{key}`, `POST /replay`, and `GET /functions`.

mod replay;

use std::rc::Rc;

use http::{HeaderMap, Method};
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Engine, EntityBatch, EntityOutcome,
    InstanceKey, NoAnswer, Orchestrators, TickKick, doors,
};

use crate::activity_answer::{self, Form};
use crate::components::{ACTIVITY, ENTITIES};
use crate::exchange::{Answer, Asked, Request, answer, json, plain, post_json};
use crate::kick::SpinKicks;
use crate::streamed::{finish, streamed};
use crate::wakeable::wakeable;
use crate::{SpinPlatform, hub, in_background, log_to_stderr};

/// Answers a request to an orchestrator component whose functions are `orchestrators`: at once, and the work goes on
/// after the answer. The body of the answer to a kick that is watched ends with the tick.
///
/// 503 while this instance of the component runs a tick that may take it down: whoever asks, or the scheduler, comes
/// again.
pub async fn serve(request: Request, orchestrators: Orchestrators) -> Answer {
    log_to_stderr();
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    match asked.path.as_str() {
        doors::REPLAY_PATH => replay::answer(&asked.method, &asked.body, &orchestrators).await,
        doors::FUNCTIONS_PATH => functions(&asked.method, &orchestrators),
        path => match doors::tick_request(asked.method.as_str(), path, &asked.body) {
            Ok((key, kick)) => take_tick(key, kick, orchestrators).await,
            Err(refused) => plain(refused.status, refused.message),
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
                return plain(202, "");
            }
            let (body, answer) = streamed(202, &HeaderMap::new())?;
            in_background(async move {
                tick.await;
                finish(body).await;
            });
            Ok(answer)
        }
        Ok(_) => come_again("an instance that has ended processes runs here alone"),
        Err(error) => {
            tracing::error!("instance {key} goes on later: {error}");
            come_again("the log says why")
        }
    }
}

/// Answers which functions there are.
fn functions(method: &Method, orchestrators: &Orchestrators) -> Answer {
    if method != Method::GET {
        return plain(405, "use GET");
    }
    json(200, serde_json::to_vec(&orchestrators.registered()).expect("names have a JSON form"))
}

fn come_again(why: &str) -> Answer {
    answer(503, &[("retry-after", "1")], why.into())
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
        let path = doors::entities_path(batch.entity_id.name());
        let answered = post_json(ENTITIES, &path, body).await.map_err(gave_none)?;
        let status = answered.status();
        let body = answered.body().whole().await.map_err(|error| gave_none(error.to_string()))?;
        EntityOutcome::decode(status, &body, batch)
    }

    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        report: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        let answered = post_json(ACTIVITY, &doors::activity_path(name), body)
            .await
            .map_err(|error| NoAnswer(format!("the activity component gave no answer: {error}")))?;
        if answered.status() != 200 {
            return Err(NoAnswer(format!("the activity component answered {}", answered.describe().await)));
        }
        let form = Form::of(answered.header("content-type").as_deref());
        activity_answer::read(form, answered.body().pieces(), report).await
    }
}
