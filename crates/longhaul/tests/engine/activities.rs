//! Activities: retries, time-outs, checkpoints, cancellation, versions of orchestrators.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use longhaul::memory::MemoryPlatform;
use longhaul::{
    ActivityContext, ActivityFunctions, Checkpoint, Failure, Json, Limits, OrchestrationContext,
    Orchestrators, RetryPolicy, RuntimeStatus, SchedulerKick, Start, Step,
};

use crate::support::{Hub, activities};

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("one", |ctx: OrchestrationContext, (name, input): (String, Json)| async move {
            ctx.call_activity::<_, Json>(&name, input).await
        })
        .with("retry", |ctx: OrchestrationContext, (name, input): (String, Json)| async move {
            let policy = RetryPolicy::new(Duration::from_secs(5), 4).backoff_coefficient(2.0);
            ctx.call_activity::<_, Json>(&name, input).with_retry(policy).await
        })
        .with("limited", |ctx: OrchestrationContext, (name, input): (String, Json)| async move {
            ctx.call_activity::<_, Json>(&name, input).with_timeout(Duration::from_secs(10)).await
        })
        .with("beside", |ctx: OrchestrationContext, _: Json| async move {
            let mut hangs = ctx.call_activity::<_, Json>("hangs", ());
            for naps in 0..5_000 {
                match select(hangs, ctx.call_activity::<_, Json>("naps", ())).await {
                    Either::Left(_) => return Ok(naps),
                    Either::Right((_, still_hangs)) => hangs = still_hangs,
                }
            }
            Err(Failure::permanent("Forgotten", "nobody minds that it hangs"))
        })
}

/// Waits in virtual time, which the hub's own platform has.
struct Slow(Rc<Cell<Option<Rc<Hub>>>>);

impl Slow {
    async fn sleep(&self, time: Duration) {
        let hub = self.0.take().expect("the hub is set");
        self.0.set(Some(hub.clone()));
        longhaul::Platform::sleep(hub.engine.platform(), time).await;
    }
}

#[derive(Default)]
struct Seen {
    cancelled: Cell<u32>,
    saved: Cell<u32>,
}

fn hub() -> (Hub, Rc<Seen>) {
    hub_with(|engine| engine)
}

fn hub_with(
    change: impl FnOnce(longhaul::Engine<MemoryPlatform>) -> longhaul::Engine<MemoryPlatform>,
) -> (Hub, Rc<Seen>) {
    let seen = Rc::new(Seen::default());
    let place: Rc<Cell<Option<Rc<Hub>>>> = Rc::default();
    let (one, other, slow, slower) = (seen.clone(), seen.clone(), place.clone(), place.clone());
    let short = place.clone();
    let activities: ActivityFunctions<'static> = activities()
        .with("flaky", |ctx: ActivityContext, fails: u32| async move {
            match ctx.retry < fails {
                true => Err(Failure::new("Flaky", format!("attempt {}", ctx.retry + 1))),
                false => Ok(ctx.retry),
            }
        })
        .with("hangs", |_: ActivityContext, _: Json| std::future::pending::<Result<(), Failure>>())
        .with("naps", move |_: ActivityContext, _: Json| {
            let short = Slow(short.clone());
            async move {
                short.sleep(Duration::from_micros(500)).await;
                Ok(())
            }
        })
        .with("sleeps", move |ctx: ActivityContext, seconds: u64| {
            let (seen, slow) = (one.clone(), Slow(slow.clone()));
            async move {
                for _ in 0..seconds {
                    slow.sleep(Duration::from_secs(1)).await;
                    if ctx.heartbeat().await.is_err() {
                        seen.cancelled.set(seen.cancelled.get() + 1);
                        return Err(longhaul::Cancelled.into());
                    }
                }
                Ok(seconds)
            }
        })
        .with_resumable("counts", move |ctx: ActivityContext, upto: u32| {
            let (seen, slow) = (other.clone(), Slow(slower.clone()));
            async move {
                let saved = ctx.checkpoint.clone();
                let segments = saved.as_ref().map_or(0, |saved| saved.segments.len());
                let mut n: u32 = saved.map_or(0, |saved| saved.cursor.to().expect("a number"));
                assert_eq!(segments, n as usize, "a segment for each step, and none twice");
                let begin = n;
                while n < upto {
                    slow.sleep(Duration::from_secs(1)).await;
                    n += 1;
                    if n - begin == 7 {
                        return Ok(Step::Continue(Checkpoint::new(n, Some(n))?));
                    }
                    ctx.save(n, Some(n)).await?;
                    seen.saved.set(seen.saved.get() + 1);
                }
                Ok(Step::Done(n))
            }
        });
    let hub = Hub::with(orchestrators(), activities, change);
    place.set(Some(Rc::new(hub.clone())));
    (hub, seen)
}

