//! Events, suspend and resume, terminate, rewind, restart, purge, queries.

use std::time::Duration;

use longhaul::{
    Creation, InstanceId, Json, OperationError, OrchestrationContext, Orchestrators, Query, Reuse,
    RuntimeStatus, Start, UnprocessedEvents,
};

use crate::support::{Hub, activities};

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("approval", |ctx: OrchestrationContext, seconds: u64| async move {
            let wait = ctx.wait_for_event::<Json>("Approved").with_timeout(Duration::from_secs(seconds));
            Ok(wait.await?.unwrap_or_else(|| Json::text_of("late")))
        })
        .with("adds", |ctx: OrchestrationContext, count: u64| async move {
            let mut sum = 0;
            for _ in 0..count {
                sum += ctx.wait_for_event::<u64>("add").await?;
            }
            Ok(sum)
        })
        .with("work", |ctx: OrchestrationContext, n: u64| async move {
            let one: u64 = ctx.call_activity("double", n).await?;
            ctx.create_timer(Duration::from_secs(60)).await;
            ctx.call_activity::<_, u64>("double", one).await
        })
        .with("two", |ctx: OrchestrationContext, message: String| async move {
            let good = ctx.call_activity::<_, u64>("double", 4);
            let bad = ctx.call_activity::<_, Json>("sometimes", message);
            let (good, bad) = futures::future::join(good, bad).await;
            Ok((good?, bad?))
        })
        .with("rounds", |ctx: OrchestrationContext, n: u64| async move {
            let taken: u64 = ctx.wait_for_event("next").await?;
            match n {
                0 => Ok(taken),
                n => ctx.continue_as_new(n - 1, UnprocessedEvents::Keep).await,
            }
        })
}

fn hub() -> Hub {
    let failed = std::cell::Cell::new(false);
    let failed = std::rc::Rc::new(failed);
    let activities = activities().with("sometimes", move |_, message: String| {
        let failed = failed.clone();
        async move {
            match failed.replace(true) {
                true => Ok(message),
                false => Err(longhaul::Failure::new("Failed", message)),
            }
        }
    });
    Hub::new(orchestrators(), activities)
}

#[test]
fn an_event_wakes_the_instance_and_a_late_one_is_refused() {
    let hub = hub();
    let id = hub.start("approval", 600);
    hub.wait_for(&id, RuntimeStatus::Running);
    hub.raise(&id, "aPPROVED", "yes");
    assert_eq!(hub.end::<String>(&id).unwrap(), "yes");
    assert_eq!(hub.events(&id), ["ExecutionStarted", "TimerCreated", "EventRaised", "ExecutionCompleted"]);
    let late = hub.tell(hub.engine.raise_event(&id, "Approved", Json::null()));
    assert!(matches!(late, Err(OperationError::Finished { .. })), "{late:?}");
    let nobody = hub.tell(hub.engine.raise_event(&InstanceId::new("nobody").unwrap(), "x", Json::null()));
    assert!(matches!(nobody, Err(OperationError::NotFound(_))), "{nobody:?}");
}

#[test]
fn the_time_out_comes_when_no_event_does() {
    let hub = hub();
    let id = hub.start("approval", 600);
    assert_eq!(hub.end::<String>(&id).unwrap(), "late");
}

#[test]
fn many_events_are_taken_in_order_and_none_twice() {
    let hub = hub();
    let id = hub.start("adds", 700);
    for n in 0..700 {
        hub.run(hub.engine.raise_event(&id, "add", Json::of(&n).unwrap())).unwrap();
    }
    assert_eq!(hub.end::<u64>(&id).unwrap(), (0..700).sum::<u64>());
}

#[test]
fn events_without_a_kick_are_found_by_the_scheduler() {
    let hub = hub();
    let id = hub.start("adds", 2);
    hub.wait_for(&id, RuntimeStatus::Running);
    for n in [3, 4] {
        let told = hub.run(hub.engine.raise_event(&id, "add", Json::of(&n).unwrap())).unwrap();
        hub.schedule(&told.scheduler);
    }
    assert_eq!(hub.end::<u64>(&id).unwrap(), 7);
}

