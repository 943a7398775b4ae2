//! Waiting for the end of an instance.

use std::future::{Future, pending, ready};
use std::time::Duration;

use longhaul::{Json, OrchestrationContext, Orchestrators, Platform, RuntimeStatus, Start, Started};

use crate::support::{Hub, activities};

const LONG: Duration = Duration::from_secs(100);

fn hub() -> (Hub, Started) {
    let orchestrators = Orchestrators::new().with("nap", |ctx: OrchestrationContext, ms: u64| async move {
        ctx.create_timer(Duration::from_millis(ms)).await;
        Ok(())
    });
    let hub = Hub::new(orchestrators, activities());
    let started = hub.run(hub.engine.start(Start::new("nap", Json::of(&200).unwrap()))).unwrap();
    (hub, started)
}

/// Waits for the end of an instance that naps for 200 ms, and answers its status and for how long that took.
fn wait(
    hub: &Hub,
    started: &Started,
    limit: Duration,
    hint: impl Future<Output = ()>,
) -> (RuntimeStatus, u128) {
    let begin = hub.engine.platform().monotonic();
    let found = hub.run(hub.engine.wait_until_finished_or(&started.key, limit, hint)).unwrap();
    (found.unwrap().status, (hub.engine.platform().monotonic() - begin).as_millis())
}

#[test]
fn whoever_is_told_looks_at_once() {
    let (hub, started) = hub();
    hub.kick(&started);
    let platform = hub.engine.platform();
    let (status, took) = wait(&hub, &started, LONG, platform.sleep(Duration::from_millis(210)));
    assert_eq!(status, RuntimeStatus::Completed);
    assert!((200..230).contains(&took), "{took} ms");
}

#[test]
fn whoever_is_told_too_early_looks_again() {
    let (hub, started) = hub();
    hub.kick(&started);
    let (status, took) = wait(&hub, &started, LONG, ready(()));
    assert_eq!(status, RuntimeStatus::Completed);
    assert!((200..230).contains(&took), "{took} ms");
}

#[test]
fn whoever_is_never_told_looks_now_and_then() {
    let (hub, started) = hub();
    hub.kick(&started);
    let (status, took) = wait(&hub, &started, LONG, pending());
    assert_eq!(status, RuntimeStatus::Completed);
    assert!((500..550).contains(&took), "{took} ms");
}

#[test]
fn nobody_waits_for_longer_than_the_limit() {
    // It is not kicked.
    let (hub, started) = hub();
    for hint in [true, false] {
        let hint = async move {
            if !hint {
                pending::<()>().await;
            }
        };
        let (status, took) = wait(&hub, &started, Duration::from_secs(3), hint);
        assert_eq!(status, RuntimeStatus::Pending);
        assert!((3_000..3_010).contains(&took), "{took} ms");
    }
}
