//! Activities: results, retry policies, time limits.

use std::time::Duration;

use super::*;
use crate::retry::RetryPolicy;

async fn two_steps(ctx: Ctx, input: u32) -> Result<u32, Failure> {
    let one: u32 = ctx.call_activity("double", input).await?;
    ctx.call_activity("double", one).await
}

fn five_seconds(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(Duration::from_secs(5), attempts)
}

#[test]
fn one_step_comes_after_the_other() {
    tell(
        two_steps,
        "5",
        &[
            (0, "", "TaskScheduled 0 double 5"),
            (1, "done 0 10", "TaskCompleted 0 10; TaskScheduled 1 double 10"),
            (2, "done 1 20", "TaskCompleted 1 20; ExecutionCompleted; = 20"),
        ],
    );
}

#[test]
fn a_second_result_of_a_task_is_dropped() {
    tell(
        two_steps,
        "5",
        &[
            (0, "", "TaskScheduled 0 double 5"),
            (1, "done 0 1; done 0 2", "TaskCompleted 0 1; TaskScheduled 1 double 1"),
            (2, "done 0 3; done 7 3", ""),
            (3, "fail 1 Boom", "TaskFailed 1 Boom; ExecutionCompleted; ! Boom"),
        ],
    );
}

#[test]
fn what_has_the_wrong_shape_or_is_too_long_is_a_permanent_failure() {
    tell(two_steps, "\"five\"", &[(0, "", "ExecutionCompleted; ! BadInput")]);
    tell(
        two_steps,
        "5",
        &[
            (0, "", "TaskScheduled 0 double 5"),
            (1, "done 0 \"ten\"", "TaskCompleted 0 \"ten\"; ExecutionCompleted; ! BadOutput"),
        ],
    );
    let long = |ctx: Ctx, size: usize| async move { ctx.call_activity::<_, ()>("a", "x".repeat(size)).await };
    let story = tell(long, "100000", &[(0, "", "ExecutionCompleted; ! PayloadTooLarge")]);
    let Some(End::Failed(failure)) = story.end else { panic!("it fails") };
    assert!(failure.message.contains("activity 'a' has 100002 bytes, the limit is 100000"), "{failure}");
    let odd = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, ()>("a", std::collections::BTreeMap::from([((1, 2), 3)])).await
    };
    tell(odd, "null", &[(0, "", "ExecutionCompleted; ! BadInput")]);
}

#[test]
fn a_policy_repeats_an_activity_after_durable_pauses() {
    let retried = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, u32>("a", 1).with_retry(five_seconds(3).backoff_coefficient(2.0)).await
    };
    let first = [
        (0, "", "TaskScheduled 0 a 1"),
        (1, "fail 0 Boom", "TaskFailed 0 Boom; TimerCreated 1 @6"),
        (6, "", "TimerFired 1 @6; TaskScheduled 2 a 1 retry 1"),
        (7, "fail 2 Boom", "TaskFailed 2 Boom; TimerCreated 3 @17"),
        (17, "", "TimerFired 3 @17; TaskScheduled 4 a 1 retry 2"),
    ];
    let ends = [
        (18, "done 4 9", "TaskCompleted 4 9; ExecutionCompleted; = 9"),
        (18, "fail 4 Boom", "TaskFailed 4 Boom; ExecutionCompleted; ! Boom"),
    ];
    for end in ends {
        let mut rows = first.to_vec();
        rows.push(end);
        tell(retried, "null", &rows);
    }
    // A permanent failure is the last.
    tell(retried, "null", &[first[0], (1, "refuse 0 No", "TaskFailed 0 No; ExecutionCompleted; ! No")]);
}

