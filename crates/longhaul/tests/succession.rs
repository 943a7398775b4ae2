//! The scheduler, when the one before it has died or the store fails.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{Either, FutureExt, select};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use longhaul::memory::MemoryPlatform;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Engine, InstanceKey, Json, KickError,
    Kicks, NoAnswer, OrchestrationContext, Orchestrators, Platform, RuntimeStatus, SchedulerKick,
    SchedulerRun, Start, Started, Store, TaskHub, TickKick, Timing,
};

/// Ticks at once, where a real kick would ask the orchestrator component to.
struct Ticks<'a>(&'a Engine<MemoryPlatform>);

impl Kicks for Ticks<'_> {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let orchestrators = Orchestrators::new()
            .with("echo", |ctx: OrchestrationContext, n: u32| async move {
                ctx.call_activity::<_, u32>("echo", n).await
            });
        let ticked = self.0.tick(key, kick, &orchestrators, &Echo, self).await;
        ticked.map(|_| ()).map_err(|error| KickError(error.to_string()))
    }
}

struct Echo;

impl Activities for Echo {
    async fn call(
        &self,
        _: &str,
        request: &ActivityRequest,
        _: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        Ok(ActivityOutcome::Completed(request.input.clone()))
    }
}

/// An engine with an instance whose own kick was lost.
fn scene() -> (Engine<MemoryPlatform>, Started) {
    scene_on(MemoryPlatform::new())
}

fn scene_on(platform: MemoryPlatform) -> (Engine<MemoryPlatform>, Started) {
    let engine = Engine::new(platform, TaskHub::new("test"));
    let start = Start::new("echo", Json::of(&7).unwrap());
    let started = block_on(engine.start(start)).unwrap();
    (engine, started)
}

fn status(engine: &Engine<MemoryPlatform>, started: &Started) -> RuntimeStatus {
    block_on(engine.lookup(&started.id)).unwrap().unwrap().head.status
}

#[test]
fn a_kick_that_meets_the_lease_of_a_dead_scheduler_is_not_lost() {
    let (engine, started) = scene();
    let kicks = Ticks(&engine);
    // A scheduler that dies at its first sleep, with its lease in the store.
    let died = engine.run_scheduler(&started.scheduler, &kicks).now_or_never();
    assert_eq!(died, None);
    assert_eq!(status(&engine, &started), RuntimeStatus::Pending);

    let run = block_on(engine.run_scheduler(&started.scheduler, &kicks));
    assert_eq!(run, Ok(SchedulerRun::Idle));
    assert_eq!(status(&engine, &started), RuntimeStatus::Completed);
}

#[test]
fn a_scheduler_beside_one_that_is_alive_ends() {
    let (engine, started) = scene_on(MemoryPlatform::timed());
    let kicks = Ticks(&engine);
    let first = engine.run_scheduler(&started.scheduler, &kicks);
    let second = engine.run_scheduler(&started.scheduler, &kicks);
    let ends = engine.platform().block_on(futures::future::join(first, second));
    assert_eq!(ends, (Ok(SchedulerRun::Idle), Ok(SchedulerRun::NotNeeded)));
}

#[test]
fn a_host_that_starts_does_not_wait_for_the_leases_of_the_dead() {
    let (engine, started) = scene();
    let kicks = Ticks(&engine);
    assert_eq!(engine.run_scheduler(&started.scheduler, &kicks).now_or_never(), None);
    block_on(engine.platform().sleep(Duration::from_secs(1)));
    let begin = engine.platform().monotonic();
    let start = SchedulerKick { started_at: Some(engine.platform().now()), ..SchedulerKick::default() };
    let mut run = Box::pin(engine.run_scheduler(&start, &kicks));
    while status(&engine, &started) != RuntimeStatus::Completed {
        assert_eq!(run.as_mut().now_or_never(), None);
        // The instance's own lease lasts four seconds more, the dead scheduler's fourteen.
        let waited = engine.platform().monotonic() - begin;
        assert!(waited.as_secs() < 1, "{waited:?}");
    }
}

#[test]
fn a_store_that_fails_for_minutes_does_not_end_the_scheduler() {
    let (engine, started) = scene();
    let kicks = Ticks(&engine);
    let mut run = Box::pin(engine.run_scheduler(&started.scheduler, &kicks));
    assert_eq!(run.as_mut().now_or_never(), None, "it leads");
    engine.platform().set_failing(true);
    let begin = engine.platform().monotonic();
    while (engine.platform().monotonic() - begin).as_secs() < 900 {
        assert_eq!(run.as_mut().now_or_never(), None, "it does not give up");
    }
    engine.platform().set_failing(false);
    assert_eq!(block_on(run), Ok(SchedulerRun::Idle));
    assert_eq!(status(&engine, &started), RuntimeStatus::Completed);
}

