//! Code that does not do what history says.

use std::time::Duration;

use super::*;

/// One history, and many codes for it.
fn codes() -> Orchestrators {
    let sleep = |ctx: &Ctx, seconds| ctx.create_timer(Duration::from_secs(seconds));
    Orchestrators::new()
        .with("call a 1, timer 5, child", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("child", 2).await
        })
        .with("call b 1", |ctx: Ctx, ()| async move { ctx.call_activity::<_, ()>("b", 1).await })
        .with("call a 2", |ctx: Ctx, ()| async move { ctx.call_activity::<_, ()>("a", 2).await })
        .with("call a 1", |ctx: Ctx, ()| async move { ctx.call_activity::<_, ()>("a", 1).await })
        .with("timer 5", move |ctx: Ctx, ()| async move {
            sleep(&ctx, 5).await;
            Ok(())
        })
        .with("nothing", |_: Ctx, ()| async move { Ok(()) })
        .with("event", |ctx: Ctx, ()| async move { ctx.wait_for_event::<()>("go").await })
        .with("call a 1 and b 2", |ctx: Ctx, ()| async move {
            let calls = (ctx.call_activity::<_, ()>("a", 1), ctx.call_activity::<_, ()>("b", 2));
            futures::future::try_join(calls.0, calls.1).await
        })
        .with("call a 1, timer 6", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 6).await;
            Ok(())
        })
        .with("call a 1, dropped timer 5, event", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            drop(sleep(&ctx, 5));
            ctx.wait_for_event::<()>("go").await
        })
        .with("call a 1, timer 5, other child", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("other", 2).await
        })
        .with("call a 1, timer 5, child 3", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("child", 3).await
        })
        .with("call a 1, timer 5, child, event", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("child", 2).await?;
            ctx.wait_for_event::<u32>("go").await
        })
        .with("call a 1, timer 5, child, 8", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("child", 2).await.map(|_| 8)
        })
        .with("call a 1, timer 5, child, failure", move |ctx: Ctx, ()| async move {
            ctx.call_activity::<_, ()>("a", 1).await?;
            sleep(&ctx, 5).await;
            ctx.call_sub_orchestration::<_, u32>("child", 2).await?;
            Err::<(), _>(Failure::new("Boom", "boom"))
        })
}

/// Events: 0 and 1 begin, 2 schedules; 3 begins, 4 completes, 5 creates the timer; 6 begins, 7 fires, 8 creates the child;
/// 9 begins, 10 completes, 11 ends.
fn history() -> Vec<Event> {
    let mut story = Story::begin(codes(), "call a 1, timer 5, child", "null");
    story.rows(&[
        (0, "", "TaskScheduled 0 a 1"),
        (1, "done 0 null", "TaskCompleted 0 null; TimerCreated 1 @6"),
        (6, "", "TimerFired 1 @6; SubOrchestrationInstanceCreated 2 child 2 as ~:0002"),
        (7, "done 2 7", "SubOrchestrationInstanceCompleted 2 7; ExecutionCompleted; = 7"),
    ]);
    assert_eq!(story.history.len(), 12);
    story.history
}

const CAUSE: &str = ": either the orchestrator's code has changed since this instance started, or it depends on \
                     something that is not the same in every replay (time, random numbers, the order of a hash map)";

/// How `code` differs from `history`.
fn mismatch(code: &str, history: &[Event]) -> Failure {
    let mut execution = replayed(&beginning(code, "null"), &codes(), history);
    let failure = execution.mismatch().unwrap_or_else(|| panic!("'{code}' has no mismatch")).clone();
    let end = execution.turn(at(99), vec![]).end;
    assert_eq!(end, Some(End::Failed(failure.clone())), "the next turn ends with it");
    assert_eq!((failure.kind.as_str(), failure.retriable), ("NonDeterministicOrchestrator", false));
    assert!(failure.message.ends_with(CAUSE), "{}", failure.message);
    failure
}

