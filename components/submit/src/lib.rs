//! `/api/submit/query`: takes a date range, stores an instance, answers with its status URI.

use async_query::service;
use async_query::submit::Settings;
use jiff::Timestamp;
use longhaul_spin::{Answer, answer, hub, in_background, kick, log_to_stderr, variables};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn submit(request: Request) -> Answer {
    log_to_stderr();
    let public_base_url = variables::text("public_base_url").await;
    let trust_forwarded_headers = variables::text("trust_forwarded_headers").await;
    let settings = match Settings::from_variables(&public_base_url, &trust_forwarded_headers) {
        Ok(settings) => settings,
        Err(error) => return answer(service::misconfigured(&error)),
    };
    let submission = match service::check(&request.into_parts().0, &settings, Timestamp::now()) {
        Ok(submission) => submission,
        Err(refusal) => return answer(refusal),
    };
    let submitted = match hub::engine().await {
        Ok(engine) => service::submit(&engine, &submission).await,
        Err(error) => service::not_stored(&submission, &error),
    };
    if let Some(started) = submitted.started {
        in_background(kick::run(started));
    }
    answer(submitted.answer)
}
