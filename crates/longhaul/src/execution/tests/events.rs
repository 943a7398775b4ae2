//! External events.

use std::time::Duration;

use futures::future::join;
use futures::stream::{FuturesUnordered, StreamExt};

use super::*;

#[test]
fn an_event_is_kept_until_somebody_waits_and_case_does_not_matter() {
    let late = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, ()>("a", 0).await?;
        let first: u32 = ctx.wait_for_event("GO").await?;
        let second: u32 = ctx.wait_for_event("go").await?;
        Ok((first, second))
    };
    tell(
        late,
        "null",
        &[
            (0, "event go 1", "EventRaised go 1; TaskScheduled 0 a 0"),
            (1, "event Other 5; event Go 2", "EventRaised Other 5; EventRaised Go 2"),
            (2, "done 0 null", "TaskCompleted 0 null; ExecutionCompleted; = [1,2]"),
        ],
    );
    let waits = |ctx: Ctx, ()| async move { ctx.wait_for_event::<u32>("Überall").await };
    tell(
        waits,
        "null",
        &[(0, "", ""), (1, "event überALL 3", "EventRaised überALL 3; ExecutionCompleted; = 3")],
    );
}

#[test]
fn of_several_waits_for_one_name_the_oldest_gets_the_first_event() {
    let both = |ctx: Ctx, ()| async move {
        let (older, newer) = (ctx.wait_for_event::<u32>("go"), ctx.wait_for_event::<u32>("go"));
        // Whoever is polled first: it is the order of the calls that counts.
        let (newer, older) = join(newer, older).await;
        Ok((older?, newer?))
    };
    tell(
        both,
        "null",
        &[
            (0, "", ""),
            (1, "event go 1", "EventRaised go 1"),
            (2, "event go 2", "EventRaised go 2; ExecutionCompleted; = [1,2]"),
        ],
    );
    tell(
        both,
        "null",
        &[(0, "event go 1; event go 2", "EventRaised go 1; EventRaised go 2; ExecutionCompleted; = [1,2]")],
    );
}

#[test]
fn a_wait_that_is_dropped_takes_no_event() {
    let leaves = |ctx: Ctx, ()| async move {
        let older = ctx.wait_for_event::<u32>("go");
        let newer = ctx.wait_for_event::<u32>("go");
        ctx.call_activity::<_, ()>("a", 0).await?;
        drop(older);
        newer.await
    };
    // The event comes before and after the older wait has left.
    tell(
        leaves,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 0"),
            (1, "event go 1", "EventRaised go 1"),
            (2, "done 0 null", "TaskCompleted 0 null; ExecutionCompleted; = 1"),
        ],
    );
    tell(
        leaves,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 0"),
            (1, "done 0 null", "TaskCompleted 0 null"),
            (2, "event go 1", "EventRaised go 1; ExecutionCompleted; = 1"),
        ],
    );
}

#[test]
fn a_wait_that_leaves_wakes_the_one_that_moves_up() {
    // Each future in there is polled only when it is woken.
    let moves_up = |ctx: Ctx, ()| async move {
        let older = ctx.wait_for_event::<u32>("go");
        let newer: FuturesUnordered<_> = (0..3).map(|_| ctx.wait_for_event::<u32>("go")).collect();
        let leaves = async {
            let called = ctx.call_activity::<_, ()>("a", 0).await;
            drop(older);
            called
        };
        let (called, got) = join(leaves, newer.collect::<Vec<_>>()).await;
        called?;
        got.into_iter().collect::<Result<Vec<_>, _>>()
    };
    tell(
        moves_up,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 0"),
            (1, "event go 1; event go 2", "EventRaised go 1; EventRaised go 2"),
            (2, "done 0 null", "TaskCompleted 0 null"),
            (3, "event go 3", "EventRaised go 3; ExecutionCompleted; = [2,1,3]"),
        ],
    );
}

#[test]
fn an_event_wakes_the_wait_that_it_is_for() {
    let three = |ctx: Ctx, ()| async move {
        let waits: FuturesUnordered<_> = (0..3).map(|_| ctx.wait_for_event::<u32>("go")).collect();
        waits.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>, _>>()
    };
    tell(
        three,
        "null",
        &[
            (0, "", ""),
            (1, "event go 1", "EventRaised go 1"),
            (
                2,
                "event go 2; event go 3",
                "EventRaised go 2; EventRaised go 3; ExecutionCompleted; = [1,2,3]",
            ),
        ],
    );
}

#[test]
fn a_wait_with_a_time_limit_ends_by_its_event_or_by_its_timer() {
    let limited = |ctx: Ctx, ()| async move {
        let got = ctx.wait_for_event::<u32>("go").with_timeout(Duration::from_secs(5)).await?;
        let more = ctx.wait_for_event::<u32>("go").await?;
        Ok((got, more))
    };
    let begin = (0, "", "TimerCreated 0 @5");
    tell(
        limited,
        "null",
        &[
            begin,
            (4, "event go 1", "EventRaised go 1"),
            (9, "event go 2", "EventRaised go 2; ExecutionCompleted; = [1,2]"),
        ],
    );
    tell(
        limited,
        "null",
        &[
            begin,
            (5, "", "TimerFired 0 @5"),
            (6, "event go 2", "EventRaised go 2; ExecutionCompleted; = [null,2]"),
        ],
    );
    // In one turn the event counts.
    tell(
        limited,
        "null",
        &[
            begin,
            (5, "event go 1", "EventRaised go 1; TimerFired 0 @5"),
            (6, "event go 2", "EventRaised go 2; ExecutionCompleted; = [1,2]"),
        ],
    );
    // An event that is there needs no timer.
    tell(
        limited,
        "null",
        &[(0, "event go 1; event go 2", "EventRaised go 1; EventRaised go 2; ExecutionCompleted; = [1,2]")],
    );
}

#[test]
fn a_wait_that_is_over_leaves_the_event_to_others_even_while_it_is_kept() {
    let keeps = |ctx: Ctx, ()| async move {
        let mut over = std::pin::pin!(ctx.wait_for_event::<u32>("go").with_timeout(Duration::from_secs(5)));
        let nothing = over.as_mut().await?;
        let got = ctx.wait_for_event::<u32>("go").await?;
        Ok((nothing, got))
    };
    tell(
        keeps,
        "null",
        &[
            (0, "", "TimerCreated 0 @5"),
            (5, "", "TimerFired 0 @5"),
            (6, "event go 1", "EventRaised go 1; ExecutionCompleted; = [null,1]"),
        ],
    );
}

#[test]
fn an_event_of_the_wrong_shape_fails_the_wait() {
    let waits = |ctx: Ctx, ()| async move { ctx.wait_for_event::<u32>("go").await };
    let row = (0, "event go \"one\"", "EventRaised go \"one\"; ExecutionCompleted; ! BadEvent");
    tell(waits, "null", &[row]);
}
