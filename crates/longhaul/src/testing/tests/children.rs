//! Sub-orchestrations in a run.

use std::cell::Cell;

use futures::future::{join, join_all};

use super::*;
use crate::retry::RetryPolicy;

#[test]
fn a_terminated_instance_takes_along_what_is_not_detached() {
    let parent = |ctx: Ctx, ()| async move {
        let own = ctx.call_sub_orchestration::<_, u64>("sleep", 60).with_id(id("own"));
        let detached = ctx.call_sub_orchestration::<_, u64>("sleep", 70).with_id(id("detached")).detached();
        ctx.start_orchestration("sleep", 80, Some(id("forgotten")))?;
        join_all([own, detached]).await;
        Ok(())
    };
    let hub = TestHub::new(orchestrators().with("three", parent));
    let run = hub.start("three", ()).terminate_after(seconds(5), "enough").run();
    assert_eq!((run.status(), run.elapsed()), (RuntimeStatus::Terminated, seconds(5)));
    let failure = run.output::<()>().unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("Terminated", "enough"));
    let status = |id: &str| (run.instance(id).unwrap().status(), run.instance(id).unwrap().elapsed());
    assert_eq!(status("own"), (RuntimeStatus::Terminated, seconds(5)));
    assert_eq!(status("detached"), (RuntimeStatus::Completed, seconds(70)));
    assert_eq!(status("forgotten"), (RuntimeStatus::Completed, seconds(80)));
    assert_eq!(run.instances().len(), 4);
}

#[test]
fn sub_orchestrations_run_or_are_stood_for() {
    let hub = TestHub::new(orchestrators()).activity("a", |n: u32| Ok(n + 1));
    let run = hub.start("parent", ("call", 4)).version("2").run();
    assert_eq!(run.output(), Ok(5));
    let child = run.instance("child").unwrap();
    assert_eq!((child.name(), child.version(), child.parent()), ("call", Some("2"), Some(run.id())));
    let hub = hub.sub_orchestration_with("call", |call: TestCall<u32>| {
        call.takes(seconds(9));
        Err::<u32, _>(Failure::new("Boom", format!("not {}", call.input)))
    });
    let run = hub.run("parent", ("call", 4));
    assert_eq!((run.output::<u32>(), run.elapsed()), (Err(Failure::new("Boom", "not 4")), seconds(9)));
    assert_eq!((run.calls::<u32>("call"), run.instances().len()), (vec![4], 1));
}

#[test]
fn what_is_asked_for_last_is_started_if_it_is_an_orchestration() {
    let starts = |ctx: Ctx, ()| async move {
        drop(ctx.call_activity::<_, u32>("a", 1));
        ctx.start_orchestration("sleep", 30, None)
    };
    let run = TestHub::new(orchestrators().with("starts", starts)).run("starts", ());
    assert_eq!((run.elapsed(), run.all_calls().len()), (seconds(0), 0));
    let started: String = run.output().unwrap();
    assert_eq!(run.instance(&started).unwrap().output(), Ok(30));
}

#[test]
fn an_id_is_free_again_when_its_instance_has_finished() {
    let hub = TestHub::new(orchestrators().with("twice", |ctx: Ctx, ()| async move {
        let call = |n: u64| ctx.call_sub_orchestration::<_, u64>("sleep", n).with_id(id("one"));
        let (first, second) = join(call(5), call(6)).await;
        let third = call(7).await?;
        Ok((first?, second.unwrap_err().kind, third))
    }));
    let run = hub.run("twice", ());
    assert_eq!(run.output(), Ok((5, "OrchestrationAlreadyExists".to_owned(), 7)));
    assert_eq!(run.elapsed(), seconds(12));
}

#[test]
fn a_retried_sub_orchestration_keeps_its_id() {
    let retried = |ctx: Ctx, ()| async move {
        let call = ctx.call_sub_orchestration::<_, u32>("call", 1);
        call.with_retry(RetryPolicy::new(seconds(30), 3)).await
    };
    let failures = Cell::new(2);
    let hub = TestHub::new(orchestrators().with("retried", retried)).activity("a", |n: u32| {
        match failures.replace(failures.get() - 1) {
            0 => Ok(n),
            _ => Err(Failure::new("Boom", "boom")),
        }
    });
    let run = hub.run("retried", ());
    assert_eq!((run.output(), run.elapsed()), (Ok(1), seconds(60)));
    let children = &run.instances()[1..];
    assert_eq!(children.len(), 3);
    assert!(children.iter().all(|child| child.id() == children[0].id()));
}