#[test]
fn a_suspended_instance_does_nothing_new_and_goes_on_from_there() {
    let hub = hub();
    let id = hub.start("work", 5);
    hub.wait_for(&id, RuntimeStatus::Running);
    hub.tell(hub.engine.suspend(&id, "wait")).unwrap();
    hub.wait_for(&id, RuntimeStatus::Suspended);
    let again = hub.tell(hub.engine.suspend(&id, "wait"));
    assert!(matches!(again, Err(OperationError::WrongState { .. })), "{again:?}");
    hub.sleep(Duration::from_secs(600));
    assert_eq!((hub.status(&id), hub.calls("double")), (RuntimeStatus::Suspended, 1));
    hub.tell(hub.engine.resume(&id, "go on")).unwrap();
    assert_eq!(hub.end::<u64>(&id).unwrap(), 20);
    let events = hub.events(&id);
    assert!(events.contains(&"ExecutionSuspended") && events.contains(&"ExecutionResumed"), "{events:?}");
    let not_now = hub.tell(hub.engine.resume(&id, ""));
    assert!(matches!(not_now, Err(OperationError::Finished { .. })), "{not_now:?}");
}

#[test]
fn a_terminated_instance_ends_with_the_reason() {
    let hub = hub();
    let id = hub.start("work", 5);
    hub.wait_for(&id, RuntimeStatus::Running);
    hub.tell(hub.engine.terminate(&id, "enough")).unwrap();
    hub.wait_for(&id, RuntimeStatus::Terminated);
    assert_eq!(hub.end::<String>(&id).unwrap(), "enough");
    assert_eq!(hub.events(&id).last(), Some(&"ExecutionTerminated"));
    hub.sleep(Duration::from_secs(600));
    assert_eq!(hub.calls("double"), 1);
}

#[test]
fn one_that_is_to_begin_later_can_be_terminated_and_keeps_what_it_is_told() {
    let hub = hub();
    let scheduled = |hub: &Hub, hours: i64| {
        let at = longhaul::Platform::now(hub.engine.platform()) + jiff::SignedDuration::from_hours(hours);
        let start = Start { scheduled: Some(at), ..Start::new("adds", Json::of(&1).unwrap()) };
        let started = hub.run(hub.engine.start(start)).unwrap();
        hub.kick(&started);
        started.id
    };
    for hours in [0, 1, 5, 100] {
        let id = scheduled(&hub, hours);
        if hours > 0 {
            hub.sleep(Duration::from_secs(600));
            assert_eq!(hub.status(&id), RuntimeStatus::Pending, "{hours}");
        }
        hub.raise(&id, "add", 9);
        let begin = longhaul::Platform::monotonic(hub.engine.platform());
        assert_eq!(hub.end::<u64>(&id).unwrap(), 9);
        let took = longhaul::Platform::monotonic(hub.engine.platform()) - begin;
        let hours = Duration::from_secs(3600 * u64::try_from(hours).unwrap());
        assert!(
            took + Duration::from_secs(601) >= hours && took <= hours + Duration::from_secs(5),
            "{took:?}"
        );
    }
    let id = scheduled(&hub, 2);
    hub.tell(hub.engine.suspend(&id, "not yet")).unwrap();
    hub.wait_for(&id, RuntimeStatus::Suspended);
    hub.raise(&id, "add", 5);
    hub.sleep(Duration::from_secs(3 * 3600));
    assert_eq!(hub.status(&id), RuntimeStatus::Suspended);
    hub.tell(hub.engine.resume(&id, "now")).unwrap();
    assert_eq!(hub.end::<u64>(&id).unwrap(), 5);
    let id = scheduled(&hub, 7);
    hub.tell(hub.engine.terminate(&id, "no more")).unwrap();
    hub.wait_for(&id, RuntimeStatus::Terminated);
    assert_eq!(hub.events(&id), ["ExecutionStarted", "ExecutionTerminated"]);
}

#[test]
fn continue_as_new_keeps_what_nobody_took() {
    let hub = hub();
    let id = hub.start("rounds", 3);
    for n in [10, 11, 12, 13] {
        hub.raise(&id, "next", n);
    }
    assert_eq!(hub.end::<u64>(&id).unwrap(), 13);
    assert_eq!(hub.events(&id), ["ExecutionStarted", "EventRaised", "ExecutionCompleted"]);
}