#[test]
fn a_check_takes_over_from_a_dead_scheduler_and_leaves_one_that_is_well() {
    let (engine, started) = scene();
    let kicks = Ticks(&engine);
    let check = SchedulerKick { check: true, ..SchedulerKick::default() };
    assert_eq!(engine.run_scheduler(&started.scheduler, &kicks).now_or_never(), None);
    // It is dead, and by its lease nobody can tell yet.
    assert_eq!(block_on(engine.run_scheduler(&check, &kicks)), Ok(SchedulerRun::NotNeeded));
    block_on(engine.platform().sleep(Duration::from_secs(20)));
    assert_eq!(block_on(engine.run_scheduler(&check, &kicks)), Ok(SchedulerRun::Idle));
    assert_eq!(status(&engine, &started), RuntimeStatus::Completed);
    let before = engine.platform().operations();
    assert_eq!(block_on(engine.run_scheduler(&check, &kicks)), Ok(SchedulerRun::NotNeeded));
    let spent = engine.platform().operations() - before;
    assert_eq!((spent.reads, spent.writes), (3, 0), "its state and two counters");
    // Something has come since, and the kick for it was lost.
    let start = Start::new("echo", Json::of(&7).unwrap());
    let forgotten = block_on(engine.start(start)).unwrap();
    assert_eq!(block_on(engine.run_scheduler(&check, &kicks)), Ok(SchedulerRun::Idle));
    assert_eq!(status(&engine, &forgotten), RuntimeStatus::Completed);
}

/// The same store and the same time, by a clock that is wrong.
struct Skewed<'a> {
    platform: &'a MemoryPlatform,
    skew: Cell<SignedDuration>,
}

impl Platform for Skewed<'_> {
    type Store = MemoryPlatform;

    fn store(&self) -> &MemoryPlatform {
        self.platform
    }

    fn now(&self) -> Timestamp {
        self.platform.now() + self.skew.get()
    }

    fn monotonic(&self) -> Duration {
        self.platform.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.platform.sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        self.platform.random()
    }
}

/// Nobody takes kicks, so that there is always something to do.
struct Lost;

impl Kicks for Lost {
    async fn tick(&self, _: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        Err(KickError("the test wants it to".into()))
    }
}

fn takeovers(platform: &MemoryPlatform) -> u64 {
    let state =
        platform.get("test/scheduler").now_or_never().unwrap().unwrap().expect("there is a scheduler");
    serde_json::from_slice::<serde_json::Value>(&state).unwrap()["epoch"].as_u64().unwrap()
}

#[test]
fn a_dead_scheduler_whose_clock_was_ahead_is_waited_for_no_longer_than_its_lease_lasts() {
    for check in [false, true] {
        let platform = MemoryPlatform::timed();
        let skewed = |skew| Skewed { platform: &platform, skew: Cell::new(SignedDuration::from_secs(skew)) };
        let [ahead, right] = [3600, 0].map(|skew| Engine::new(skewed(skew), TaskHub::new("test")));
        block_on(right.start(Start::new("echo", Json::of(&7).unwrap()))).unwrap();
        assert_eq!(ahead.run_scheduler(&SchedulerKick::default(), &Lost).now_or_never(), None, "it leads");
        let kick = SchedulerKick { check, ..SchedulerKick::default() };
        platform.block_on(async {
            let mut run = pin!(right.run_scheduler(&kick, &Lost));
            for (millis, expected) in [(14_900, 1), (200, 2)] {
                let pause = pin!(platform.sleep(Duration::from_millis(millis)));
                let Either::Right(_) = select(run.as_mut(), pause).await else { panic!("it has ended") };
                assert_eq!(takeovers(&platform), expected, "check: {check}");
            }
        });
    }
}

#[test]
fn schedulers_whose_clocks_differ_come_to_terms() {
    for (first, second, jump) in [
        (0, 0, 0),
        (0, 20, 0),
        (0, -20, 0),
        (0, 60, 0),
        (60, 0, 0),
        (-3600, 3600, 0),
        (3600, -3600, 0),
        (0, 0, 90),
        (0, 0, -90),
        (45, -45, 90),
        (45, -45, -90),
    ] {
        let platform = MemoryPlatform::timed();
        let engine = |skew| {
            let skew = Cell::new(SignedDuration::from_secs(skew));
            let engine = Engine::new(Skewed { platform: &platform, skew }, TaskHub::new("test"));
            // It never rests: every rest is one more epoch.
            engine.with_timing(Timing { rest: Duration::from_secs(600), ..Timing::default() })
        };
        let engines = [engine(first), engine(second)];
        let start = Start::new("echo", Json::of(&7).unwrap());
        block_on(engines[0].start(start)).unwrap();
        let before = Cell::new(0);
        let kicked = async {
            // The processes of a busy application ask for a scheduler again and again, and each runs what it is asked for.
            let mut runs = FuturesUnordered::new();
            for round in 0..120 {
                for engine in &engines {
                    let kick = SchedulerKick::default();
                    runs.push(async move { engine.run_scheduler(&kick, &Lost).await });
                }
                if round == 40 {
                    let clock = &engines[0].platform().skew;
                    clock.set(clock.get() + SignedDuration::from_secs(jump));
                }
                if round == 80 {
                    before.set(takeovers(&platform));
                }
                let mut pause = pin!(platform.sleep(Duration::from_secs(3)));
                while let Either::Left((run, _)) = select(runs.next(), pause.as_mut()).await {
                    assert_eq!(run, Some(Ok(SchedulerRun::NotNeeded)));
                }
            }
            // Those that came last may still wait, up to a lease's length, to see that the other is alive.
            assert!(runs.len() <= 1 + 2 * 7, "{} runs", runs.len());
        };
        platform.block_on(kicked);
        let takeovers = takeovers(&platform);
        assert!(takeovers <= 6, "{first} {second} {jump}: {takeovers} takeovers");
        assert_eq!(takeovers, before.get(), "{first} {second} {jump}: it goes on and on");
    }
}
