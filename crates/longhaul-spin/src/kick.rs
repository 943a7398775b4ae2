//! Kicks, sent to the orchestrator and scheduler components.

use std::cell::Cell;
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;

use jiff::Timestamp;
use longhaul::{InstanceKey, KickError, Kicks, SchedulerKick, SchedulerWatch, Started, TickKick, doors};

use crate::components::{ORCHESTRATOR, SCHEDULER};
use crate::http_call::post_json;

/// A component that does not take a kick for so long is busy, and must not hold up the kicks of others.
const KICK_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static WATCH: Cell<SchedulerWatch> = Cell::default();
}

/// Kicks through the host's service chaining.
pub struct SpinKicks;

impl Kicks for SpinKicks {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let body = serde_json::to_vec(kick).expect("a kick has a JSON form");
        send(format!("{ORCHESTRATOR}{}", doors::tick_path(key)), body).await
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
    let wakes = WATCH.with(|watch| {
        let mut now = watch.get();
        let wakes = now.wakes(Timestamp::now());
        watch.set(now);
        wakes
    });
    if !wakes {
        return;
    }
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
    match send(format!("{SCHEDULER}{}", doors::SCHEDULER_PATH), body).await {
        Ok(()) => WATCH.with(|watch| {
            let mut kicked = watch.get();
            kicked.kicked(due);
            watch.set(kicked);
        }),
        Err(error) => tracing::warn!("the scheduler was not woken: {error}"),
    }
}

/// Sends a kick, which is answered at once or not at all.
async fn send(url: String, body: Vec<u8>) -> Result<(), KickError> {
    let answer = post_json(url, body);
    let timeout = spin_sdk::time::sleep(KICK_TIMEOUT);
    pin_mut!(answer, timeout);
    match select(answer, timeout).await {
        Either::Left((Ok((status, _)), _)) if status.is_success() => Ok(()),
        Either::Left((Ok((status, body)), _)) => {
            Err(KickError(format!("{status}: {}", String::from_utf8_lossy(&body))))
        }
        Either::Left((Err(error), _)) => Err(KickError(error)),
        Either::Right(_) => Err(KickError(format!("no answer within {KICK_TIMEOUT:?}"))),
    }
}