#[test]
fn a_mismatch_says_where_what_history_has_and_what_the_code_does() {
    let child = |name| {
        format!("sub-orchestration '{name}' with the instance id '{}:0002' as task 2", "02".repeat(16))
    };
    let other =
        format!("at event 8 history asked for {}, the code asks for {}", child("child"), child("other"));
    let input =
        format!("at event 8 history asked for {0}, the code asks for {0} with other values", child("child"));
    for (code, upto, message) in [
        (
            "call b 1",
            3,
            "at event 2 history asked for activity 'a' as task 0, the code asks for activity 'b' as task 0",
        ),
        (
            "call a 2",
            3,
            "at event 2 history asked for activity 'a' as task 0, the code asks for activity 'a' as task 0 with other values",
        ),
        (
            "timer 5",
            3,
            "at event 2 history asked for activity 'a' as task 0, the code asks for a timer for 1970-01-01T00:00:05Z as task 0",
        ),
        ("nothing", 3, "at event 2 history asked for activity 'a' as task 0, the code asks for nothing"),
        ("event", 3, "at event 2 history asked for activity 'a' as task 0, the code asks for nothing"),
        (
            "call a 1 and b 2",
            3,
            "at event 3 history asked for nothing, the code asks for activity 'b' as task 1",
        ),
        (
            "call a 1, timer 6",
            6,
            "at event 5 history asked for a timer for 1970-01-01T00:00:06Z as task 1, the code asks for a timer for 1970-01-01T00:00:07Z as task 1",
        ),
        (
            "call a 1, dropped timer 5, event",
            9,
            "event 7 of the history is the end of timer 1, for which the code does not wait",
        ),
        ("call a 1, timer 5, other child", 9, &other),
        ("call a 1, timer 5, child 3", 9, &input),
        (
            "call a 1",
            6,
            "at event 5 history asked for a timer for 1970-01-01T00:00:06Z as task 1, the code asks for nothing",
        ),
        ("call a 1, timer 5, child, event", 12, "at event 11 history has ended, the code goes on"),
    ] {
        assert_eq!(mismatch(code, &history()[..upto]).message, format!("{message}{CAUSE}"), "{code}");
    }
}

#[test]
fn inputs_are_in_the_details_and_not_in_the_message() {
    let failure = mismatch("call a 2", &history()[..3]);
    assert_eq!(failure.details, Some(json(r#"{"history":1,"code":2}"#)));
    let failure = mismatch("nothing", &history()[..3]);
    assert_eq!(failure.details, Some(json(r#"{"history":1,"code":null}"#)));
}

#[test]
fn code_that_ends_before_its_history_is_a_mismatch() {
    let mut history = history()[..4].to_vec();
    history.pop();
    let mut event = |second, event| history.push(Event { at: at(second), event });
    event(1, EventKind::OrchestratorStarted);
    event(1, EventKind::TaskCompleted { id: TaskId(0), output: Json::null().into() });
    // As the last turn, and with another after it.
    let failure = mismatch("call a 1", &history);
    assert_eq!(failure.message, format!("at event 5 history has not ended, the code has{CAUSE}"));
    history.push(Event { at: at(2), event: EventKind::OrchestratorStarted });
    let failure = mismatch("call a 1", &history);
    assert_eq!(failure.message, format!("at event 5 history goes on, the code has ended{CAUSE}"));
}

#[test]
fn a_result_that_nobody_asked_for_is_a_mismatch() {
    let events = [
        EventKind::TaskCompleted { id: TaskId(4), output: Json::null().into() },
        EventKind::TaskFailed { id: TaskId(4), failure: Failure::new("F", "f") },
        EventKind::SubOrchestrationInstanceCompleted { id: TaskId(4), output: Json::null().into() },
    ];
    for event in events {
        let mut history = history()[..4].to_vec();
        history.push(Event { at: at(1), event });
        let message = mismatch("call a 1", &history).message;
        let what = "event 4 of the history is the result of task 4, which the code has not asked for";
        assert_eq!(message, format!("{what}{CAUSE}"));
    }
}

#[test]
fn another_end_is_a_mismatch_for_whoever_checks_it() {
    let check = |code: &str, output: Option<&str>| {
        let mut execution = replayed(&beginning(code, "null"), &codes(), &history());
        assert_eq!(execution.mismatch(), None);
        execution.check_end(output.map(json).as_ref());
        execution.mismatch().map(|failure| failure.message.replace(CAUSE, ""))
    };
    let same = "call a 1, timer 5, child";
    assert_eq!(check(same, Some("7")), None);
    assert_eq!(check("call a 1, timer 5, child, failure", None), None);
    let ends = |how: &str| Some(format!("at event 11 the history ends, and the code ends {how}"));
    assert_eq!(check("call a 1, timer 5, child, 8", Some("7")), ends("with another output"));
    assert_eq!(check("call a 1, timer 5, child, failure", Some("7")), ends("with a failure"));
    assert_eq!(check(same, None), ends("without a failure"));
    // What differs before the end is not forgotten for it.
    let mut execution = replayed(&beginning("call b 1", "null"), &codes(), &history());
    execution.check_end(Some(&json("7")));
    assert!(execution.mismatch().unwrap().message.starts_with("at event 2 "));
}

#[test]
fn after_a_mismatch_nothing_more_is_followed() {
    assert!(mismatch("call b 1", &history()).message.starts_with("at event 2 "));
}