#[test]
fn a_rewound_instance_runs_only_what_failed() {
    let hub = hub();
    let id = hub.start("two", "now and then");
    assert_eq!(hub.end::<Json>(&id).unwrap_err().message, "now and then");
    hub.tell(hub.engine.rewind(&id, "try again")).unwrap();
    assert_eq!(hub.end::<(u64, String)>(&id).unwrap(), (8, "now and then".into()));
    assert_eq!((hub.calls("double"), hub.calls("sometimes")), (1, 2));
    assert!(hub.events(&id).contains(&"ExecutionRewound"));
    let again = hub.tell(hub.engine.rewind(&id, ""));
    assert!(matches!(again, Err(OperationError::WrongState { .. })), "{again:?}");
}

#[test]
fn a_restart_runs_the_same_again() {
    let hub = hub();
    let id = hub.start("work", 5);
    hub.end::<u64>(&id).unwrap();
    let other = hub.run(hub.engine.restart(&id, true)).unwrap();
    hub.kick(&other);
    assert_ne!(other.id, id);
    assert_eq!(hub.end::<u64>(&other.id).unwrap(), 20);
    let first = hub.details(&id).head.execution;
    // A random id can begin anew, too.
    let same = hub.run(hub.engine.restart(&id, false)).unwrap();
    assert_eq!(same.id, id);
    hub.kick(&same);
    assert_eq!(hub.end::<u64>(&id).unwrap(), 20);
    assert_ne!(hub.details(&id).head.execution, first);
    assert_eq!(hub.calls("double"), 6);
}

#[test]
fn a_chosen_id_is_used_again_once_its_instance_has_finished() {
    let hub = hub();
    let id = InstanceId::new("order-7").unwrap();
    let start = |reuse| {
        let start = Start::new("work", Json::of(&5).unwrap());
        hub.run(hub.engine.start_with_id(&id, start, reuse)).unwrap()
    };
    let Creation::Created(started) = start(Reuse::Finished) else { panic!("it is new") };
    hub.kick(&started);
    hub.wait_for(&id, RuntimeStatus::Running);
    assert!(matches!(start(Reuse::Finished), Creation::Exists { .. }));
    hub.end::<u64>(&id).unwrap();
    assert!(matches!(start(Reuse::Never), Creation::Exists { .. }));
    let Creation::Created(again) = start(Reuse::Finished) else { panic!("it has finished") };
    hub.kick(&again);
    assert_eq!((again.key, hub.end::<u64>(&id).unwrap()), (started.key, 20));
    // What the first execution left is gone.
    hub.run(hub.engine.purge(&id, false)).unwrap();
    let left: Vec<_> =
        hub.engine.platform().keys().into_iter().filter(|key| key.contains("order-7")).collect();
    assert_eq!(left, ["test/claim/order-7"]);
    let Creation::Created(third) = start(Reuse::Never) else { panic!("it is gone") };
    hub.kick(&third);
    assert_eq!(hub.end::<u64>(&id).unwrap(), 20);
}

#[test]
fn instances_are_listed_in_the_order_of_creation_page_by_page() {
    let hub = hub();
    let ids: Vec<_> = (0..25)
        .map(|n| {
            hub.sleep(Duration::from_secs(100));
            hub.start(if n % 5 == 0 { "approval" } else { "adds" }, n % 2)
        })
        .collect();
    hub.sleep(Duration::from_secs(60));
    let all = |query: &Query| {
        let mut query = Query { page_size: Some(4), ..query.clone() };
        let mut found = Vec::new();
        loop {
            let page = hub.run(hub.engine.list(&query)).unwrap();
            assert!(page.instances.len() == 4 || page.continuation.is_none(), "pages are full");
            found.extend(page.instances.into_iter().map(|found| found.head.id));
            query.continuation = page.continuation;
            if query.continuation.is_none() {
                assert_eq!(hub.run(hub.engine.count(&query)).unwrap(), found.len() as u64);
                return found;
            }
        }
    };
    assert_eq!(all(&Query::default()), ids);
    let of_name = all(&Query { name: Some("approval".into()), ..Query::default() });
    assert_eq!(of_name, ids.iter().step_by(5).cloned().collect::<Vec<_>>());
    let created = hub.details(&ids[7]).head.created;
    let from = all(&Query { created_from: Some(created), ..Query::default() });
    assert_eq!(from, ids[7..]);
    let to = all(&Query { created_to: Some(created), ..Query::default() });
    assert_eq!(to, ids[..8]);
    let prefix = all(&Query { id_prefix: Some(ids[3].as_str()[..6].to_owned()), ..Query::default() });
    assert_eq!(prefix, ids[3..4]);
    let running = all(&Query { statuses: vec![RuntimeStatus::Running], ..Query::default() });
    assert!(!running.is_empty() && running.len() < 25);

    let finished = Query { statuses: vec![RuntimeStatus::Completed], ..Query::default() };
    let count = all(&finished).len() as u64;
    let purged = hub.run(hub.engine.purge_where(&finished, true, Duration::from_secs(3600))).unwrap();
    assert_eq!((purged.deleted, purged.continuation), (count, None));
    assert_eq!(all(&Query::default()).len() as u64, 25 - count);
    let id = &running[0];
    let unfinished = hub.run(hub.engine.purge(id, false));
    assert!(matches!(unfinished, Err(OperationError::NotFinished { .. })), "{unfinished:?}");
}