#[test]
fn a_failure_comes_back_with_all_that_it_says() {
    let (hub, _) = hub();
    let id = hub.start("one", ("fail", "boom"));
    let failure = hub.end::<Json>(&id).unwrap_err();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str(), failure.retriable),
        ("Failed", "boom", true)
    );
    let id = hub.start("one", ("nothing", 1));
    let failure = hub.end::<Json>(&id).unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.retriable), ("UnknownActivity", false));
}

#[test]
fn a_retry_policy_repeats_what_fails_with_growing_pauses() {
    let (hub, _) = hub();
    let id = hub.start("retry", ("flaky", 3));
    assert_eq!(hub.end::<u32>(&id).unwrap(), 3);
    let tries = ["TaskScheduled", "TaskFailed", "TimerCreated", "TimerFired"].repeat(3);
    let events = hub.events(&id);
    assert_eq!(events[1..13], tries);
    assert_eq!(events[13..], ["TaskScheduled", "TaskCompleted", "ExecutionCompleted"]);
    let id = hub.start("retry", ("flaky", 4));
    assert_eq!(hub.end::<Json>(&id).unwrap_err().message, "attempt 4");
}

#[test]
fn a_call_that_takes_too_long_fails_and_its_result_is_ignored() {
    let (hub, _) = hub();
    let id = hub.start("limited", ("sleeps", 30));
    let failure = hub.end::<Json>(&id).unwrap_err();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str()),
        ("Timeout", "activity 'sleeps' has not ended within 10s")
    );
    let id = hub.start("limited", ("sleeps", 3));
    assert_eq!(hub.end::<u64>(&id).unwrap(), 3);
    assert_eq!(
        hub.events(&id),
        ["ExecutionStarted", "TaskScheduled", "TimerCreated", "TaskCompleted", "ExecutionCompleted"]
    );
}

#[test]
fn a_running_activity_learns_that_its_orchestration_was_terminated() {
    let (hub, seen) = hub();
    let id = hub.start("one", ("sleeps", 300));
    hub.sleep(Duration::from_secs(20));
    hub.tell(hub.engine.terminate(&id, "enough")).unwrap();
    hub.wait_for(&id, RuntimeStatus::Terminated);
    hub.sleep(Duration::from_secs(10));
    assert_eq!(seen.cancelled.get(), 1);
    assert_eq!(hub.calls("sleeps"), 1);
}

