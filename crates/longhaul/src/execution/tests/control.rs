//! Suspension, termination, continuing as new, and what a context tells.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use tracing::span;

use super::*;
use crate::context::{MAX_CUSTOM_STATUS, UnprocessedEvents};

async fn event_then_timer(ctx: Ctx, _: ()) -> Result<u32, Failure> {
    let timer = ctx.create_timer(Duration::from_secs(5));
    let got = ctx.wait_for_event("go").await?;
    timer.await;
    Ok(got)
}

#[test]
fn a_suspended_execution_takes_no_turn_and_keeps_what_arrives() {
    let mut story = tell(
        event_then_timer,
        "null",
        &[
            (0, "", "TimerCreated 0 @5"),
            (1, "suspend why", "ExecutionSuspended why"),
            (2, "suspend again", ""),
            (9, "event go 3", "EventRaised go 3"),
        ],
    );
    assert_eq!((story.live.is_suspended(), story.live.next_timer()), (true, None));
    assert!(!story.live.minds(&news("suspend x")) && story.live.minds(&news("resume x")));
    let woken = "ExecutionResumed on; TimerFired 0 @5; ExecutionCompleted; = 3";
    story.rows(&[(10, "resume on", woken)]);
}

#[test]
fn an_execution_may_be_suspended_before_its_first_turn_and_resumed_in_one_turn() {
    tell(
        event_then_timer,
        "null",
        &[
            (0, "suspend why; event go 3", "ExecutionSuspended why; EventRaised go 3"),
            (9, "resume on", "ExecutionResumed on; TimerCreated 0 @14"),
            (10, "suspend a; resume b", "ExecutionSuspended a; ExecutionResumed b"),
            (11, "resume c", ""),
            (14, "", "TimerFired 0 @14; ExecutionCompleted; = 3"),
        ],
    );
}

#[test]
fn a_terminated_execution_has_ended_suspended_or_not() {
    let begin = (0, "", "TimerCreated 0 @5");
    tell(event_then_timer, "null", &[begin, (9, "terminate why", "ExecutionTerminated why; terminated why")]);
    tell(
        event_then_timer,
        "null",
        &[
            begin,
            (1, "suspend x", "ExecutionSuspended x"),
            (2, "terminate why", "ExecutionTerminated why; terminated why"),
        ],
    );
    let both = (9, "event go 3; terminate why", "EventRaised go 3; ExecutionTerminated why; terminated why");
    tell(event_then_timer, "null", &[begin, both]);
}

#[test]
fn continuing_as_new_keeps_or_drops_what_nobody_took_in_the_order_of_arrival() {
    let again = |ctx: Ctx, keeps: bool| async move {
        let events = if keeps { UnprocessedEvents::Keep } else { UnprocessedEvents::Drop };
        let n: u32 = ctx.wait_for_event("b").await?;
        let output: u32 = ctx.continue_as_new(n + 1, events).await?;
        assert_eq!(output, 0, "nothing comes after it");
        Ok(output)
    };
    let told = "event C 1; event b 2; event a 3; event B 4; event c 5";
    let raised = "EventRaised C 1; EventRaised b 2; EventRaised a 3; EventRaised B 4; EventRaised c 5";
    tell(again, "true", &[(0, told, &format!("{raised}; again 3 [C 1, a 3, B 4, c 5]"))]);
    tell(again, "false", &[(0, told, &format!("{raised}; again 3 []"))]);
}

#[test]
fn what_is_asked_for_before_continuing_as_new_is_recorded_and_the_first_wish_counts() {
    let again = |ctx: Ctx, ()| async move {
        ctx.start_orchestration("child", 1, None)?;
        let first = Box::pin(ctx.continue_as_new::<_, ()>(1, UnprocessedEvents::Keep));
        let second = Box::pin(ctx.continue_as_new::<_, ()>(2, UnprocessedEvents::Keep));
        select(first, second).await;
        Ok(())
    };
    let child = "SubOrchestrationInstanceCreated 0 child 1 as ~:0000 detached forgotten";
    tell(again, "null", &[(0, "", &format!("{child}; again 1 []"))]);
    let too_long = |ctx: Ctx, ()| async move {
        ctx.continue_as_new::<_, ()>("x".repeat(100_000), UnprocessedEvents::Keep).await
    };
    tell(too_long, "null", &[(0, "", "ExecutionCompleted; ! PayloadTooLarge")]);
}