#[test]
fn an_instance_without_a_function_waits_and_says_why_and_can_be_terminated() {
    let (hub, other) = (hub(), hub());
    let start = Start { version: Some("2".into()), ..Start::new("elsewhere", Json::null()) };
    let started = hub.run(hub.engine.start(start)).unwrap();
    hub.kick(&started);
    hub.sleep(Duration::from_secs(300));
    let details = hub.details(&started.id);
    assert_eq!(details.head.status, RuntimeStatus::Pending);
    let why = details.head.waits_for.unwrap();
    assert!(why.contains("no orchestrator function 'elsewhere'; it has: adds, approval"), "{why}");
    hub.tell(hub.engine.terminate(&started.id, "never mind")).unwrap();
    hub.wait_for(&started.id, RuntimeStatus::Terminated);
    drop(other);
}

#[test]
fn a_rewound_instance_goes_on_with_mended_code() {
    let broken = Orchestrators::new().with("o", |ctx: OrchestrationContext, n: u64| async move {
        let doubled: u64 = ctx.call_activity("double", n).await?;
        let event: u64 = ctx.wait_for_event("go").await?;
        Err::<u64, _>(longhaul::Failure::new("Bug", format!("{doubled} {event}")))
    });
    let mended = Orchestrators::new().with("o", |ctx: OrchestrationContext, n: u64| async move {
        let doubled: u64 = ctx.call_activity("double", n).await?;
        let event: u64 = ctx.wait_for_event("go").await?;
        ctx.call_activity::<_, u64>("double", doubled + event).await
    });
    let hub = Hub::new(broken, activities());
    let id = hub.start("o", 4);
    hub.raise(&id, "go", 1);
    assert_eq!(hub.end::<u64>(&id).unwrap_err().message, "8 1");
    let hub = hub.redeployed(mended, activities());
    hub.tell(hub.engine.rewind(&id, "the bug is mended")).unwrap();
    assert_eq!(hub.end::<u64>(&id).unwrap(), 18);
    assert_eq!(hub.calls("double"), 1, "the first call's result stands in the history");
}

#[test]
fn a_busy_tick_looks_for_messages_seldom_also_after_one() {
    let slow =
        longhaul::ActivityFunctions::new().with("slow", |_: longhaul::ActivityContext, _: Json| async move {
            std::future::pending::<()>().await;
            Ok(())
        });
    let orchestrators = Orchestrators::new().with("busy", |ctx: OrchestrationContext, _: Json| async move {
        ctx.call_activity::<_, Json>("slow", ()).await
    });
    let hub = Hub::new(orchestrators, slow);
    let id = hub.start("busy", 0);
    hub.sleep(Duration::from_secs(20));
    hub.raise(&id, "ignored", 1);
    hub.sleep(Duration::from_secs(5));
    let before = hub.engine.platform().operations();
    hub.sleep(Duration::from_secs(20));
    let spent = hub.engine.platform().operations() - before;
    assert!(spent.reads < 150, "{spent:?}: the scheduler's, and a few of the inbox");
}
