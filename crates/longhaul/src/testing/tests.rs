//! The kit itself. What it shows of ordinary runs is in the guide's examples.

mod children;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::context::{
    HTTP_ACTIVITY, HttpRequest, HttpResponse, OrchestrationContext as Ctx, UnprocessedEvents,
};
use crate::orchestrators::Orchestrators;
use crate::status::RuntimeStatus;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("call", |ctx: Ctx, n: u32| async move { ctx.call_activity::<_, u32>("a", n).await })
        .with("event", |ctx: Ctx, ()| async move { ctx.wait_for_event::<u32>("go").await })
        .with("sleep", |ctx: Ctx, n: u64| async move {
            ctx.set_custom_status("sleeping")?;
            ctx.create_timer(seconds(n)).await;
            Ok(n)
        })
        .with("parent", |ctx: Ctx, (name, input): (String, u32)| async move {
            ctx.call_sub_orchestration::<_, u32>(&name, input).with_id(id("child")).await
        })
        .with("for ever", |ctx: Ctx, n: u32| async move {
            ctx.create_timer(seconds(60)).await;
            ctx.continue_as_new::<_, ()>(n + 1, UnprocessedEvents::Keep).await
        })
}

#[test]
fn activities_take_their_time_and_run_at_once() {
    let all = |ctx: Ctx, ()| async move {
        let outputs = join_all((1..=3).map(|n| ctx.call_activity::<_, u32>("a", n))).await;
        outputs.into_iter().sum::<Result<u32, _>>()
    };
    let hub = TestHub::new(Orchestrators::new().with("all", all));
    let run = hub.activity_taking("a", seconds(60), |n: u32| Ok(n)).run("all", ());
    assert_eq!((run.output(), run.elapsed()), (Ok(6), seconds(60)));
    assert_eq!(run.calls::<u32>("a"), [1, 2, 3]);
    let hub =
        TestHub::new(Orchestrators::new().with("all", all)).activity_with("a", |call: TestCall<u32>| {
            call.takes(seconds(u64::from(10 - call.input)));
            Ok(call.input)
        });
    let run = hub.run("all", ());
    assert_eq!((run.output(), run.elapsed()), (Ok(6), seconds(9)));
    let turns = run.history().iter().filter(|event| event.event.name() == "OrchestratorStarted");
    assert_eq!(turns.count(), 4, "each result comes at its own time");
}

#[test]
fn a_result_of_the_wrong_shape_fails_as_in_production() {
    let hub = TestHub::new(orchestrators()).activity("a", |_: String| Ok(1));
    assert_eq!(hub.run("call", 1).output::<u32>().unwrap_err().kind, "BadInput");
    let hub = hub.activity("a", |_: u32| Ok("one"));
    assert_eq!(hub.run("call", 1).output::<u32>().unwrap_err().kind, "BadOutput");
    let hub = hub.activity("a", |_: u32| Ok("x".repeat(100 << 20)));
    assert_eq!(hub.run("call", 1).output::<u32>().unwrap_err().kind, "PayloadTooLarge");
    assert_eq!(hub.run("call", "one").output::<u32>().unwrap_err().kind, "BadInput");
}

#[test]
fn what_is_missing_is_named() {
    let hub = TestHub::new(orchestrators()).activity("b", |()| Ok(()));
    let error = hub.start("call", 7).try_run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "instance 'test-instance' asked for the activity 'a' with the input 7, and the test has none: add \
         .activity(\"a\", |input| …); it has: b"
    );
    let error = hub.start("parent", ("nobody", 1)).try_run().unwrap_err();
    assert!(
        matches!(&error, TestError::NotRegistered { instance, .. } if instance.as_str() == "child"),
        "{error}"
    );
    let start = hub.start("event", ()).raise_event_to_after("else", seconds(1), "go", 1);
    let error = start.try_run().unwrap_err();
    assert_eq!(error, TestError::NoInstance { id: id("else"), known: "test-instance".into() });
}

#[test]
#[should_panic(expected = "asked for the activity 'a'")]
fn a_run_panics_with_its_error() {
    TestHub::new(orchestrators()).run("call", 7);
}

