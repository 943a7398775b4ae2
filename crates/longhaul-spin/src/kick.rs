//! Kicks, sent to the orchestrator and scheduler components.

use std::cell::Cell;

use jiff::Timestamp;
use longhaul::{InstanceKey, KickError, Kicks, SchedulerKick, SchedulerWatch, Started, TickKick, doors};

use crate::components::{ORCHESTRATOR, SCHEDULER};
use crate::http_call::post_json;

thread_local! {
    static WATCH: Cell<SchedulerWatch> = Cell::default();
}

/// Kicks through the host's service chaining.
pub struct SpinKicks;

impl Kicks for SpinKicks {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let body = serde_json::to_vec(kick).expect("a kick has a JSON form");
        accepted(post_json(format!("{ORCHESTRATOR}{}", doors::tick_path(key)), body).await)
    }
}

/// Has a new instance run, and looked after. Called after the answer is on its way; what is lost here, the scheduler
/// finds.
pub async fn run(started: Started) {
    let tick = SpinKicks.tick(&started.key, &started.tick);
    let (ticked, ()) = futures::future::join(tick, scheduler(started.scheduler)).await;
    if let Err(error) = ticked {
        tracing::warn!("instance {} waits for the scheduler: {error}", started.id);
    }
}

/// Has an instance that is overdue looked at again, and the scheduler woken.
pub async fn revive(key: InstanceKey) {
    // The tick first: it needs nobody else.
    if let Err(error) = SpinKicks.tick(&key, &TickKick::default()).await {
        tracing::warn!("instance {key} is overdue: {error}");
    }
    scheduler(SchedulerKick { due: Some(Timestamp::now()), started_at: None }).await;
}

/// Wakes the scheduler, unless it is known to look in time.
async fn scheduler(kick: SchedulerKick) {
    let now = Timestamp::now();
    let due = kick.due.unwrap_or(now);
    if !WATCH.get().needs_kick(due, now) {
        return;
    }
    let body = serde_json::to_vec(&kick).expect("a kick has a JSON form");
    match accepted(post_json(format!("{SCHEDULER}{}", doors::SCHEDULER_PATH), body).await) {
        Ok(()) => WATCH.with(|watch| {
            let mut kicked = watch.get();
            kicked.kicked(due);
            watch.set(kicked);
        }),
        Err(error) => tracing::warn!("the scheduler was not woken: {error}"),
    }
}

fn accepted(answer: Result<(http::StatusCode, bytes::Bytes), String>) -> Result<(), KickError> {
    match answer {
        Ok((status, _)) if status.is_success() => Ok(()),
        Ok((status, body)) => Err(KickError(format!("{status}: {}", String::from_utf8_lossy(&body)))),
        Err(error) => Err(KickError(error)),
    }
}
