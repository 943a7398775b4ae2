//! The scheduler component: `POST /run`.

use longhaul::{SchedulerKick, doors};

use crate::exchange::{Answer, Asked, Request, plain};
use crate::kick::SpinKicks;
use crate::{hub, in_background, log_to_stderr};

/// Answers a request to the scheduler component: at once, and the scheduler runs after the answer.
pub async fn serve(request: Request) -> Answer {
    log_to_stderr();
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    match doors::scheduler_request(asked.method.as_str(), &asked.path, &asked.body) {
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