#[test]
fn what_does_not_come_is_waited_for() {
    let run = TestHub::new(orchestrators()).run("event", ());
    assert_eq!((run.status(), run.waits_for()), (RuntimeStatus::Running, &["the event 'go'".to_owned()][..]));
    let failure = run.output::<u32>().unwrap_err();
    assert_eq!(failure.message, "instance 'test-instance' has not ended: it waits for the event 'go'");
    let run = TestHub::new(orchestrators()).run("parent", ("event", ()));
    assert_eq!(run.output::<u32>().unwrap_err().kind, "BadInput", "the input is a number");
    let run = TestHub::new(orchestrators()).start("sleep", 100).until(seconds(40)).run();
    assert_eq!(run.waits_for(), ["a timer at 2000-01-01T00:01:40Z"]);
    assert_eq!((run.elapsed(), run.custom_status::<String>().unwrap().as_str()), (seconds(40), "sleeping"));
}

#[test]
fn an_event_comes_when_it_is_raised_and_to_whom() {
    let hub = TestHub::new(orchestrators());
    let start = || hub.start("event", ()).raise_event_after(seconds(5), "GO", 3);
    let run = start().instance_id("mine").raise_event_after(seconds(4), "stay", 1).run();
    assert_eq!((run.output(), run.elapsed(), run.id().as_str()), (Ok(3), seconds(5), "mine"));
    assert_eq!(run.outline()[1..], ["EventRaised stay", "EventRaised GO", "ExecutionCompleted"]);
    let run = start().raise_event_after(seconds(6), "go", 4).run();
    assert_eq!(run.output(), Ok(3), "what comes after the end is ignored");

    let orchestrators = Orchestrators::new()
        .with("event", |ctx: Ctx, _: u32| async move { ctx.wait_for_event::<u32>("go").await })
        .with("parent", |ctx: Ctx, ()| async move {
            ctx.call_sub_orchestration::<_, u32>("event", 0).with_id(id("child")).await
        });
    let hub = TestHub::new(orchestrators);
    let run = hub.start("parent", ()).raise_event_to_after("child", seconds(5), "go", 9).run();
    assert_eq!((run.output(), run.instance("child").unwrap().output()), (Ok(9), Ok(9)));
}

#[test]
fn a_suspended_instance_rests_until_it_is_resumed() {
    let hub = TestHub::new(orchestrators());
    let run = hub.start("sleep", 10).suspend_after(seconds(5), "x").resume_after(seconds(60), "y").run();
    assert_eq!((run.output(), run.elapsed()), (Ok(10), seconds(60)));
    let run = hub.start("sleep", 10).suspend_after(seconds(5), "x").run();
    assert_eq!(
        (run.status(), run.waits_for()),
        (RuntimeStatus::Suspended, &["somebody who resumes it".to_owned()][..])
    );
}

#[test]
fn events_are_carried_into_the_next_round_and_late_results_are_not() {
    let again = |ctx: Ctx, n: u32| async move {
        if n == 0 {
            drop(ctx.call_activity::<_, u32>("slow", n));
            ctx.wait_for_event::<u32>("go").await?;
            return ctx.continue_as_new(1, UnprocessedEvents::Keep).await;
        }
        let call = ctx.call_activity::<_, u32>("quick", n).await?;
        Ok((call, ctx.wait_for_event::<u32>("go").await?))
    };
    let hub = TestHub::new(Orchestrators::new().with("again", again))
        .activity_taking("slow", seconds(10), |n: u32| Ok(n))
        .activity_taking("quick", seconds(20), |n: u32| Ok(n));
    let start = hub.start("again", 0).raise_event_after(seconds(5), "go", 1);
    let run = start.raise_event_after(seconds(5), "go", 2).run();
    assert_eq!((run.output(), run.elapsed()), (Ok((1, 2)), seconds(25)));
    let outlines: Vec<_> = run.rounds().iter().map(Round::outline).collect();
    let first = ["ExecutionStarted again", "TaskScheduled slow", "EventRaised go", "EventRaised go"];
    assert_eq!(outlines[0], first);
    assert_eq!(outlines[1][..3], ["ExecutionStarted again", "EventRaised go", "TaskScheduled quick"]);
}

#[test]
fn what_goes_on_for_ever_is_cut_off() {
    let hub = TestHub::new(orchestrators());
    let run = hub.start("for ever", 0).until(seconds(60 * 60)).run();
    assert_eq!((run.status(), run.rounds().len()), (RuntimeStatus::Running, 61));
    assert_eq!(run.rounds()[60].input.text(), "60");
    let error = hub.start("for ever", 0).try_run().unwrap_err();
    assert!(matches!(error, TestError::Endless { .. }), "{error}");
}

