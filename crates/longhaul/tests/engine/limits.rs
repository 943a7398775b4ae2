//! Size: long values, long histories, wide fan-outs, and what these cost.

use std::time::Duration;

use futures::future;
use longhaul::{
    Failure, Json, Limits, OperationError, OrchestrationContext, Orchestrators, Start, StartError,
    UnprocessedEvents,
};

use crate::support::{Hub, activities};

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("echo", |ctx: OrchestrationContext, input: Json| async move {
            ctx.call_activity::<_, Json>("echo", input).await
        })
        .with("event", |ctx: OrchestrationContext, _: Json| async move {
            let data: Json = ctx.wait_for_event("data").await?;
            // Replayed once more from its history.
            ctx.create_timer(Duration::from_secs(100)).await;
            Ok(data)
        })
        .with("child", |ctx: OrchestrationContext, input: Json| async move {
            ctx.call_sub_orchestration::<_, Json>("echo", input).await
        })
        .with("grow", |ctx: OrchestrationContext, size: usize| async move {
            match ctx.call_activity::<_, Json>("echo", "x".repeat(size)).await {
                Err(failure) => Ok(failure.kind),
                Ok(_) => Ok("it went through".to_owned()),
            }
        })
        .with("sequence", |ctx: OrchestrationContext, count: u64| async move {
            for n in 0..count {
                ctx.call_activity::<_, u64>("double", n).await?;
            }
            Ok(count)
        })
        .with("wide", |ctx: OrchestrationContext, count: u64| async move {
            let calls: Vec<_> = (0..count).map(|n| ctx.call_activity::<_, u64>("double", n)).collect();
            Ok(future::try_join_all(calls).await?.into_iter().sum::<u64>())
        })
        .with("rounds", |ctx: OrchestrationContext, (text, n): (String, u32)| async move {
            match n {
                0 => Ok(text.len()),
                n => ctx.continue_as_new((text, n - 1), UnprocessedEvents::Keep).await,
            }
        })
}

fn hub() -> Hub {
    Hub::new(orchestrators(), activities())
}

#[test]
fn long_values_go_everywhere_and_leave_nothing_behind() {
    let hub = hub();
    let long = "ü".repeat(500_000);
    for name in ["echo", "child", "event"] {
        let id = hub.start(name, &long);
        if name == "event" {
            hub.raise(&id, "data", &long);
        }
        assert_eq!(hub.end::<String>(&id).unwrap(), long, "{name}");
        let record = hub.engine.platform().size(&format!("test/instance/{id}")).unwrap();
        assert!(record < 40_000, "{name}: {record}");
        assert_eq!(hub.details(&id).input.unwrap().to::<String>().unwrap(), long);
        hub.run(hub.engine.purge(&id, true)).unwrap();
    }
    let id = hub.start("rounds", (&long, 3));
    assert_eq!(hub.end::<usize>(&id).unwrap(), long.len());
    let payloads = hub.engine.platform().keys().into_iter().filter(|key| key.contains("/payload/"));
    assert!(payloads.count() <= 2, "those of the executions that are over are deleted");
    hub.run(hub.engine.purge(&id, true)).unwrap();
    let left = |kind| hub.engine.platform().keys().iter().filter(|key| key.contains(kind)).count();
    assert_eq!((left("/payload/"), left("/history/"), left("/instance/"), left("/inbox/")), (0, 0, 0, 0));
}

#[test]
fn what_is_too_long_fails_the_call_and_not_the_instance() {
    let hub = Hub::with(orchestrators(), activities(), |engine| {
        engine.with_limits(Limits { max_payload: 1000, ..Limits::default() })
    });
    let id = hub.start("grow", 2000);
    assert_eq!(hub.end::<String>(&id).unwrap(), "PayloadTooLarge");
    let start = Start::new("echo", Json::of(&"x".repeat(2000)).unwrap());
    let error = hub.run(hub.engine.start(start)).unwrap_err();
    assert!(
        matches!(&error, StartError::TooLarge(Failure { kind, .. }) if kind == "PayloadTooLarge"),
        "{error}"
    );
    assert!(error.to_string().contains("has 2002 bytes, the limit is 1000"), "{error}");
    let id = hub.start("event", 0);
    let raised = hub.tell(hub.engine.raise_event(&id, "data", Json::of(&"x".repeat(2000)).unwrap()));
    assert!(matches!(raised, Err(OperationError::TooLarge(_))), "{raised:?}");
}

#[test]
fn a_long_sequence_is_replayed_once_and_its_record_stays_small() {
    let hub = hub();
    let before = hub.engine.platform().operations();
    let id = hub.start("sequence", 1000);
    hub.run(async {
        let key = format!("test/instance/{id}");
        while !hub.engine.lookup(&id).await.unwrap().unwrap().head.status.is_finished() {
            let size = hub.engine.platform().size(&key).unwrap();
            assert!(size < 18_000, "{size}");
            longhaul::Platform::sleep(hub.engine.platform(), Duration::from_millis(1)).await;
        }
    });
    assert_eq!(hub.end::<u64>(&id).unwrap(), 1000);
    let spent = hub.engine.platform().operations() - before;
    // One commit for each step, and a sealed segment now and then.
    assert!(spent.writes < 1000 + 2 + 40, "{spent:?}");
    assert_eq!(hub.history(&id).len(), 3 * 1000 + 3);
}

#[test]
fn ten_thousand_activities_at_once_are_run_some_at_a_time() {
    let hub = hub();
    let id = hub.start("wide", 10_000);
    hub.run(async {
        let key = format!("test/instance/{id}");
        while !hub.engine.lookup(&id).await.unwrap().unwrap().head.status.is_finished() {
            let size = hub.engine.platform().size(&key).unwrap();
            assert!(size < 40_000, "{size}");
            longhaul::Platform::sleep(hub.engine.platform(), Duration::from_millis(1)).await;
        }
    });
    assert_eq!(hub.end::<u64>(&id).unwrap(), (0..10_000).map(|n| 2 * n).sum::<u64>());
    assert_eq!(hub.calls("double"), 10_000);
}

#[test]
fn a_history_of_fifty_thousand_events_works() {
    let hub = hub();
    let id = hub.start("wide", 24_990);
    assert_eq!(hub.end::<u64>(&id).unwrap(), (0..24_990).map(|n| 2 * n).sum::<u64>());
    assert!(hub.history(&id).len() > 49_980);
    let mismatch = hub.run(hub.engine.check_replay(&id, &orchestrators())).unwrap();
    assert_eq!(mismatch, None);
}
