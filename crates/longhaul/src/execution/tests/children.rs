//! Sub-orchestrations.

use std::time::Duration;

use super::*;
use crate::retry::RetryPolicy;

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

#[test]
fn a_sub_orchestration_has_a_derived_id_and_completes_or_fails() {
    let parent = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, ()>("a", 0).await?;
        ctx.call_sub_orchestration::<_, u32>("child", 1).await
    };
    let begin = [
        (0, "", "TaskScheduled 0 a 0"),
        (1, "done 0 null", "TaskCompleted 0 null; SubOrchestrationInstanceCreated 1 child 1 as ~:0001"),
    ];
    let ends = [
        (2, "done 1 7", "SubOrchestrationInstanceCompleted 1 7; ExecutionCompleted; = 7"),
        (2, "fail 1 Boom", "SubOrchestrationInstanceFailed 1 Boom; ExecutionCompleted; ! Boom"),
        (2, "done 1 \"x\"", "SubOrchestrationInstanceCompleted 1 \"x\"; ExecutionCompleted; ! BadOutput"),
    ];
    for end in ends {
        tell(parent, "null", &[begin[0], begin[1], end]);
    }
}

#[test]
fn what_a_sub_orchestration_is_started_with_stands_in_history() {
    let parent = |ctx: Ctx, ()| async move {
        let one = ctx.call_sub_orchestration::<_, ()>("child", 1).with_id(id("mine")).detached();
        let two = ctx.call_sub_orchestration::<_, ()>("child", 2).with_version("3").with_id(id("other"));
        let forgotten = ctx.start_orchestration("child", 3, None)?;
        let named = ctx.start_orchestration("child", 4, Some(id("named")))?;
        assert_eq!((forgotten, named.as_str()), (id(&format!("{}:0002", "02".repeat(16))), "named"));
        one.await?;
        two.await
    };
    tell(
        parent,
        "null",
        &[
            (
                0,
                "",
                "SubOrchestrationInstanceCreated 0 child 1 as mine detached; \
             SubOrchestrationInstanceCreated 1 child 2 as other version 3; \
             SubOrchestrationInstanceCreated 2 child 3 as ~:0002 detached forgotten; \
             SubOrchestrationInstanceCreated 3 child 4 as named detached forgotten",
            ),
            (1, "done 1 null", "SubOrchestrationInstanceCompleted 1 null"),
            (2, "done 0 null", "SubOrchestrationInstanceCompleted 0 null; ExecutionCompleted; = null"),
        ],
    );
}

#[test]
fn a_policy_repeats_a_sub_orchestration_under_its_id() {
    let retried = |ctx: Ctx, ()| async move {
        let call = ctx.call_sub_orchestration::<_, u32>("child", 1).with_version("3");
        call.with_retry(RetryPolicy::new(Duration::from_secs(5), 2)).await
    };
    tell(
        retried,
        "null",
        &[
            (0, "", "SubOrchestrationInstanceCreated 0 child 1 as ~:0000 version 3"),
            (1, "fail 0 Boom", "SubOrchestrationInstanceFailed 0 Boom; TimerCreated 1 @6"),
            (6, "", "TimerFired 1 @6; SubOrchestrationInstanceCreated 2 child 1 as ~:0000 version 3 retry 1"),
            (7, "done 2 4", "SubOrchestrationInstanceCompleted 2 4; ExecutionCompleted; = 4"),
        ],
    );
}

#[test]
fn a_sub_orchestration_may_take_too_long() {
    let limited = |ctx: Ctx, ()| async move {
        let call = ctx.call_sub_orchestration::<_, u32>("child", 1);
        call.with_timeout(Duration::from_secs(5)).with_id(id("mine")).await
    };
    let story = tell(
        limited,
        "null",
        &[
            (0, "", "SubOrchestrationInstanceCreated 0 child 1 as mine; TimerCreated 1 @5"),
            (5, "", "TimerFired 1 @5; ExecutionCompleted; ! Timeout"),
        ],
    );
    let Some(End::Failed(failure)) = story.end else { panic!("it fails") };
    assert_eq!(failure.message, "sub-orchestration 'child' has not ended within 5s");
}

#[test]
fn an_orchestration_that_is_only_started_may_be_the_last_request() {
    let starts = |ctx: Ctx, ()| async move { ctx.start_orchestration("child", 1, None).map(|_| ()) };
    let story = tell(
        starts,
        "null",
        &[(
            0,
            "",
            "SubOrchestrationInstanceCreated 0 child 1 as ~:0000 detached forgotten; ExecutionCompleted; = null",
        )],
    );
    assert!(story.live.action(TaskId(0)).is_some(), "whoever ends the execution finds it");
}