#[test]
fn http_requests_are_answered_by_their_activity() {
    let asks = |ctx: Ctx, ()| async move {
        ctx.call_http(HttpRequest::new("GET", "http://a/")).await.map(|response| response.content)
    };
    let times = Cell::new(0);
    let run = TestHub::new(Orchestrators::new().with("asks", asks))
        .activity(HTTP_ACTIVITY, |request: HttpRequest| {
            times.set(times.get() + 1);
            let later = [("location".to_owned(), "/later".to_owned())];
            Ok(match times.get() {
                1 => HttpResponse { status_code: 202, headers: later.into(), content: String::new() },
                _ => HttpResponse { status_code: 200, headers: [].into(), content: request.uri },
            })
        })
        .run("asks", ());
    assert_eq!((run.output(), run.elapsed()), (Ok("http://a/later".to_owned()), seconds(30)));
}

/// An orchestrator that does one thing when it runs, and another when it is replayed.
async fn fickle(ctx: Ctx, what: &'static str) -> Result<u32, Failure> {
    match what {
        "waits" => ctx.wait_for_event("go").await,
        "calls" => ctx.call_activity("a", 1).await,
        "continues" => ctx.continue_as_new((), UnprocessedEvents::Keep).await,
        "continues with 1" => ctx.continue_as_new(1, UnprocessedEvents::Keep).await,
        "fails" => Err(Failure::new("Boom", "boom")),
        number => Ok(number.parse().unwrap()),
    }
}

#[test]
fn an_orchestrator_that_is_not_deterministic_fails_the_run() {
    for (live, replayed, message) in [
        ("1", "2", "at event 2 the history ends, and the code ends with another output"),
        ("1", "fails", "at event 2 the history ends, and the code ends with a failure"),
        ("1", "waits", "at event 2 history has ended, the code goes on"),
        ("1", "continues", "at event 2 history has ended, the code goes on"),
        ("fails", "1", "at event 2 the history ends, and the code ends without a failure"),
        ("waits", "1", "at event 2 history has not ended, the code has"),
        ("waits", "calls", "at event 2 history asked for nothing, the code asks for activity 'a' as task 0"),
        ("waits", "continues", "it continues as new where it did not"),
        ("calls", "waits", "at event 2 history asked for activity 'a' as task 0, the code asks for nothing"),
        ("continues", "waits", "it does not continue as new any more"),
        ("continues", "1", "at event 2 history has not ended, the code has"),
        ("continues", "continues with 1", "it continues as new with another input, or with other events"),
    ] {
        let begun = Cell::new(false);
        let mut both = [live, replayed].into_iter().cycle();
        let begins = Rc::new(RefCell::new(move || both.next().unwrap()));
        let orchestrator = move |ctx: Ctx, ()| fickle(ctx, (begins.borrow_mut())());
        let hub = TestHub::new(Orchestrators::new().with("fickle", orchestrator)).activity("a", |n: u32| {
            begun.set(true);
            Ok(n)
        });
        let error = hub.start("fickle", ()).try_run().unwrap_err();
        let TestError::NonDeterministic { difference, .. } = &error else {
            panic!("{live}, {replayed}: {error}")
        };
        assert!(difference.message.starts_with(message), "{live}, {replayed}: {}", difference.message);
        assert_eq!(begun.get(), live == "calls", "what is replayed is not done again");
    }
}

#[test]
fn every_run_of_a_hub_is_the_same() {
    let told = RefCell::new(Vec::new());
    let asks = |ctx: Ctx, ()| async move {
        ctx.call_activity::<_, ()>("note", (ctx.new_guid(), ctx.current_time(), ctx.instance_id())).await
    };
    let hub = TestHub::new(Orchestrators::new().with("asks", asks))
        .starting_at("2024-02-29T00:00:00Z".parse().unwrap())
        .activity("note", |note: Json| {
            told.borrow_mut().push(note);
            Ok(())
        });
    let (one, two) = (hub.run("asks", ()), hub.run("asks", ()));
    assert_eq!(one.history(), two.history());
    assert_eq!(one.all_calls()[0].at, "2024-02-29T00:00:00Z".parse().unwrap());
    assert_eq!(told.borrow()[0], told.borrow()[1]);
}
