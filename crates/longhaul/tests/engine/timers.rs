//! Durable timers, near and far, and the scheduler's rest between them.

use std::time::Duration;

use jiff::SignedDuration;
use longhaul::{OrchestrationContext, Orchestrators, Platform, RuntimeStatus, SchedulerKick};

use crate::support::{Hub, activities};

fn hub() -> Hub {
    let orchestrators = Orchestrators::new()
        .with("sleep", |ctx: OrchestrationContext, seconds: u64| async move {
            let begin = ctx.current_time();
            ctx.create_timer(Duration::from_secs(seconds)).await;
            let slept: SignedDuration = ctx.current_time().duration_since(begin);
            Ok(slept.as_secs())
        })
        .with("naps", |ctx: OrchestrationContext, days: u64| async move {
            for _ in 0..days {
                ctx.create_timer(Duration::from_secs(86_400)).await;
            }
            Ok(days)
        });
    Hub::new(orchestrators, activities())
}

#[test]
fn timers_of_any_length_fire_in_time() {
    let hub = hub();
    for seconds in [0, 1, 5, 30, 600, 3_599, 3_700, 7_200, 86_400, 30 * 86_400] {
        let id = hub.start("sleep", seconds);
        let slept: u64 = hub.end(&id).unwrap();
        assert!((seconds..=seconds + 1).contains(&slept), "{seconds}: {slept}");
    }
}

#[test]
fn many_timers_fire_in_time_whatever_their_order() {
    let hub = hub();
    let ids: Vec<_> = (0..200_u64)
        .map(|n| {
            let seconds = n * 7919 % 10_000;
            (seconds, hub.start("sleep", seconds))
        })
        .collect();
    for (seconds, id) in ids {
        let slept: u64 = hub.end(&id).unwrap();
        assert!((seconds..=seconds + 2).contains(&slept), "{seconds}: {slept}");
    }
}

#[test]
fn while_all_sleep_nothing_is_read_or_written() {
    let hub = hub();
    let id = hub.start("sleep", 20 * 3_600_u64);
    hub.sleep(Duration::from_secs(120));
    let before = hub.engine.platform().operations();
    hub.sleep(Duration::from_secs(18 * 3_600));
    assert_eq!(hub.engine.platform().operations(), before);
    hub.end::<u64>(&id).unwrap();
}

#[test]
fn timers_survive_a_crash() {
    let hub = hub();
    let id = hub.start("naps", 4_u64);
    for _ in 0..6 {
        hub.sleep(Duration::from_secs(30_000));
        hub.crash();
        hub.schedule(&SchedulerKick {
            started_at: Some(hub.engine.platform().now()),
            ..SchedulerKick::default()
        });
        hub.sleep(Duration::from_secs(1));
    }
    assert_eq!(hub.status(&id), RuntimeStatus::Running);
    assert_eq!(hub.end::<u64>(&id).unwrap(), 4);
    let head = hub.details(&id).head;
    let took = head.updated.duration_since(head.created);
    assert!(took < SignedDuration::from_secs(4 * 86_400 + 60), "{took:?}");
    // Nothing is left of the hours that are over.
    hub.sleep(Duration::from_secs(3600 * 3));
    hub.schedule(&SchedulerKick::default());
    hub.sleep(Duration::from_secs(60));
    let far: Vec<_> =
        hub.engine.platform().keys().into_iter().filter(|key| key.starts_with("test/far")).collect();
    assert_eq!(far, [""; 0]);
}
