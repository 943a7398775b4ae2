//! Kicks, sent to the orchestrator and scheduler components.
//!
//! All of them are sent after the answer to whoever caused them, [`in_background`](crate::in_background): what is lost
//! here, the scheduler finds.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use longhaul::{
    Concern, InstanceKey, KickError, Kicks, SchedulerKick, SchedulerWatch, Started, TickKick, Told, doors,
};
use serde::Serialize;

use crate::components::{ORCHESTRATOR, SCHEDULER};
use crate::exchange::{Answered, post_json};
use crate::time_limit::within;

/// A component that does not take a kick for so long is busy, and must not hold up the kicks of others.
const KICK_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static WATCH: Cell<SchedulerWatch> = Cell::default();
}

/// Kicks through the host's service chaining.
pub struct SpinKicks;

impl Kicks for SpinKicks {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        send(ORCHESTRATOR, &doors::tick_path(key), body_of(kick)).await.map(drop)
    }
}

fn body_of(kick: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(kick).expect("a kick has a JSON form")
}

/// Has a new instance run, and looked after.
pub async fn run(started: Started) {
    run_and_look_after(&started.key, &started.tick, started.scheduler).await;
}

/// Has a new instance run, and looked after, and resolves when its tick has ended, or cannot be watched any longer.
pub async fn run_to_end(started: Started) {
    let watched = TickKick { watched: true, ..started.tick };
    let ticked = async {
        let answered = send(ORCHESTRATOR, &doors::tick_path(&started.key), body_of(&watched)).await?;
        // Empty, and its end is what is waited for.
        answered.body().whole().await.map_err(|error| KickError(error.to_string()))
    };
    let (ticked, ()) = futures::future::join(ticked, scheduler(started.scheduler)).await;
    if let Err(error) = ticked {
        tracing::warn!("instance {} was not watched to its end: {error}", started.key);
    }
}

/// Has an instance act on what it was told, and looked after: for client functions that raise events, terminate,
/// suspend, resume or rewind.
pub async fn told(told: Told) {
    run_and_look_after(&told.key, &told.tick, told.scheduler).await;
}

/// Does what is to be done about an instance that somebody has polled, if it was not done a moment ago.
pub async fn see_to(key: InstanceKey, concern: Concern) {
    let now = Timestamp::now();
    let is_time = WATCH.with(|watch| {
        let mut seen = watch.get();
        let is_time = match concern {
            Concern::Overdue => seen.wakes(now),
            Concern::Quiet => seen.checks(now),
        };
        watch.set(seen);
        is_time
    });
    match concern {
        _ if !is_time => {}
        Concern::Overdue => {
            tracing::warn!("instance {key} is overdue");
            let scheduler = SchedulerKick { due: Some(now), ..SchedulerKick::default() };
            run_and_look_after(&key, &TickKick::default(), scheduler).await;
        }
        Concern::Quiet => {
            if let Err(error) = wake(&SchedulerKick { check: true, ..SchedulerKick::default() }).await {
                tracing::warn!("the scheduler was not looked after: {error}");
            }
        }
    }
}

/// Wakes the scheduler now, and answers when it is awake.
///
/// # Errors
/// When it does not answer.
pub async fn wake_scheduler() -> Result<(), KickError> {
    wake(&SchedulerKick::default()).await
}

async fn run_and_look_after(key: &InstanceKey, tick: &TickKick, looks: SchedulerKick) {
    let (ticked, ()) = futures::future::join(SpinKicks.tick(key, tick), scheduler(looks)).await;
    if let Err(error) = ticked {
        tracing::warn!("instance {key} waits for the scheduler: {error}");
    }
}

/// Wakes the scheduler, unless it is known to look in time.
async fn scheduler(kick: SchedulerKick) {
    let now = Timestamp::now();
    let due = kick.due.unwrap_or(now);
    if !WATCH.get().needs_kick(due, now) {
        return;
    }
    match wake(&kick).await {
        Ok(()) => WATCH.with(|watch| {
            let mut kicked = watch.get();
            kicked.kicked(due);
            watch.set(kicked);
        }),
        Err(error) => tracing::warn!("the scheduler was not woken: {error}"),
    }
}

async fn wake(kick: &SchedulerKick) -> Result<(), KickError> {
    send(SCHEDULER, doors::SCHEDULER_PATH, body_of(kick)).await.map(drop)
}

/// Sends a kick, which is answered at once or not at all.
async fn send(component: &str, path: &str, body: Vec<u8>) -> Result<Answered, KickError> {
    let answered = async {
        let answered = post_json(component, path, body).await.map_err(KickError)?;
        match answered.status() {
            200..300 => Ok(answered),
            _ => Err(KickError(answered.describe().await)),
        }
    };
    let in_time = within(KICK_TIMEOUT, answered).await;
    in_time.unwrap_or_else(|| Err(KickError(format!("no answer within {KICK_TIMEOUT:?}"))))
}
