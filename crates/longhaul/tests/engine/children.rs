//! Sub-orchestrations.

use std::time::Duration;

use futures::future;
use longhaul::{
    Failure, InstanceId, Json, OperationError, OrchestrationContext, Orchestrators, Query, RetryPolicy,
    RuntimeStatus,
};

use crate::support::{Hub, activities};

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("child", |ctx: OrchestrationContext, n: u64| async move {
            ctx.call_activity::<_, u64>("double", n).await
        })
        .with("sleeper", |ctx: OrchestrationContext, seconds: u64| async move {
            ctx.create_timer(Duration::from_secs(seconds)).await;
            Ok(seconds)
        })
        .with("bad", |ctx: OrchestrationContext, message: String| async move {
            ctx.call_activity::<_, Json>("sometimes", message).await
        })
        .with("parent", |ctx: OrchestrationContext, n: u64| async move {
            let calls: Vec<_> = (0..n).map(|n| ctx.call_sub_orchestration::<_, u64>("child", n)).collect();
            Ok(future::try_join_all(calls).await?.into_iter().sum::<u64>())
        })
        .with("retries", |ctx: OrchestrationContext, message: String| async move {
            let policy = RetryPolicy::new(Duration::from_secs(3), 3);
            let id = InstanceId::new("retried").unwrap();
            ctx.call_sub_orchestration::<_, Json>("bad", message).with_id(id).with_retry(policy).await
        })
        .with("passes", |ctx: OrchestrationContext, message: String| async move {
            ctx.call_sub_orchestration::<_, Json>("bad", message).await
        })
        .with("named", |ctx: OrchestrationContext, (id, seconds): (String, u64)| async move {
            let id = InstanceId::new(id).unwrap();
            ctx.call_sub_orchestration::<_, u64>("sleeper", seconds).with_id(id).await
        })
        .with("waits", |ctx: OrchestrationContext, detached: bool| async move {
            let id = InstanceId::new(format!("of-{}", ctx.instance_id())).unwrap();
            let call = ctx.call_sub_orchestration::<_, u64>("sleeper", 1000).with_id(id);
            if detached { call.detached().await } else { call.await }
        })
        .with("both", |ctx: OrchestrationContext, message: String| async move {
            let bad = ctx.call_sub_orchestration::<_, Json>("bad", message);
            let slow = ctx.call_sub_orchestration::<_, u64>("sleeper", 30);
            future::try_join(bad, slow).await
        })
        .with("starts", |ctx: OrchestrationContext, n: u64| async move {
            let ids = (0..n).map(|n| ctx.start_orchestration("child", n, None).map(|id| id.to_string()));
            ids.collect::<Result<Vec<_>, Failure>>()
        })
}

fn hub() -> Hub {
    let failures = std::rc::Rc::new(std::cell::Cell::new(0));
    let activities = activities().with("sometimes", move |_, message: String| {
        failures.set(failures.get() + 1);
        let fails = failures.get() < 3;
        async move {
            match fails {
                true => Err(Failure::new("Failed", message)),
                false => Ok(message),
            }
        }
    });
    Hub::new(orchestrators(), activities)
}

#[test]
fn children_run_and_their_results_come_back() {
    let hub = hub();
    for n in [0, 1, 10, 150] {
        let id = hub.start("parent", n);
        assert_eq!(hub.end::<u64>(&id).unwrap(), (0..n).map(|n| 2 * n).sum::<u64>());
        let page = hub.run(hub.engine.list(&Query { page_size: Some(1000), ..Query::default() })).unwrap();
        let children = page.instances.iter().filter(|found| found.head.parent.as_ref() == Some(&id));
        assert_eq!(children.count() as u64, n);
    }
}

#[test]
fn a_retried_child_keeps_its_id_and_gets_a_new_execution() {
    let hub = hub();
    let id = hub.start("retries", "again");
    assert_eq!(hub.end::<String>(&id).unwrap(), "again");
    let events = hub.events(&id);
    let created = events.iter().filter(|name| **name == "SubOrchestrationInstanceCreated").count();
    assert_eq!(created, 3, "{events:?}");
    assert_eq!(hub.status(&InstanceId::new("retried").unwrap()), RuntimeStatus::Completed);
    assert_eq!(hub.run(hub.engine.count(&Query::default())).unwrap(), 2);
}

