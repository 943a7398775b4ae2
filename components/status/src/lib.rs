//! `/api/status/{id}`: shows id, status and result of an instance, and nothing else.

use async_query::service;
use longhaul_spin::{Answer, answer, hub, in_background, kick, log_to_stderr};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn status(request: Request) -> Answer {
    log_to_stderr();
    let engine = match hub::engine().await {
        Ok(engine) => engine,
        Err(error) => return answer(service::unavailable(&error)),
    };
    let polled = service::status(&engine, &request.into_parts().0).await;
    if let Some((key, concern)) = polled.concern {
        in_background(kick::see_to(key, concern));
    }
    answer(polled.answer)
}
