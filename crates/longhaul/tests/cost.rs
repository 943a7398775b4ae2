//! What an instance costs: durable writes and reads, counted. A change that raises them fails here.

use futures::executor::block_on;
use longhaul::memory::{MemoryPlatform, Operations};
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Creation, Engine, InstanceId, InstanceKey,
    Json, KickError, Kicks, NoAnswer, OrchestrationContext, Orchestrators, Reuse, RuntimeStatus,
    SchedulerKick, SchedulerRun, Start, TaskHub, TickKick, Ticked,
};

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

struct NoKicks;

impl Kicks for NoKicks {
    async fn tick(&self, key: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        panic!("{key} needs no kick")
    }
}

fn engine() -> Engine<MemoryPlatform> {
    Engine::new(MemoryPlatform::new(), TaskHub::new("cost"))
}

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("sequence", |ctx: OrchestrationContext, count: u32| async move {
            for number in 0..count {
                ctx.call_activity::<_, u32>("echo", number).await?;
            }
            Ok(count)
        })
        .with("fan-out", |ctx: OrchestrationContext, count: u32| async move {
            let calls = (0..count).map(|number| ctx.call_activity::<_, u32>("echo", number));
            Ok(futures::future::try_join_all(calls).await?.len())
        })
}

fn start(name: &str, input: u32) -> Start {
    Start::new(name, Json::of(&input).unwrap())
}

/// What `work` costs.
fn counted<T>(engine: &Engine<MemoryPlatform>, work: impl Future<Output = T>) -> (T, Operations) {
    let before = engine.platform().operations();
    let result = block_on(work);
    (result, engine.platform().operations() - before)
}

fn cost(writes: u32, reads: u32) -> Operations {
    Operations { writes, reads }
}

#[test]
fn a_start_costs_two_writes_and_each_step_one() {
    for (name, activities, steps) in
        [("sequence", 0, 1), ("sequence", 1, 2), ("sequence", 5, 6), ("fan-out", 10, 2), ("fan-out", 0, 1)]
    {
        let engine = engine();
        let (started, spent) = counted(&engine, engine.start(start(name, activities)));
        assert_eq!(spent, cost(2, 0), "start of {name} {activities}");
        let started = started.unwrap();
        let orchestrators = orchestrators();
        let (ticked, spent) =
            counted(&engine, engine.tick(&started.key, &started.tick, &orchestrators, &Echo, &NoKicks));
        assert_eq!(ticked, Ok(Ticked::Finished));
        // The record is read once at the beginning: this store says of each swap that it is done.
        assert_eq!(spent, cost(steps, 1), "tick of {name} {activities}");
        let (found, spent) = counted(&engine, engine.lookup(&started.id));
        assert_eq!(found.unwrap().unwrap().head.status, RuntimeStatus::Completed);
        assert_eq!(spent, cost(0, 1), "lookup");
    }
}

#[test]
fn a_start_under_a_chosen_id_costs_five_writes_and_its_repetition_none() {
    let engine = engine();
    let id = InstanceId::new("order-7").unwrap();
    let (created, spent) = counted(&engine, engine.start_with_id(&id, start("sequence", 1), Reuse::Never));
    let Ok(Creation::Created(started)) = created else { panic!("{created:?}") };
    assert_eq!(spent.writes, 5, "claim, slot number, slot, record, choice");
    block_on(engine.tick(&started.key, &started.tick, &orchestrators(), &Echo, &NoKicks)).unwrap();
    let (again, spent) = counted(&engine, engine.start_with_id(&id, start("sequence", 1), Reuse::Never));
    assert!(matches!(again, Ok(Creation::Exists { adopted: None, .. })));
    assert_eq!(spent.writes, 0);
}

#[test]
fn the_scheduler_goes_to_rest_and_then_costs_nothing() {
    let engine = engine();
    for _ in 0..3 {
        let started = block_on(engine.start(start("sequence", 1))).unwrap();
        block_on(engine.tick(&started.key, &started.tick, &orchestrators(), &Echo, &NoKicks)).unwrap();
    }
    let run = || counted(&engine, engine.run_scheduler(&SchedulerKick::default(), &NoKicks));
    let (ended, Operations { writes, .. }) = run();
    assert_eq!(ended, Ok(SchedulerRun::Idle));
    assert!(writes <= 8, "{writes}: its state, the lease, a renewal or two, the rest");
    let (ended, Operations { writes, reads }) = run();
    assert_eq!(ended, Ok(SchedulerRun::Idle));
    assert!(
        writes <= 2 && reads <= 60,
        "{writes} writes, {reads} reads: the counters of the hours ahead, and no instance"
    );
}
