//! The scheduler component: `POST /run`.

use longhaul::{SchedulerKick, doors};
use spin_sdk::http::Request;
use spin_sdk::http::body::IncomingBodyExt;

use crate::kick::SpinKicks;
use crate::{Answer, hub, in_background, log_to_stderr, plain};

/// Answers a request to the scheduler component: at once, and the scheduler runs after the answer.
pub async fn serve(request: Request) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()),
    };
    match doors::scheduler_request(head.method.as_str(), head.uri.path(), &body) {
        Ok(kick) => {
            in_background(run(kick));
            plain(202, "")
        }
        Err(refused) => plain(refused.status, refused.message),
    }
}

async fn run(kick: SchedulerKick) {
    let run = match hub::engine().await {
        Ok(engine) => engine.run_scheduler(&kick, &SpinKicks).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match run {
        Ok(run) => tracing::debug!("scheduler: {run:?}"),
        Err(error) => tracing::error!("the scheduler has stopped and waits for the next kick: {error}"),
    }
}