#[test]
fn a_policy_ends_by_its_time_or_its_predicate() {
    let retried = |ctx: Ctx, ()| async move {
        let policy =
            five_seconds(9).retry_timeout(Duration::from_secs(9)).when(|failure| failure.kind != "No");
        ctx.call_activity::<_, u32>("a", 1).with_retry(policy).await
    };
    tell(
        retried,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1"),
            (1, "fail 0 Boom", "TaskFailed 0 Boom; TimerCreated 1 @6"),
            (6, "", "TimerFired 1 @6; TaskScheduled 2 a 1 retry 1"),
            (7, "fail 2 Boom", "TaskFailed 2 Boom; ExecutionCompleted; ! Boom"),
        ],
    );
    tell(
        retried,
        "null",
        &[(0, "", "TaskScheduled 0 a 1"), (1, "fail 0 No", "TaskFailed 0 No; ExecutionCompleted; ! No")],
    );
}

#[test]
fn a_call_with_a_time_limit_ends_by_its_result_or_by_its_timer() {
    let limited = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, u32>("a", 1).with_timeout(Duration::from_secs(10)).await
    };
    let begin = (0, "", "TaskScheduled 0 a 1; TimerCreated 1 @10");
    let story =
        tell(limited, "null", &[begin, (9, "done 0 5", "TaskCompleted 0 5; ExecutionCompleted; = 5")]);
    assert_eq!(story.live.next_timer(), None, "the timer is cancelled");
    let story = tell(limited, "null", &[begin, (10, "", "TimerFired 1 @10; ExecutionCompleted; ! Timeout")]);
    let Some(End::Failed(failure)) = story.end else { panic!("it fails") };
    assert_eq!(failure.message, "activity 'a' has not ended within 10s");
    // Both in one turn: the result counts.
    let both = (10, "done 0 5", "TaskCompleted 0 5; TimerFired 1 @10; ExecutionCompleted; = 5");
    tell(limited, "null", &[begin, both]);
}

#[test]
fn the_timer_of_a_call_that_has_ended_is_cancelled_even_while_the_call_is_kept() {
    let keeps = |ctx: Ctx, ()| async move {
        let mut call =
            std::pin::pin!(ctx.call_activity::<_, u32>("a", 1).with_timeout(Duration::from_secs(10)));
        let output = call.as_mut().await;
        ctx.wait_for_event::<()>("go").await?;
        output
    };
    for (told, gives) in [("done 0 5", "TaskCompleted 0 5"), ("fail 0 Boom", "TaskFailed 0 Boom")] {
        let story =
            tell(keeps, "null", &[(0, "", "TaskScheduled 0 a 1; TimerCreated 1 @10"), (1, told, gives)]);
        assert_eq!(story.live.next_timer(), None);
    }
}

#[test]
fn each_attempt_has_its_time_limit_and_a_late_result_is_ignored() {
    let retried = |ctx: Ctx, ()| async move {
        let call = ctx.call_activity::<_, u32>("a", 1);
        call.with_timeout(Duration::from_secs(10)).with_retry(five_seconds(2)).await
    };
    tell(
        retried,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1; TimerCreated 1 @10"),
            (10, "", "TimerFired 1 @10; TimerCreated 2 @15"),
            (12, "done 0 4", "TaskCompleted 0 4"),
            (15, "", "TimerFired 2 @15; TaskScheduled 3 a 1 retry 1; TimerCreated 4 @25"),
            (25, "", "TimerFired 4 @25; ExecutionCompleted; ! Timeout"),
        ],
    );
}

#[test]
fn a_call_that_is_not_awaited_is_made_and_its_result_ignored() {
    let forgets = |ctx: Ctx, ()| async move {
        drop(ctx.call_activity::<_, ()>("a", 1));
        ctx.call_activity::<_, u32>("b", 2).await
    };
    tell(
        forgets,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1; TaskScheduled 1 b 2"),
            (1, "fail 0 Boom", "TaskFailed 0 Boom"),
            (2, "done 1 3", "TaskCompleted 1 3; ExecutionCompleted; = 3"),
        ],
    );
}
