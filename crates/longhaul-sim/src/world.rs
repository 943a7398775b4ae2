//! The engine's components in processes of their own, connected by a network that loses, doubles and delays.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use jiff::{SignedDuration, Timestamp};
use longhaul::{
    Activities, ActivityContext, ActivityFunctions, ActivityOutcome, ActivityRequest, Engine, Failure, InstanceKey,
    KickError, Kicks, NoAnswer, OrchestrationContext, Orchestrators, Platform, SchedulerKick, TaskHub, TickKick,
};

use crate::exec::{Exec, Process};
use crate::store::SimStore;

/// Where clients run.
pub const CLIENTS: [Process; 2] = [Process(0), Process(1)];
/// Where ticks run.
pub const ORCHESTRATORS: [Process; 2] = [Process(2), Process(3)];
/// Where activities run.
pub const ACTIVITIES: [Process; 2] = [Process(4), Process(5)];
/// Where schedulers run.
pub const SCHEDULERS: [Process; 2] = [Process(6), Process(7)];
/// Everything that may crash.
pub const ALL: [Process; 8] = [
    Process(0),
    Process(1),
    Process(2),
    Process(3),
    Process(4),
    Process(5),
    Process(6),
    Process(7),
];

/// The world. Clones are the same world.
#[derive(Clone)]
pub struct World(Rc<Shared>);

struct Shared {
    exec: Exec,
    store: SimStore,
    /// How wrong each process's clock is.
    skew: BTreeMap<Process, SignedDuration>,
    /// How likely a message is lost, doubled, or an activity traps.
    trouble: Cell<f64>,
}

/// A process's view of the world.
#[derive(Clone)]
pub struct Place {
    world: World,
    process: Process,
}

impl World {
    /// A world without trouble.
    pub fn new(exec: &Exec, store: &SimStore) -> Self {
        let skew = |process| (process, SignedDuration::from_millis(exec.below(8000) as i64 - 4000));
        let skew = match exec.chance(0.5) {
            true => ALL.into_iter().map(skew).collect(),
            false => BTreeMap::new(),
        };
        Self(Rc::new(Shared { exec: exec.clone(), store: store.clone(), skew, trouble: Cell::new(0.0) }))
    }

    /// How likely each message and activity meets with trouble from now on.
    pub fn set_trouble(&self, probability: f64) {
        self.0.trouble.set(probability);
    }

    /// The engine as `process` runs it.
    pub fn engine(&self, process: Process) -> Engine<Place> {
        Engine::new(Place { world: self.clone(), process }, TaskHub::new("sim"))
    }

    /// Sends a tick kick.
    pub fn kick_tick(&self, key: &InstanceKey, kick: &TickKick) {
        let (key, kick) = (key.clone(), kick.clone());
        self.deliver(move |world| {
            let (key, kick, process) = (key.clone(), kick.clone(), world.one_of(ORCHESTRATORS));
            let engine = world.engine(process);
            let caller = Caller(world.clone());
            world.0.exec.spawn(process, async move {
                // A tick that fails is found by the scheduler.
                let _ = engine.tick(&key, &kick, &orchestrators(), &caller).await;
            });
        });
    }

    /// Sends a scheduler kick.
    pub fn kick_scheduler(&self, kick: &SchedulerKick) {
        let kick = kick.clone();
        self.deliver(move |world| {
            let (kick, process) = (kick.clone(), world.one_of(SCHEDULERS));
            let engine = world.engine(process);
            let kicks = Caller(world.clone());
            world.0.exec.spawn(process, async move {
                let _ = engine.run_scheduler(&kick, &kicks).await;
            });
        });
    }

    /// Delivers a message never, once or twice, each after a while.
    fn deliver(&self, arrive: impl Fn(&World) + Clone + 'static) {
        let trouble = self.0.trouble.get();
        let copies = match () {
            () if self.0.exec.chance(trouble) => 0,
            () if self.0.exec.chance(trouble) => 2,
            () => 1,
        };
        for _ in 0..copies {
            let (world, arrive, exec) = (self.clone(), arrive.clone(), self.0.exec.clone());
            let most = if exec.chance(trouble / 2.0) { Duration::from_secs(30) } else { Duration::from_millis(5) };
            let delay = exec.up_to(most);
            self.0.exec.spawn(NETWORK, async move {
                exec.sleep(delay).await;
                arrive(&world);
            });
        }
    }

