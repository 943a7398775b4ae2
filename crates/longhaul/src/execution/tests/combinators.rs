//! Orchestrators put together from `futures` combinators and helper functions.

use std::time::Duration;

use futures::future::{Either, join_all, select, try_join, try_join_all};
use futures::stream::{self, StreamExt};

use super::*;

#[test]
fn select_takes_whichever_comes_first() {
    let race = |ctx: Ctx, ()| async move {
        let call = ctx.call_activity::<_, u32>("a", 1);
        let event = ctx.wait_for_event::<u32>("go");
        match select(call, event).await {
            Either::Left((output, _)) => Ok(format!("output {}", output?)),
            Either::Right((data, _)) => Ok(format!("event {}", data?)),
        }
    };
    let begin = (0, "", "TaskScheduled 0 a 1");
    tell(race, "null", &[begin, (1, "done 0 2", "TaskCompleted 0 2; ExecutionCompleted; = \"output 2\"")]);
    tell(race, "null", &[begin, (1, "event go 3", "EventRaised go 3; ExecutionCompleted; = \"event 3\"")]);
    let both = "EventRaised go 3; TaskCompleted 0 2; ExecutionCompleted; = \"output 2\"";
    tell(race, "null", &[begin, (1, "event go 3; done 0 2", both)]);
}

#[test]
fn try_join_ends_with_the_first_failure() {
    let both = |ctx: Ctx, ()| async move {
        try_join(ctx.call_activity::<_, u32>("a", 1), ctx.call_activity::<_, u32>("b", 2)).await
    };
    let begin = (0, "", "TaskScheduled 0 a 1; TaskScheduled 1 b 2");
    tell(
        both,
        "null",
        &[
            begin,
            (1, "done 1 4", "TaskCompleted 1 4"),
            (2, "done 0 3", "TaskCompleted 0 3; ExecutionCompleted; = [3,4]"),
        ],
    );
    tell(both, "null", &[begin, (1, "fail 1 Boom", "TaskFailed 1 Boom; ExecutionCompleted; ! Boom")]);
}

async fn fan_out(ctx: Ctx, wide: u32) -> Result<Vec<u32>, Failure> {
    try_join_all((0..wide).map(|n| ctx.call_activity("double", n))).await
}

#[test]
fn a_fan_out_of_nothing_ends_at_once() {
    tell(fan_out, "0", &[(0, "", "ExecutionCompleted; = []")]);
}

#[test]
fn a_wide_fan_out_is_awaited_to_its_end_in_any_order_and_in_any_batches() {
    let all = |ctx: Ctx, wide: u32| async move {
        let results = join_all((0..wide).map(|n| ctx.call_activity::<_, u32>("double", n))).await;
        results.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let orchestrators = || Orchestrators::new().with("all", all).with("try", fan_out);
    for (name, step) in [("all", 1), ("all", 70), ("try", 1), ("try", 200)] {
        let mut story = Story::begin(orchestrators(), name, "200");
        story.turn(0, vec![]);
        // 7 and 200 have no common divisor.
        let order: Vec<_> = (0..200).map(|n| n * 7 % 200).collect();
        for (second, batch) in (1..).zip(order.chunks(step)) {
            story.turn(second, batch.iter().map(|n| news(&format!("done {n} {}", 2 * n))).collect());
        }
        let Some(End::Completed(output)) = &story.end else { panic!("{name}: {:?}", story.end) };
        assert_eq!(output.to::<Vec<u32>>().unwrap(), (0..200).map(|n| 2 * n).collect::<Vec<_>>());
        assert_eq!(story.history.iter().filter(|event| event.event.result_of().is_some()).count(), 200);
    }
}

#[test]
fn a_bounded_fan_out_asks_for_more_as_results_come() {
    let bounded = |ctx: Ctx, wide: u32| async move {
        let calls = stream::iter(0..wide).map(|n| ctx.call_activity::<_, u32>("a", n));
        let outputs: Vec<_> = calls.buffer_unordered(2).collect().await;
        outputs.into_iter().collect::<Result<Vec<_>, _>>()
    };
    tell(
        bounded,
        "4",
        &[
            (0, "", "TaskScheduled 0 a 0; TaskScheduled 1 a 1"),
            (1, "done 1 11", "TaskCompleted 1 11; TaskScheduled 2 a 2"),
            (2, "done 2 12; done 0 10", "TaskCompleted 2 12; TaskCompleted 0 10; TaskScheduled 3 a 3"),
            (3, "done 3 13", "TaskCompleted 3 13; ExecutionCompleted; = [11,12,10,13]"),
        ],
    );
}

/// A helper, as an author would write one.
async fn ask_twice(ctx: &Ctx, name: &str) -> Result<u32, Failure> {
    let first: Result<u32, _> = ctx.call_activity(name, 1).await;
    match first {
        Ok(output) => Ok(output),
        Err(_) => {
            ctx.create_timer(Duration::from_secs(1)).await;
            ctx.call_activity(name, 2).await
        }
    }
}

#[test]
fn helpers_are_async_functions_that_take_the_context() {
    let helped = |ctx: Ctx, ()| async move { try_join(ask_twice(&ctx, "a"), ask_twice(&ctx, "b")).await };
    tell(
        helped,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1; TaskScheduled 1 b 1"),
            (1, "fail 0 Boom", "TaskFailed 0 Boom; TimerCreated 2 @2"),
            (2, "done 1 5", "TaskCompleted 1 5; TimerFired 2 @2; TaskScheduled 3 a 2"),
            (3, "done 3 6", "TaskCompleted 3 6; ExecutionCompleted; = [6,5]"),
        ],
    );
}

#[test]
fn an_http_answer_202_is_followed_with_durable_pauses() {
    use crate::context::HttpRequest;
    let asks = |ctx: Ctx, ()| async move {
        let request = HttpRequest::new("POST", "http://a/start").header("Cookie", "c").content("x");
        ctx.call_http(request).await.map(|response| response.status_code)
    };
    let wait = r#"{"statusCode":202,"headers":{"location":"/poll","retry-after":"7"}}"#;
    let elsewhere = r#"{"statusCode":202,"headers":{"location":"http://b/x"}}"#;
    tell(
        asks,
        "null",
        &[
            (
                0,
                "",
                r#"TaskScheduled 0 BuiltIn::HttpActivity {"method":"POST","uri":"http://a/start","headers":{"Cookie":"c"},"content":"x"}"#,
            ),
            (1, &format!("done 0 {wait}"), &format!("TaskCompleted 0 {wait}; TimerCreated 1 @8")),
            (
                8,
                "",
                r#"TimerFired 1 @8; TaskScheduled 2 BuiltIn::HttpActivity {"method":"GET","uri":"http://a/poll","headers":{"Cookie":"c"}}"#,
            ),
            (9, &format!("done 2 {elsewhere}"), &format!("TaskCompleted 2 {elsewhere}; TimerCreated 3 @39")),
            (
                39,
                "",
                r#"TimerFired 3 @39; TaskScheduled 4 BuiltIn::HttpActivity {"method":"GET","uri":"http://b/x"}"#,
            ),
            (
                40,
                r#"done 4 {"statusCode":200}"#,
                r#"TaskCompleted 4 {"statusCode":200}; ExecutionCompleted; = 200"#,
            ),
        ],
    );
}