#[test]
fn the_custom_status_is_as_it_was_when_the_new_one_is_too_large() {
    let shows = |ctx: Ctx, ()| async move {
        ctx.set_custom_status("one")?;
        ctx.call_activity::<_, ()>("a", 1).await?;
        ctx.set_custom_status("x".repeat(MAX_CUSTOM_STATUS - 2))?;
        ctx.set_custom_status("two")?;
        ctx.set_custom_status("x".repeat(MAX_CUSTOM_STATUS - 1))
    };
    let mut story = tell(shows, "null", &[(0, "", "TaskScheduled 0 a 1")]);
    assert_eq!(story.live.custom_status(), Some(json("\"one\"")));
    let end = (1, "done 0 null", "TaskCompleted 0 null; ExecutionCompleted; ! CustomStatusTooLarge");
    story.rows(&[end]);
    assert_eq!(story.live.custom_status(), Some(json("\"two\"")));
}

#[test]
fn the_context_tells_the_same_in_every_replay() {
    let asks = |ctx: Ctx, ()| async move {
        let before = (ctx.current_time(), ctx.new_guid(), ctx.new_guid());
        assert_ne!(before.1, before.2);
        // What is handed on is compared with the history.
        ctx.call_activity::<_, ()>("a", before).await?;
        ctx.call_activity::<_, ()>("b", (ctx.current_time(), ctx.new_guid())).await?;
        assert_eq!((ctx.instance_id().as_str(), ctx.version().as_deref()), ("i", Some("7")));
        assert_eq!(ctx.parent_instance_id(), None);
        Ok(ctx.current_time().as_second())
    };
    let mut story = Story::begin(Orchestrators::new().with("o", asks), "o", "null");
    let first = story.turn(3, vec![]);
    assert!(first.starts_with("TaskScheduled 0 a [\"1970-01-01T00:00:03Z\","), "{first}");
    story.turn(4, vec![news("done 0 null")]);
    story.rows(&[(5, "done 1 null", "TaskCompleted 1 null; ExecutionCompleted; = 5")]);
}

#[test]
fn awaiting_what_is_not_durable_fails_instead_of_hanging() {
    let stuck = |ctx: Ctx, ()| async move {
        let unawaited = ctx.call_activity::<_, ()>("a", 1);
        std::future::pending::<()>().await;
        unawaited.await
    };
    tell(
        stuck,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1"),
            (1, "done 0 null", "TaskCompleted 0 null; ExecutionCompleted; ! StuckOrchestrator"),
        ],
    );
}

/// Counts what is logged.
struct Counter(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Counter {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "story"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn logging_is_silent_while_replaying_and_heard_when_live() {
    let replays = Rc::new(Cell::new(0));
    let seen = replays.clone();
    let logs = move |ctx: Ctx, ()| {
        let seen = seen.clone();
        async move {
            for n in 0..3 {
                tracing::info!(target: "story", "step {n}");
                seen.set(seen.get() + u32::from(ctx.is_replaying()));
                ctx.call_activity::<_, ()>("a", n).await?;
            }
            Ok(())
        }
    };
    let orchestrators = Orchestrators::new().with("o", logs);
    let heard = std::sync::Arc::default();
    tracing::subscriber::with_default(Counter(std::sync::Arc::clone(&heard)), || {
        let start = beginning("o", "null");
        // One that begins here and now is live.
        let mut execution = Execution::begin(start.clone(), &orchestrators).unwrap();
        let mut history = execution.turn(at(0), vec![]).events;
        history.extend(execution.turn(at(1), vec![news("done 0 null")]).events);
        assert_eq!((heard.load(Ordering::Relaxed), replays.get()), (2, 0));
        let mut execution = replayed(&start, &orchestrators, &history);
        assert_eq!((heard.load(Ordering::Relaxed), replays.get()), (2, 2));
        execution.turn(at(2), vec![news("done 1 null")]);
        assert_eq!((heard.load(Ordering::Relaxed), replays.get()), (3, 2));
    });
}