    fn one_of<const N: usize>(&self, processes: [Process; N]) -> Process {
        processes[self.0.exec.below(N as u64) as usize]
    }
}

/// The process in which messages travel. It does not crash.
const NETWORK: Process = Process(u32::MAX - 1);

impl Platform for Place {
    type Store = SimStore;

    fn store(&self) -> &SimStore {
        &self.world.0.store
    }

    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_700_000_000).expect("a time");
        let skew = self.world.0.skew.get(&self.process).copied().unwrap_or_default();
        start + SignedDuration::try_from(self.world.0.exec.now()).expect("a short time") + skew
    }

    fn monotonic(&self) -> Duration {
        self.world.0.exec.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.world.0.exec.sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        self.world.0.exec.bytes()
    }
}

/// Calls other components.
struct Caller(World);

impl Kicks for Caller {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let world = &self.0;
        world.0.exec.sleep(world.0.exec.up_to(Duration::from_millis(3))).await;
        if world.0.exec.chance(world.0.trouble.get()) {
            return Err(KickError("injected".into()));
        }
        world.kick_tick(key, kick);
        Ok(())
    }
}

impl Activities for Caller {
    async fn call(&self, name: &str, request: &ActivityRequest) -> Result<ActivityOutcome, NoAnswer> {
        let world = self.0.clone();
        let exec = &world.0.exec;
        let call =
            (request.instance_id.to_string(), request.execution_id.to_string(), request.task_id.0, request.attempt);
        let store = world.0.store.clone();
        store.checks().dispatched(|key| store.peek(key), call);
        exec.sleep(exec.up_to(Duration::from_millis(3))).await;
        let trouble = world.0.trouble.get();
        if exec.chance(trouble) {
            return Err(NoAnswer("connection refused".into()));
        }
        let process = world.one_of(ACTIVITIES);
        let (answer, answered) = oneshot::channel();
        let (name, request, running) = (name.to_owned(), request.clone(), exec.clone());
        exec.spawn(process, async move {
            let most = if running.chance(0.2) { Duration::from_secs(40) } else { Duration::from_millis(300) };
            running.sleep(running.up_to(most)).await;
            if running.chance(trouble) {
                running.crash(process); // it traps, and takes its neighbours with it
            }
            let outcome = activities().run(&name, request).await;
            let _ = answer.send(outcome);
        });
        // What the activity did before the answer was lost stays done.
        let outcome = answered.await.map_err(|_| NoAnswer("trapped".into()))?;
        match exec.chance(trouble) {
            true => Err(NoAnswer("connection reset".into())),
            false => Ok(outcome),
        }
    }
}

/// The orchestrator functions of the simulation.
pub fn orchestrators() -> Orchestrators {
    async fn one(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        ctx.call_activity("double", n).await
    }
    async fn sequence(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        let mut value = n;
        for _ in 0..3 {
            value = ctx.call_activity("double", value).await?;
        }
        Ok(value)
    }
    async fn fan_out(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        let calls: Vec<_> = (0..4).map(|i| ctx.call_activity::<_, u64>("double", n + i)).collect();
        Ok(futures::future::try_join_all(calls).await?.into_iter().sum())
    }
    async fn fails(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        ctx.call_activity("fail", n).await
    }
    Orchestrators::new()
        .with("one", one)
        .with("sequence", sequence)
        .with("fan-out", fan_out)
        .with("fails", fails)
}

/// What the orchestrator `name` ends with for the input `n`: its output, or its failure's message.
pub fn expected(name: &str, n: u64) -> Result<u64, String> {
    match name {
        "one" => Ok(2 * n),
        "sequence" => Ok(8 * n),
        "fan-out" => Ok(8 * n + 12),
        "fails" => Err(format!("no {n}")),
        other => unreachable!("no orchestrator {other}"),
    }
}

fn activities() -> ActivityFunctions<'static> {
    ActivityFunctions::new()
        .with("double", |_: ActivityContext, n: u64| async move { Ok(2 * n) })
        .with("fail", |_: ActivityContext, n: u64| async move {
            Err::<u64, _>(Failure::permanent("Refused", format!("no {n}")))
        })
}