#[test]
fn an_activity_is_continued_where_it_stopped_and_after_a_crash_where_it_last_saved() {
    let (hub, seen) = hub();
    let id = hub.start("one", ("counts", 20));
    assert_eq!(hub.end::<u32>(&id).unwrap(), 20);
    assert_eq!(hub.calls("counts"), 3);
    let id = hub.start("one", ("counts", 20));
    let before = seen.saved.get();
    hub.sleep(Duration::from_millis(4_500));
    hub.crash();
    hub.schedule(&SchedulerKick {
        started_at: Some(longhaul::Platform::now(hub.engine.platform())),
        ..SchedulerKick::default()
    });
    assert_eq!(hub.end::<u32>(&id).unwrap(), 20);
    assert!(seen.saved.get() - before <= 19, "what was saved is not done again");
    // What it has saved is needed no more.
    hub.run(hub.engine.purge(&id, false)).unwrap();
    let left: Vec<_> =
        hub.engine.platform().keys().into_iter().filter(|key| key.contains(id.as_str())).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn an_activity_that_falls_silent_is_called_again_and_at_last_given_up() {
    let (hub, _) = hub_with(|engine| {
        let timing = longhaul::Timing {
            activity_silence: Duration::from_secs(5),
            max_failures: 3,
            ..longhaul::Timing::default()
        };
        engine.with_timing(timing)
    });
    // It reports every second, and so is not silent.
    let id = hub.start("one", ("sleeps", 60));
    assert_eq!(hub.end::<u64>(&id).unwrap(), 60);
    let hub = Hub::with(
        orchestrators(),
        ActivityFunctions::new().with("hangs", |_: ActivityContext, _: Json| async move {
            std::future::pending::<()>().await;
            Ok(())
        }),
        |engine| {
            let timing = longhaul::Timing { max_failures: 3, ..longhaul::Timing::default() };
            engine.with_timing(timing)
        },
    );
    let id = hub.start("one", ("hangs", 0));
    let failure = hub.end::<Json>(&id).unwrap_err();
    assert_eq!(failure.kind, "ActivityUnavailable");
    assert!(failure.message.contains("3 times, the last time: silence for 600s"), "{failure}");
}

#[test]
fn an_activity_that_falls_silent_is_given_up_however_many_others_answer_meanwhile() {
    let (hub, _) = hub_with(|engine| {
        let timing = longhaul::Timing {
            activity_silence: Duration::from_secs(1),
            max_failures: 1,
            ..longhaul::Timing::default()
        };
        engine.with_timing(timing)
    });
    let naps = hub.end::<u32>(&hub.start("beside", 0)).unwrap();
    assert!((1_900..2_500).contains(&naps), "{naps} naps of half a millisecond");
}

#[test]
fn an_instance_that_takes_its_process_down_is_given_up_and_spares_the_others() {
    let orchestrators = Orchestrators::new()
        .with("poison", |_: OrchestrationContext, _: Json| async move {
            // As a trap does, it takes everything in the process with it.
            if true {
                std::panic::resume_unwind(Box::new(()));
            }
            Ok(())
        })
        .with("good", |ctx: OrchestrationContext, n: u64| async move {
            for _ in 0..5 {
                ctx.create_timer(Duration::from_secs(40)).await;
            }
            Ok(n)
        });
    let hub = Hub::with(orchestrators, activities(), |engine| {
        engine.with_limits(Limits { max_deaths: 4, ..Limits::default() })
    });
    let poison = hub.start("poison", 0);
    let good: Vec<_> = (0..5).map(|n| hub.start("good", n)).collect();
    let mut deaths = 0;
    while hub.status(&poison) != RuntimeStatus::Failed {
        if hub.died.replace(false) {
            deaths += 1;
            assert!(deaths < 20, "it is never given up");
            hub.crash();
            hub.schedule(&SchedulerKick::default());
        }
        hub.sleep(Duration::from_millis(200));
    }
    let failure = hub.end::<Json>(&poison).unwrap_err();
    assert_eq!(failure.kind, "PoisonedInstance");
    assert!((5..=7).contains(&deaths), "{deaths}");
    for (n, id) in good.iter().enumerate() {
        assert_eq!(hub.end::<usize>(id).unwrap(), n);
    }
}

#[test]
fn an_orchestrator_is_chosen_by_the_version_that_the_instance_was_started_with() {
    let versions = || {
        Orchestrators::new()
            .with_version("v", "1", |ctx: OrchestrationContext, _: Json| async move {
                ctx.create_timer(Duration::from_secs(100)).await;
                Ok(1)
            })
            .with_version("v", "2", |ctx: OrchestrationContext, _: Json| async move {
                assert_eq!(ctx.version().as_deref(), Some("2"));
                Ok(2)
            })
    };
    let hub = Hub::new(versions(), activities());
    let start = |version: &str| {
        let start = Start { version: Some(version.into()), ..Start::new("v", Json::null()) };
        let started = hub.run(hub.engine.start(start)).unwrap();
        hub.kick(&started);
        started.id
    };
    let (one, two, three) = (start("1"), start("2"), start("3"));
    assert_eq!((hub.end::<u8>(&one).unwrap(), hub.end::<u8>(&two).unwrap()), (1, 2));
    let why = hub.details(&three).head.waits_for.unwrap();
    assert!(why.contains("for the versions '1', '2', and the instance was started with '3'"), "{why}");
}