#[test]
fn a_child_that_fails_fails_its_parent_and_a_rewind_mends_both() {
    let hub = hub();
    let id = hub.start("passes", "no");
    assert_eq!(hub.end::<Json>(&id).unwrap_err().message, "no");
    // Fails once more, and then not.
    for _ in 0..2 {
        hub.tell(hub.engine.rewind(&id, "try again")).unwrap();
        let _ = hub.end::<Json>(&id);
    }
    assert_eq!(hub.end::<String>(&id).unwrap(), "no");
    assert_eq!(hub.calls("sometimes"), 3);
    assert_eq!(hub.run(hub.engine.count(&Query::default())).unwrap(), 2);
}

#[test]
fn a_second_child_with_the_id_of_one_that_runs_fails() {
    let hub = hub();
    let one = hub.start("named", ("only", 1000));
    hub.sleep(Duration::from_secs(10));
    let other = hub.start("named", ("only", 1));
    let failure = hub.end::<u64>(&other).unwrap_err();
    assert_eq!(failure.kind, "OrchestrationAlreadyExists");
    assert!(failure.message.contains("'only' exists and has not finished"), "{failure}");
    assert_eq!(hub.end::<u64>(&one).unwrap(), 1000);
    let third = hub.start("named", ("only", 1));
    assert_eq!(hub.end::<u64>(&third).unwrap(), 1, "it has finished, and the id is free");
}

#[test]
fn the_termination_of_a_parent_reaches_its_children_unless_they_are_detached() {
    let hub = hub();
    for detached in [false, true] {
        let id = hub.start("waits", detached);
        hub.sleep(Duration::from_secs(10));
        let child = InstanceId::new(format!("of-{id}")).unwrap();
        assert_eq!(hub.status(&child), RuntimeStatus::Running);
        hub.tell(hub.engine.terminate(&id, "enough")).unwrap();
        hub.wait_for(&id, RuntimeStatus::Terminated);
        hub.sleep(Duration::from_secs(10));
        match detached {
            true => assert_eq!(hub.end::<u64>(&child).unwrap(), 1000),
            false => assert_eq!(hub.status(&child), RuntimeStatus::Terminated),
        }
    }
}

#[test]
fn a_terminated_child_fails_its_parents_call() {
    let hub = hub();
    let id = hub.start("waits", false);
    hub.sleep(Duration::from_secs(10));
    hub.tell(hub.engine.terminate(&InstanceId::new(format!("of-{id}")).unwrap(), "no more")).unwrap();
    let failure = hub.end::<u64>(&id).unwrap_err();
    assert_eq!(failure.kind, "Terminated");
    assert!(failure.message.contains("was terminated: no more"), "{failure}");
}

#[test]
fn what_is_started_in_the_last_turn_runs_without_its_starter() {
    let hub = hub();
    let id = hub.start("starts", 5);
    let ids: Vec<String> = hub.end(&id).unwrap();
    for (n, id) in ids.iter().enumerate() {
        let id = InstanceId::new(id.as_str()).unwrap();
        hub.run(async {
            while hub.engine.lookup(&id).await.unwrap().is_none() {
                longhaul::Platform::sleep(hub.engine.platform(), Duration::from_millis(50)).await;
            }
        });
        assert_eq!(hub.end::<usize>(&id).unwrap(), 2 * n);
    }
}

#[test]
fn purge_takes_the_children_too() {
    let hub = hub();
    let id = hub.start("parent", 5);
    hub.end::<u64>(&id).unwrap();
    let busy = hub.run(hub.engine.purge(&id, true));
    assert!(!matches!(busy, Err(OperationError::NotFound(_))));
    assert_eq!(hub.run(hub.engine.count(&Query::default())).unwrap(), 0);
    let left: Vec<_> = hub
        .engine
        .platform()
        .keys()
        .into_iter()
        .filter(|key| key.contains("/instance/") || key.contains("/inbox/"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_rewound_parent_learns_of_a_child_that_ended_while_it_had_failed() {
    let hub = hub();
    let id = hub.start("both", "now and then");
    assert_eq!(hub.end::<Json>(&id).unwrap_err().message, "now and then");
    hub.sleep(Duration::from_secs(100));
    for _ in 0..2 {
        hub.tell(hub.engine.rewind(&id, "try again")).unwrap();
        let _ = hub.end::<Json>(&id);
    }
    assert_eq!(hub.end::<(String, u64)>(&id).unwrap(), ("now and then".into(), 30));
}

#[test]
fn thousands_of_children_of_an_instance_that_has_ended_make_no_long_record() {
    let hub = hub();
    let id = hub.start("starts", 3000);
    let key = format!("test/instance/{id}");
    let mut largest = 0;
    while hub.run(hub.engine.count(&Query::default())).unwrap() < 3001 {
        largest = largest.max(hub.engine.platform().size(&key).unwrap());
        hub.sleep(Duration::from_millis(200));
    }
    assert!(largest < 1_500_000, "{largest}");
}
