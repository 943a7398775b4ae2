//! What each step costs beyond what `tests/cost.rs` counts: timers, events, sub-orchestrations, operations. Durable
//! writes, without contention and without the scheduler; a change that raises them fails here.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use longhaul::{
    ActivityContext, ActivityFunctions, Json, OrchestrationContext, Orchestrators, Platform, RuntimeStatus,
    Start, UnprocessedEvents,
};

use crate::support::{Hub, activities};

fn hub() -> Hub {
    let orchestrators = Orchestrators::new()
        .with("timer", |ctx: OrchestrationContext, ms: u64| async move {
            ctx.create_timer(Duration::from_millis(ms)).await;
            Ok(())
        })
        .with(
            "event",
            |ctx: OrchestrationContext, _: Json| async move { ctx.wait_for_event::<Json>("go").await },
        )
        .with("child", |ctx: OrchestrationContext, _: Json| async move {
            ctx.call_sub_orchestration::<_, Json>("nothing", ()).await
        })
        .with("nothing", |_: OrchestrationContext, _: Json| async move { Ok(()) })
        .with("forever", |ctx: OrchestrationContext, n: u64| async move {
            match n {
                0 => Ok(()),
                n => ctx.continue_as_new(n - 1, UnprocessedEvents::Keep).await,
            }
        })
        .with("wide", |ctx: OrchestrationContext, n: u64| async move {
            let calls: Vec<_> = (0..n).map(|n| ctx.call_activity::<_, u64>("double", n)).collect();
            futures::future::try_join_all(calls).await.map(|outputs| outputs.len())
        });
    Hub::new(orchestrators, activities())
}

/// Starts an instance without telling the scheduler, and lets it run until nothing moves.
fn begin(hub: &Hub, name: &str, input: u64) -> longhaul::InstanceId {
    let started = hub.run(hub.engine.start(Start::new(name, Json::of(&input).unwrap()))).unwrap();
    hub.tick(&started.key, &started.tick);
    hub.sleep(Duration::from_millis(500));
    started.id
}

fn writes(hub: &Hub, work: impl FnOnce(&Hub)) -> u32 {
    let before = hub.engine.platform().operations();
    work(hub);
    (hub.engine.platform().operations() - before).writes
}

#[test]
fn a_timer_costs_one_step_when_it_is_short_and_its_wake_entry_more_when_it_is_long() {
    let hub = hub();
    let spent = writes(&hub, |hub| {
        begin(hub, "timer", 100);
    });
    assert_eq!(spent, 2 + 2, "start; the timer, its firing");
    let mut id = None;
    let spent = writes(&hub, |hub| id = Some(begin(hub, "timer", 10_000)));
    assert_eq!(spent, 2 + 1, "start; the timer: the entry of its creation stands for it");
    let id = id.unwrap();
    hub.sleep(Duration::from_secs(10));
    let key = hub.details(&id).key;
    let spent = writes(&hub, |hub| {
        hub.tick(&key, &longhaul::TickKick::default());
        hub.sleep(Duration::from_millis(10));
    });
    assert_eq!(spent, 2, "takeover; the firing and the end");
    assert_eq!(hub.status(&id), RuntimeStatus::Completed);
    let spent = writes(&hub, |hub| drop(begin(hub, "timer", 7_200_000)));
    assert_eq!(spent, 2 + 3, "start; an entry under its hour, and the timer");
}

#[test]
fn an_event_costs_four_writes_and_waking_its_instance_four_more() {
    let hub = hub();
    let mut id = None;
    let spent = writes(&hub, |hub| id = Some(begin(hub, "event", 0)));
    assert_eq!(spent, 2 + 1, "start; the wait");
    let id = id.unwrap();
    let raise = |hub: &Hub| hub.run(hub.engine.raise_event(&id, "go", Json::null())).unwrap();
    let mut told = None;
    let spent = writes(&hub, |hub| told = Some(raise(hub)));
    assert_eq!(spent, 4, "its number, the message, a wake entry's number, the entry");
    let spent = writes(&hub, |hub| {
        hub.tick(&told.unwrap().key, &longhaul::TickKick::default());
        hub.sleep(Duration::from_millis(10));
    });
    assert_eq!(spent, 4, "a wake entry for the lease, takeover; the event and the end");
    assert_eq!(hub.status(&id), RuntimeStatus::Completed);
}

#[test]
fn a_sub_orchestration_costs_a_creation_its_own_steps_and_a_message_back() {
    let hub = hub();
    let spent = writes(&hub, |hub| {
        let id = begin(hub, "child", 0);
        assert_eq!(hub.status(&id), RuntimeStatus::Completed);
    });
    let parent = 2 + 1 + 1 + 1;
    let child = 5 + 1 + 4 + 1;
    assert!(spent <= parent + child + 3, "{spent}: and the parent's taking up again, if it had parked");
}

#[test]
fn continuing_as_new_costs_one_write_a_round_and_one_to_begin() {
    let hub = hub();
    let spent = writes(&hub, |hub| {
        begin(hub, "forever", 10);
    });
    assert_eq!(spent, 2 + 10 + 1);
}

#[test]
fn a_wide_fan_out_costs_a_write_for_each_batch_of_results() {
    let hub = hub();
    let spent = writes(&hub, |hub| {
        begin(hub, "wide", 1000);
    });
    assert!(spent < 2 + 2 * 1000 / 64 + 40, "{spent}");
}

#[test]
fn results_that_come_within_a_moment_of_each_other_share_a_step_where_there_are_many() {
    let hub = Rc::new(OnceCell::<Hub>::new());
    let orchestrators = Orchestrators::new().with("wide", |ctx: OrchestrationContext, n: u64| async move {
        let calls: Vec<_> = (1..=n).map(|n| ctx.call_activity::<_, u64>("nap", n)).collect();
        futures::future::try_join_all(calls).await.map(|outputs| outputs.len())
    });
    let slept = hub.clone();
    let activities = ActivityFunctions::new().with("nap", move |_: ActivityContext, n: u64| {
        let hub = slept.get().expect("it was made").clone();
        async move {
            hub.engine.platform().sleep(Duration::from_micros(200 * n)).await;
            Ok(n)
        }
    });
    let hub = hub.get_or_init(|| Hub::new(orchestrators, activities));
    let spent = writes(hub, |hub| {
        begin(hub, "wide", 6);
    });
    assert_eq!(spent, 2 + 1 + 6, "start; the activities, the end of each");
    let spent = writes(hub, |hub| {
        begin(hub, "wide", 40);
    });
    assert!(
        spent <= 2 + 1 + 1 + 8,
        "{spent}: start; the activities; most of their ends, and the last ones by themselves"
    );
}
