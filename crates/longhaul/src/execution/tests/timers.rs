//! Durable timers.

use std::time::Duration;

use futures::future::{join_all, select};

use super::*;

#[test]
fn timers_fire_in_the_order_in_which_they_are_due() {
    let three = |ctx: Ctx, ()| async move {
        let timers = [30, 10, 20].map(|seconds| ctx.create_timer(Duration::from_secs(seconds)));
        join_all(timers).await;
        Ok(ctx.current_time().as_second())
    };
    let begin = (0, "", "TimerCreated 0 @30; TimerCreated 1 @10; TimerCreated 2 @20");
    tell(
        three,
        "null",
        &[
            begin,
            (9, "", ""),
            (10, "", "TimerFired 1 @10"),
            (20, "", "TimerFired 2 @20"),
            (30, "", "TimerFired 0 @30; ExecutionCompleted; = 30"),
        ],
    );
    let all = "TimerFired 1 @10; TimerFired 2 @20; TimerFired 0 @30; ExecutionCompleted; = 99";
    let mut story = tell(three, "null", &[begin]);
    assert_eq!(story.live.next_timer(), Some(at(10)));
    story.rows(&[(99, "", all)]);
}

#[test]
fn a_timer_in_the_past_is_due_at_once() {
    let past = |ctx: Ctx, ()| async move {
        ctx.create_timer_at(Timestamp::from_second(-5).unwrap()).await;
        ctx.create_timer(Duration::ZERO).await;
        Ok(())
    };
    tell(
        past,
        "null",
        &[
            (0, "", "TimerCreated 0 @-5"),
            (0, "", "TimerFired 0 @-5; TimerCreated 1 @0"),
            (0, "", "TimerFired 1 @0; ExecutionCompleted; = null"),
        ],
    );
}

#[test]
fn a_timer_may_be_further_off_than_time_goes() {
    let ever = |ctx: Ctx, ()| async move {
        ctx.create_timer(Duration::MAX).await;
        Ok(())
    };
    let mut story = Story::begin(Orchestrators::new().with("o", ever), "o", "null");
    story.turn(0, vec![]);
    assert_eq!(story.live.next_timer(), Some(Timestamp::MAX));
}

#[test]
fn a_timer_that_is_dropped_is_cancelled() {
    let race = |ctx: Ctx, ()| async move {
        let call = ctx.call_activity::<_, u32>("a", 1);
        let timer = ctx.create_timer(Duration::from_secs(5));
        select(call, timer).await;
        ctx.call_activity::<_, u32>("b", 2).await
    };
    tell(
        race,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1; TimerCreated 1 @5"),
            (1, "done 0 1", "TaskCompleted 0 1; TaskScheduled 2 b 2"),
            (9, "", ""),
            (10, "done 2 2", "TaskCompleted 2 2; ExecutionCompleted; = 2"),
        ],
    );
}

#[test]
fn a_timer_that_is_dropped_in_its_first_turn_never_fires() {
    let drops = |ctx: Ctx, ()| async move {
        drop(ctx.create_timer(Duration::from_secs(5)));
        ctx.create_timer(Duration::from_secs(7)).await;
        Ok(())
    };
    let mut story = tell(drops, "null", &[(0, "", "TimerCreated 0 @5; TimerCreated 1 @7")]);
    assert_eq!(story.live.next_timer(), Some(at(7)));
    story.rows(&[(8, "", "TimerFired 1 @7; ExecutionCompleted; = null")]);
}

#[test]
fn a_timer_that_fires_in_the_turn_in_which_it_is_dropped_has_fired() {
    let race = |ctx: Ctx, ()| async move {
        let call = ctx.call_activity::<_, u32>("a", 1);
        let timer = ctx.create_timer(Duration::from_secs(5));
        select(call, timer).await;
        ctx.wait_for_event::<()>("end").await
    };
    tell(
        race,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1; TimerCreated 1 @5"),
            (6, "done 0 1", "TaskCompleted 0 1; TimerFired 1 @5"),
            (7, "event end null", "EventRaised end null; ExecutionCompleted; = null"),
        ],
    );
}
