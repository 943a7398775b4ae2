//! The public API of the patterns: [`patterns::api`] says what there is.

use http::Response;
use http::request::Parts;
use longhaul::{Json, Platform, TaskHub, Wanted};
use longhaul_management::Links;
use longhaul_spin::{Answer, answer, hub, in_background, kick, log_to_stderr, management};
use patterns::api::{self, Asked, Refusal};
use patterns::{aggregator, approval};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{Request, Result};
use spin_sdk::http_service;

#[http_service]
async fn api(request: Request) -> Result<Answer> {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = body.bytes().await?;
    let response = match api::parse(&head, &body) {
        Ok(asked) => serve(asked, &head).await,
        Err(refusal) => Err(refusal),
    };
    Ok(answer(response.unwrap_or_else(|refusal| refusal.answer())))
}

/// The kicks are sent after the answer: what is lost of them, the scheduler finds.
async fn serve(asked: Asked, head: &Parts) -> std::result::Result<Response<String>, Refusal> {
    let engine = hub::engine().await.map_err(|error| Refusal::NoStore(error.to_string()))?;
    match asked {
        Asked::Start(start) => {
            let started = engine.start(start).await?;
            let links = links(engine.hub(), head).await;
            let now = engine.platform().now();
            let accepted = api::accepted(&started.id, links.map(|links| links.payload(&started.id, now)));
            in_background(kick::run(started));
            Ok(accepted)
        }
        Asked::Status(id) => {
            let wanted = Wanted { output: true, ..Wanted::default() };
            let details = engine.details(&id, wanted).await?.ok_or(Refusal::NoSuchInstance)?;
            let shown = api::shown(&details);
            // Whoever polls sees to it that nobody waits for a scheduler that is dead.
            if let Some(concern) = engine.concern(&details.head) {
                in_background(kick::see_to(details.key, concern));
            }
            Ok(shown)
        }
        Asked::Approve(id, approved) => {
            let answer = Json::of(&approved).expect("a boolean has a JSON form");
            let told = engine.raise_event(&id, approval::EVENT, answer).await?;
            in_background(kick::told(told));
            Ok(api::told(&id))
        }
        Asked::Record(station, reading) => {
            let told = engine.signal_entity(&station, aggregator::RECORD, reading, None).await?;
            in_background(kick::told(told));
            Ok(api::recorded(&station))
        }
        Asked::Station(station) => api::station(engine.entity(&station).await?),
    }
}

/// What makes links into the management API. None: it is closed.
async fn links(hub: &TaskHub, head: &Parts) -> Option<Links> {
    let settings = management::settings().await.map_err(|error| tracing::error!("{error}")).ok()?;
    settings.links(hub.as_str(), head).ok()
}
